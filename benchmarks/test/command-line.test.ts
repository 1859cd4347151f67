// The command line of the benchmarks, and what is measured by it.
import { describe, expect, test } from "vitest";
import type { Implementation } from "../src/implementation.js";
import { type Options, parseOptions, UsageError, usage } from "../src/options.js";
import { available, chosen, defaultRounds, plan } from "../src/plan.js";

const NAMES = ["ours", "ts-mls"];

describe("the command line", () => {
  test("has defaults", () => {
    expect(parseOptions([], NAMES)).toEqual({
      suites: undefined,
      members: undefined,
      trees: ["fresh", "lived-in"],
      providers: undefined,
      modules: [],
      runs: undefined,
      full: false,
      size: undefined,
      clock: "wall",
      shares: false,
      json: undefined,
      against: undefined,
      check: false,
      skipLarge: false,
      hostile: false,
      only: undefined,
      openmls: false,
      storage: false,
      delivery: false,
    });
  });

  test("takes lists, given once or several times", () => {
    const args = [
      "--suite",
      "1,2",
      "--suite=3",
      "--members",
      "2, 50,2",
      "--providers",
      "ours",
      "--runs",
      "4",
    ];
    expect(parseOptions([...args, "--json", "out.json", "--tree", "fresh"], NAMES)).toMatchObject({
      suites: [1, 2, 3],
      members: [2, 50],
      trees: ["fresh"],
      providers: ["ours"],
      runs: 4,
      json: "out.json",
    });
    expect(parseOptions(["--help"], NAMES)).toBe("help");
    expect(parseOptions(["--size", "100000", "--clock", "cpu"], NAMES)).toMatchObject({
      size: 100_000,
      clock: "cpu",
    });
    expect(parseOptions(["--check", "--skip-large"], NAMES)).toMatchObject({ check: true, skipLarge: true });
  });

  test.each([
    [["--suite", "x"], '--suite: "x" is not a whole number from 1 to 65535'],
    [["--suite", "0"], '"0" is not a whole number'],
    [["--members", "1"], '--members: "1" is not a whole number from 2'],
    [["--members", "2,"], "--members: a value is empty"],
    [["--members", "1e3"], '"1e3" is not a whole number'],
    [["--members", "100001"], "from 2 to 100000"],
    [["--size", "1"], '--size: "1"'],
    // Four take part beside native OpenMLS.
    [["--openmls", "--size", "4"], '--size: "4" is not a whole number from 5'],
    [["--size", "5", "--members", "5"], "--size and --members say the same thing"],
    [["--runs", "0"], '--runs: "0"'],
    [["--providers", "theirs"], '--providers: there is no "theirs"; choose from ours, ts-mls'],
    [["--provider="], "--provider needs the name of a file"],
    [["--provider", "mine.js", "--check"], "--check can't be used with --provider"],
    [["--provider", "mine.js", "--openmls"], "--openmls can't be used with --provider"],
    [["--only", "join"], "--only needs --hostile"],
    [["--storage", "--suite", "2"], "--storage can't be used with --suite"],
    [["--delivery", "--suite", "1"], "--delivery can't be used with --suite"],
    [["--storage", "--check"], "--storage can't be used with --check"],
    [["--openmls", "--providers", "node"], "--openmls can't be used with --providers"],
    [["--hostile", "--suite", "1"], "--hostile can't be used with --suite"],
    [["--check", "--members", "10"], "--check can't be used with --members"],
    [["--skip-large"], "--skip-large needs --check"],
    [["--tree", "old"], '--tree: there is no "old"; choose from fresh, lived-in'],
    [["--clock", "sun"], '--clock: there is no "sun"; choose from wall, cpu'],
    [["--json="], "--json needs the name of a file"],
    [["--against="], "--against needs the name of a file"],
    [["--fast"], "'--fast'"],
    [["more"], "more"],
  ])("refuses %j", (args, message) => {
    expect(() => parseOptions(args, NAMES)).toThrow(UsageError);
    expect(() => parseOptions(args, NAMES)).toThrow(message);
  });

  test("explains every option", () => {
    const flags = [
      "suite",
      "members",
      "tree",
      "providers",
      "runs",
      "full",
      "size",
      "clock",
      "shares",
      "json",
    ];
    for (const flag of [
      ...flags,
      "provider",
      "openmls",
      "storage",
      "delivery",
      "against",
      "check",
      "skip-large",
      "help",
    ]) {
      expect(usage(NAMES)).toContain(`--${flag}`);
    }
  });
});

describe("the plan", () => {
  const implementation = (name: string, suites: number[]) => ({
    implementation: { name } as Implementation,
    suites,
  });
  const served = [
    implementation("ts-mls", [1, 2, 3]),
    implementation("node", [1, 2, 3, 4]),
    implementation("noble", [1, 2, 3, 4]),
    implementation("libsodium", [3, 1]),
  ];
  const blocks = (...args: string[]) =>
    plan(
      parseOptions(
        args,
        served.map((each) => each.implementation.name),
      ) as Options,
      served,
    );
  const names = (of: ReturnType<typeof plan>[number] | undefined) =>
    of?.implementations.map(({ name }) => name);

  test("is short by default", () => {
    const made = blocks();
    // Lived-in trees of the largest size only, and none for a peer.
    expect(made.map(({ suite, members, tree }) => `${suite} ${members} ${tree}`)).toEqual(
      [1, 2].flatMap((suite) => [
        `${suite} 2 fresh`,
        `${suite} 100 fresh`,
        `${suite} 1000 fresh`,
        `${suite} 1000 lived-in`,
      ]),
    );
    expect(names(made[3])).toEqual(["node", "libsodium"]);
    expect(new Set(made.map(({ suite }) => suite))).toEqual(new Set([1, 2]));
    expect(names(made[0])).toEqual(["ts-mls", "node", "libsodium"]);
    expect(names(made.find(({ suite }) => suite === 2))).toEqual(["ts-mls", "node"]);
  });

  test("has everything in full, but nothing slow in large groups unless it is named", () => {
    const made = blocks("--full");
    expect(made).toHaveLength(4 * 5 * 2);
    const of = (suite: number, members: number) =>
      names(made.find((one) => one.suite === suite && one.members === members));
    expect(of(1, 1000)).toEqual(["ts-mls", "node", "noble", "libsodium"]);
    expect(of(1, 10_000)).toEqual(["node", "libsodium"]);
    expect(of(4, 10)).toEqual(["node", "noble"]);
    expect(names(blocks("--providers", "noble", "--members", "5000")[0])).toEqual(["noble"]);
  });

  test("is one suite on one provider for one size", () => {
    const made = blocks("--size", "50000");
    expect(made.map(({ suite, members, tree, rounds }) => [suite, members, tree, rounds])).toEqual([
      [1, 50_000, "fresh", 1],
      [1, 50_000, "lived-in", 1],
    ]);
    expect(names(made[0])).toEqual(["node"]);
  });

  test("has one's own provider beside node, in the first of its suites", () => {
    const own = {
      implementation: { name: "mine", module: "/mine.js" } as Implementation,
      suites: [4, 3, 0xf001],
    };
    const of = (...args: string[]) =>
      plan(parseOptions(["--provider", "mine.js", ...args], ["node", "noble"]) as Options, [own, ...served]);
    expect(of("--members", "2").map(({ suite, tree }) => [suite, tree])).toEqual(
      [4, 3].flatMap((suite) => ["fresh", "lived-in"].map((tree) => [suite, tree])),
    );
    expect(names(of()[0])).toEqual(["mine", "node"]);
    expect(names(of("--providers", "noble")[0])).toEqual(["mine", "noble"]);
    expect(names(of("--suite", "61441")[0])).toEqual(["mine"]);
    expect(() => of("--suite", "1")).toThrow("--suite: mine serves suites 4, 3, 61441 only");
  });

  test("says why something can't be loaded, and refuses it if it is named", async () => {
    const one = (name: string, suites: () => Promise<readonly number[]>) =>
      ({ name, suites, createMember: () => Promise.reject(new Error()), removes: true }) as Implementation;
    const all = [
      one("node", async () => [1]),
      one("gone", async () => {
        throw new Error("it isn't installed");
      }),
    ];
    const options = (...args: string[]) => parseOptions(args, ["node", "gone"]) as Options;
    const found = await available(all);
    expect(found.served.map(({ suites }) => suites)).toEqual([[1]]);
    expect(found.absent).toEqual([{ name: "gone", why: "it isn't installed" }]);
    expect((await chosen(options(), all)).absent).toHaveLength(1);
    expect((await chosen(options("--providers", "node"), all)).absent).toEqual([]);
    await expect(chosen(options("--providers", "gone"), all)).rejects.toThrow(
      "--providers: gone: it isn't installed",
    );
  });

  test("leaves out what one that makes no groups can't be in", () => {
    const hosted = { implementation: { name: "mls-ts", hosted: true } as Implementation, suites: [3] };
    const options = parseOptions(["--full", "--suite", "3", "--members", "2,10"], NAMES) as Options;
    const of = (trees: Options["trees"]) =>
      plan({ ...options, trees }, [hosted, ...served]).map((one) => names(one)?.includes("mls-ts"));
    expect(of(["fresh"])).toEqual([false, true]);
    expect(of(["lived-in"])).toEqual([false, false]);
  });

  test("refuses a suite that nobody has", () => {
    expect(() => blocks("--suite", "9")).toThrow("--suite: suite 9 is not served by ts-mls, node");
  });

  test("has more rounds where they are short", () => {
    expect(defaultRounds(2, true)).toBeGreaterThan(defaultRounds(1000, true));
    expect(defaultRounds(1000, true)).toBeGreaterThan(defaultRounds(1000, false));
  });
});
