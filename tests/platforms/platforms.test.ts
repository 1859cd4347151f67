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
import { render, shortfalls } from "../../platforms/src/table.js";

const document = await readFile(`${root}docs/platforms.md`, "utf8");

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

const job = (suites: number[]): Job => ({ folder, files, options: { suites, providers: PROVIDERS } });
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
const bad: PlatformResult = {
  ...good,
  name: "bun",
  title: "Bun",
  version: "1.0",
  providers: [serves("node", 1)],
  refusals: [],
  suites: [
    line("node", 1, { failed: [{ name: "aead: a check", detail: "bad luck 42" }], session: "it fell over" }),
  ],
};

describe("the document", () => {
  it("shows what is served, what isn't and what failed, but nothing that changes from run to run", () => {
    const text = render([good, bad]);
    expect(text).toContain("| node20 | Node 20.1.0 | 1 7 | no | no | no | no | 2–4 P1 | no | X25519 |");
    expect(text).toContain("- Node 20.1.0, libsodium: `no WASM`");
    expect(text).toContain('- Bun 1.0, node, suite 1: failed "aead: a check"');
    expect(text).toContain("- Bun 1.0, node, suite 1: the session failed: `it fell over`");
    expect(text).toContain("2 of 2 platforms, 70 checks passed, 1 failed, and 6 sessions");
    expect(text).not.toContain("bad luck");
    expect(render([good, bad])).toBe(text);
  });

  it("in docs has a row for each platform in which all was tried, and nothing that failed", () => {
    for (const { title, name } of PLATFORMS) {
      const [, major = ""] = /^node(\d+)/.exec(name) ?? [];
      expect(document).toMatch(new RegExp(`^\\| ${name} \\| ${title} ${major}[^|]* \\| 1–3 5 7 \\|`, "m"));
    }
    expect(document).toMatch(new RegExp(`${PLATFORMS.length} of ${PLATFORMS.length} platforms`));
    expect(document).not.toMatch(/: failed "|session failed|couldn't be got|didn't come to its end/);
    expect(document).not.toContain("| ? |");
  });
});

describe("a shortfall: fewer suites than the document says", () => {
  const text = render([good, bad]);
  const withServed = (...providers: ProviderLine[]): PlatformResult => ({ ...good, providers });
  const says = (provider: string, said: string, got: string) =>
    `node20: ${provider}: expected suites ${said} (docs/platforms.md), got ${got}`;

  it("is none where all or more is served, in whatever version", () => {
    expect(shortfalls(text, [good, { ...bad, version: "1.1" }])).toEqual([]);
    const more = withServed(serves("webcrypto", 1, 2, 7), serves("noble", 1, 2, 3, 4, 0xf001));
    expect(shortfalls(text, [more])).toEqual([]);
  });

  it("is told for each provider that lacks a suite", () => {
    const less = withServed(serves("webcrypto", 7), serves("noble", 2, 3, 4));
    expect(shortfalls(text, [less, bad])).toEqual([
      says("webcrypto", "1 7", "7"),
      says("noble", "2–4 P1", "2–4"),
    ]);
  });

  it("is told for a provider that refuses, or reports nothing", () => {
    const refusal = { kind: "refusal", provider: "webcrypto", reason: "no subtle" } as const;
    const noble = serves("noble", 0xf001, 2, 4, 3);
    const refused = { ...withServed(noble), refusals: [refusal] };
    for (const result of [refused, withServed(noble)]) {
      expect(shortfalls(text, [result])).toEqual([says("webcrypto", "1 7", "none")]);
    }
  });

  it("isn't told for a provider that wasn't tried, or a platform that wasn't got or broke", () => {
    const untried = { kind: "refusal", provider: "noble", reason: `Error: ${NO_TOKEN}` } as const;
    const partial = { ...withServed(serves("webcrypto", 1, 7)), refusals: [untried] };
    expect(shortfalls(text, [partial])).toEqual([]);
    expect(render([partial])).toContain("| 1 7 | no | no | no | no | ? | no | X25519 |");
    expect(shortfalls(text, [withServed(serves("webcrypto", 1, 7))], ["webcrypto"])).toEqual([]);
    expect(shortfalls(text, [{ ...withServed(), missing: "it is nowhere" }])).toEqual([]);
    expect(shortfalls(text, [{ ...withServed(), broken: "it ended" }])).toEqual([]);
  });

  it("is told for a platform that the document doesn't have, and a cell that can't be read is an error", () => {
    expect(shortfalls(text, [{ ...good, name: "node99" }])).toEqual([
      "node99: docs/platforms.md has no row for it: run with --write",
    ]);
    expect(() => shortfalls(text.replace("| 1 7 |", "| 1, 7 |"), [good])).toThrow('got "1,"');
    expect(() => shortfalls(text.replace("| webcrypto |", "| web |"), [good])).toThrow(
      "expected a column for webcrypto",
    );
  });

  it("is found in docs/platforms.md for each platform and provider that serves anything there", async () => {
    const planted = (name: string): PlatformResult => ({ ...withServed(), name, refusals: [] });
    const found = shortfalls(
      document,
      PLATFORMS.map(({ name }) => planted(name)),
    );
    for (const { name } of PLATFORMS) {
      expect(found).toContain(`${name}: webcrypto: expected suites 1–3 5 7 (docs/platforms.md), got none`);
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
    expect(render([result])).toContain("- Odd couldn't be got: it is nowhere");
  });

  it("one that ends too early is reported with its last output", async () => {
    const { result } = await run({ launch: inProcess(["-e", "console.error('my last words')"]) });
    expect(result.broken).toMatch(/^it ended \(0\): my last words$/);
    expect(render([result])).toContain("- Odd 1 didn't come to its end.");
  });

  it("one that isn't a program is reported", async () => {
    const get = async () => ({ command: "/nowhere/at/all", version: "1" });
    const { result } = await run({ get });
    expect(result.broken).toContain("ENOENT");
  });
});
