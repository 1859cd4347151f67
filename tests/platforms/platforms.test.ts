// RFC 9420 §17.1: a short run on the platforms that are here, and what is made of what platforms report.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { bundle } from "../../platforms/src/bundle.js";
import { type Got, Unavailable } from "../../platforms/src/get.js";
import { inProcess, type Job } from "../../platforms/src/launch.js";
import { PLATFORMS, type Platform } from "../../platforms/src/platforms.js";
import { type Line, NO_TOKEN, type SuiteLine } from "../../platforms/src/report.js";
import { type PlatformResult, runPlatforms } from "../../platforms/src/run-platforms.js";
import { differences, render } from "../../platforms/src/table.js";
import { SOURCES } from "@copse/test-support/bundle";
import { root } from "@copse/test-support/documents";

const document = await readFile(`${root}docs/platforms.md`, "utf8");

/** Those of the cache and of the system; nothing is fetched. */
const here: (readonly [string, Platform, Got])[] = [];
for (const platform of PLATFORMS) {
  const got = await platform.get(false).catch((error: unknown) => {
    if (!(error instanceof Unavailable)) throw error;
  });
  if (got !== undefined) here.push([platform.name, platform, got]);
}

let folder: string;
let files: string[];

beforeAll(async () => {
  folder = await mkdtemp(`${tmpdir()}/copse-platforms-`);
  files = await bundle(folder, SOURCES);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const job = (suites: number[]): Job => ({ folder, files, options: { suites } });
const suitesOf = (lines: readonly Line[]) => lines.filter((line): line is SuiteLine => line.kind === "suite");

describe("a short run", () => {
  it("can be made on the Node that runs this", () => {
    const [major] = process.versions.node.split(".");
    const names = PLATFORMS.map(({ name }) => name);
    if (names.includes(`node${major}`)) expect(here.map(([name]) => name)).toContain(`node${major}`);
  });

  test.each(here)("on %s has no failure", async (_, { launch }, { command }) => {
    const lines: Line[] = [];
    await launch(command, job([1]), (line) => lines.push(line));
    expect(lines[0]).toMatchObject({ kind: "facts" });
    expect(lines.at(-1)).toEqual({ kind: "end" });
    const suites = suitesOf(lines);
    expect(suites.map(({ backend }) => backend)).toEqual(expect.arrayContaining(["webcrypto", "noble"]));
    for (const { id, passed, failed, session } of suites) {
      expect({ id, failed, session }).toEqual({ id: 1, failed: [], session: "" });
      expect(passed).toBeGreaterThan(70);
    }
  });
});

const line = (backend: string, id: number, rest: Partial<SuiteLine> = {}): SuiteLine => ({
  kind: "suite",
  backend,
  id,
  name: `suite ${id}`,
  passed: 10,
  failed: [],
  session: "",
  ...rest,
});

const good: PlatformResult = {
  name: "node20",
  title: "Node",
  version: "20.1.0",
  facts: { kind: "facts", curves: ["X25519"], wasm: true },
  refusals: [{ kind: "refusal", backend: "libsodium", reason: "no WASM" }],
  suites: [line("webcrypto", 7), line("webcrypto", 1), ...[0xf001, 2, 4, 3].map((id) => line("noble", id))],
};
const bad: PlatformResult = {
  ...good,
  name: "bun",
  title: "Bun",
  version: "1.0",
  refusals: [],
  suites: [
    line("node", 1, { failed: [{ name: "aead: a check", detail: "bad luck 42" }], session: "it fell over" }),
  ],
};

describe("the document", () => {
  it("shows what is served, what isn't and what failed, but nothing that changes from run to run", () => {
    const text = render([good, bad]);
    expect(text).toContain("| Node 20.1.0 | 1 7 |  | no | 2–4 P1 |  | X25519 |");
    expect(text).toContain("- Node 20.1.0, libsodium: `no WASM`");
    expect(text).toContain('- Bun 1.0, node, suite 1: failed "aead: a check"');
    expect(text).toContain("- Bun 1.0, node, suite 1: the session failed: `it fell over`");
    expect(text).toContain("2 of 2 platforms, 70 checks passed, 1 failed, and 6 sessions");
    expect(text).not.toContain("bad luck");
    expect(render([good, bad])).toBe(text);
  });

  it("is compared with what was measured, but for versions", () => {
    const text = render([good, bad]);
    expect(differences(text, [good, { ...bad, version: "1.1" }])).toEqual([]);
    expect(differences(text, [{ ...good, suites: [line("webcrypto", 1)] }])).toEqual([
      'Node 20.1.0: says "1 7 |  | no | 2–4 P1 |  | X25519", but it is "1 |  | no |  |  | X25519"',
    ]);
    const untried = { kind: "refusal", backend: "noble", reason: `Error: ${NO_TOKEN}` } as const;
    const rest = good.suites.filter(({ backend }) => backend !== "noble");
    const partial = { ...good, refusals: [...good.refusals, untried], suites: rest };
    expect(differences(text, [partial])).toEqual([]);
    expect(render([partial])).toContain("| 1 7 |  | no | ? |  | X25519 |");
    expect(differences(text, [{ ...good, version: "22.0.0" }])[0]).toContain('says "nothing"');
    expect(differences(text, [{ ...good, version: "", missing: "it is nowhere" }])).toEqual([]);
  });

  it("in docs/ has a row for each platform, and nothing that failed", () => {
    for (const { title, name } of PLATFORMS) {
      const [, major = ""] = /^node(\d+)$/.exec(name) ?? [];
      expect(document).toMatch(new RegExp(`^\\| ${title} ${major}.* \\| 1–3 5 7 \\|`, "m"));
    }
    expect(document).toMatch(new RegExp(`${PLATFORMS.length} of ${PLATFORMS.length} platforms`));
    expect(document).not.toMatch(/: failed "|session failed|couldn't be got|didn't come to its end/);
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
