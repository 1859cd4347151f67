// RFC 9420 §17.1: a short run on the platforms that are here, and what is made of what platforms report.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { SOURCES } from "@copse/test-support/bundle";
import { root } from "@copse/test-support/documents";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { bundle } from "../../platforms/src/bundle.js";
import { type Got, Unavailable } from "../../platforms/src/get.js";
import { inProcess, type Job } from "../../platforms/src/launch.js";
import { PLATFORMS, type Platform } from "../../platforms/src/platforms.js";
import { type Line, NO_TOKEN, type ProviderLine, type SuiteLine } from "../../platforms/src/report.js";
import { type PlatformResult, runPlatforms } from "../../platforms/src/run-platforms.js";
import { merged, type Row, render, rowOf, shortfalls, stored } from "../../platforms/src/table.js";

const document = await readFile(`${root}docs/platforms.md`, "utf8");
const rowsText = await readFile(`${root}docs/platforms.json`, "utf8");
const rows = JSON.parse(rowsText) as Row[];

/** The Node that runs this, and a browser if it is here: nothing is fetched. The others have `npm run test:platforms`. */
const here: (readonly [string, Platform, Got])[] = [];
const own = `node${process.versions.node.split(".")[0]}`;
for (const platform of PLATFORMS.filter(({ name }) => name === own || name === "chromium")) {
  const got = await platform.get(false).catch((error: unknown) => {
    if (!(error instanceof Unavailable)) throw error;
  });
  if (got !== undefined) here.push([platform.name, platform, got]);
}

/** The platform's own cryptography, and what is the same everywhere. `npm run test:platforms` has all of them. */
const PROVIDERS = ["webcrypto", "noble"];

let folder: string;
let files: string[];

beforeAll(async () => {
  folder = await mkdtemp(`${tmpdir()}/copse-platforms-`);
  files = await bundle(folder, SOURCES);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const job = (suites: number[]): Job => ({
  folder,
  files,
  options: { suites, providers: PROVIDERS, effort: "short" },
});
const suitesOf = (lines: readonly Line[]) => lines.filter((line): line is SuiteLine => line.kind === "suite");

describe("a short run", () => {
  it("can be made on the Node that runs this", () => {
    if (PLATFORMS.some(({ name }) => name === own)) expect(here.map(([name]) => name)).toContain(own);
  });

  test.each(here)("on %s has no failure", async (_, { launch }, { command }) => {
    const lines: Line[] = [];
    await launch(command, job([1]), (line) => lines.push(line));
    expect(lines[0]).toMatchObject({ kind: "facts" });
    expect(lines.at(-1)).toEqual({ kind: "end" });
    const suites = suitesOf(lines);
    expect(suites.map(({ provider }) => provider)).toEqual(PROVIDERS);
    for (const { id, passed, verdicts, failed, session } of suites) {
      expect({ id, failed, session }).toEqual({ id: 1, failed: [], session: "" });
      expect(passed).toBeGreaterThan(70);
      expect(verdicts).toBeGreaterThan(100);
    }
  });
});

const line = (provider: string, id: number, rest: Partial<SuiteLine> = {}): SuiteLine => ({
  kind: "suite",
  provider,
  id,
  name: `suite ${id}`,
  passed: 10,
  verdicts: 20,
  failed: [],
  session: "",
  ...rest,
});

const serves = (provider: string, ...ids: number[]): ProviderLine => ({
  kind: "provider",
  provider,
  serves: ids,
});

const good: PlatformResult = {
  name: "node20",
  title: "Node",
  version: "20.1.0",
  facts: { kind: "facts", curves: ["X25519"], wasm: true },
  providers: [serves("webcrypto", 7, 1), serves("noble", 0xf001, 2, 4, 3)],
  refusals: [{ kind: "refusal", provider: "libsodium", reason: "no WASM" }],
  suites: [line("webcrypto", 7), line("webcrypto", 1), ...[0xf001, 2, 4, 3].map((id) => line("noble", id))],
};
const bun: PlatformResult = {
  ...good,
  name: "bun",
  title: "Bun",
  version: "1.0",
  facts: { kind: "facts", curves: [], wasm: true, provided: ["TextEncoder"] },
  providers: [serves("node", 1)],
  refusals: [],
  suites: [line("node", 1)],
};
const written = [rowOf(good, "full", "2026-11-29"), rowOf(bun, "short", "2026-11-30")];

describe("the document", () => {
  it("shows what is served and what isn't, and when it was run", () => {
    const text = render(written);
    const first =
      "| node20 | Node 20.1.0 | 2026-11-29 | 1 7 | no | no | no | no | 2–4 P1 | no | X25519 | 60 | 6 |";
    expect(text).toContain(first);
    expect(text).toContain("| bun | Bun 1.0 | 2026-11-30 | no | 1 |");
    expect(text).toContain("| none | 10 (short) | 1 |");
    expect(text).toContain("- Node 20.1.0, libsodium: `no WASM`");
    expect(text).toContain("- Bun 1.0: `TextEncoder`");
    expect(text).toContain("70 checks passed, none failed, and 7 sessions");
    expect(render(written)).toBe(text);
  });

  it("keeps the rows of platforms that weren't run, in the platforms' order", () => {
    const [old, other] = written as [Row, Row];
    const newer = { ...old, version: "20.2.0", date: "2026-12-01" };
    expect(merged([other, old], [newer], ["node20", "deno", "bun"])).toEqual([newer, other]);
    const { counts: _, ...uncounted } = old;
    expect(render([uncounted])).toContain("| X25519 | – | – |");
  });

  it("in docs is what comes of its rows, one for each platform, with suites for all that matter", () => {
    expect(document).toBe(render(rows));
    expect(rowsText).toBe(stored(rows));
    expect(rows.map(({ name }) => name)).toEqual(PLATFORMS.map(({ name }) => name));
    for (const { name, title, runs } of PLATFORMS) {
      const row = rows.find((one) => one.name === name) as Row;
      const [, major = ""] = /^node(\d+)/.exec(name) ?? [];
      expect(`${row.title} ${row.version}`).toMatch(new RegExp(`^${title} ${major}`));
      if (runs === undefined) expect(row.serves.webcrypto, name).toEqual([1, 2, 3, 5, 7]);
      else expect(row.serves, name).toEqual({ noble: runs.suites });
    }
  });
});

describe("a shortfall: fewer suites than the document says", () => {
  const withServed = (...providers: ProviderLine[]): PlatformResult => ({ ...good, providers });
  const says = (provider: string, said: string, got: string) =>
    `node20: ${provider}: expected suites ${said} (docs/platforms.md), got ${got}`;

  it("is none where all or more is served, in whatever version", () => {
    expect(shortfalls(written, [good, { ...bun, version: "1.1" }])).toEqual([]);
    const more = withServed(serves("webcrypto", 1, 2, 7), serves("noble", 1, 2, 3, 4, 0xf001));
    expect(shortfalls(written, [more])).toEqual([]);
  });

  it("is told for each provider that lacks a suite", () => {
    const less = withServed(serves("webcrypto", 7), serves("noble", 2, 3, 4));
    expect(shortfalls(written, [less, bun])).toEqual([
      says("webcrypto", "1 7", "7"),
      says("noble", "2–4 P1", "2–4"),
    ]);
  });

  it("is told for a provider that refuses, or reports nothing", () => {
    const refusal = { kind: "refusal", provider: "webcrypto", reason: "no subtle" } as const;
    const noble = serves("noble", 0xf001, 2, 4, 3);
    const refused = { ...withServed(noble), refusals: [refusal] };
    for (const result of [refused, withServed(noble)]) {
      expect(shortfalls(written, [result])).toEqual([says("webcrypto", "1 7", "none")]);
    }
  });

  it("isn't told for a provider that wasn't tried, or a platform that wasn't got or broke", () => {
    const untried = { kind: "refusal", provider: "noble", reason: `Error: ${NO_TOKEN}` } as const;
    const partial = { ...withServed(serves("webcrypto", 1, 7)), refusals: [untried] };
    expect(shortfalls(written, [partial])).toEqual([]);
    expect(shortfalls(written, [withServed(serves("webcrypto", 1, 7))], ["webcrypto"])).toEqual([]);
    expect(shortfalls(written, [{ ...withServed(), missing: "it is nowhere" }])).toEqual([]);
    expect(shortfalls(written, [{ ...withServed(), broken: "it ended" }])).toEqual([]);
  });

  it("is told for a platform that the document doesn't have", () => {
    expect(shortfalls(written, [{ ...good, name: "node99" }])).toEqual([
      "node99: docs/platforms.md has no row for it: run with --write",
    ]);
  });

  it("is found in docs/platforms.md for each platform and provider that serves anything there", async () => {
    const planted = (name: string): PlatformResult => ({ ...withServed(), name, refusals: [] });
    const found = shortfalls(
      rows,
      PLATFORMS.map(({ name }) => planted(name)),
    );
    for (const { name, runs } of PLATFORMS) {
      const [provider, suites] = runs === undefined ? ["webcrypto", "1–3 5 7"] : ["noble", "1–3"];
      expect(found).toContain(
        `${name}: ${provider}: expected suites ${suites} (docs/platforms.md), got none`,
      );
      if (name.startsWith("node"))
        expect(found).toContain(`${name}: node: expected suites 1–7 (docs/platforms.md), got none`);
    }
  });
});

describe("platforms that fail", () => {
  const run = async (platform: Partial<Platform>) => {
    const said: string[] = [];
    const results = await runPlatforms({
      platforms: [
        {
          name: "odd",
          title: "Odd",
          get: async () => ({ command: process.execPath, version: "1" }),
          launch: inProcess([]),
          ...platform,
        },
      ],
      job: job([1]),
      fetch: false,
      jobs: 1,
      say: (text) => said.push(text),
    });
    return { result: results[0] as PlatformResult, said };
  };

  it("one that is unavailable is reported with the reason", async () => {
    const get = () => Promise.reject(new Unavailable("it is nowhere"));
    const { result, said } = await run({ get });
    expect(result).toMatchObject({ missing: "it is nowhere", suites: [] });
    expect(said).toEqual(["odd: not got: it is nowhere"]);
  });

  it("one that ends too early is reported with its last output", async () => {
    const { result } = await run({ launch: inProcess(["-e", "console.error('my last words')"]) });
    expect(result.broken).toMatch(/^it ended \(0\): my last words$/);
  });

  it("one that isn't a program is reported", async () => {
    const get = async () => ({ command: "/nowhere/at/all", version: "1" });
    const { result } = await run({ get });
    expect(result.broken).toContain("ENOENT");
  });
});
