// The bars of `--check`, fed with numbers.
import { expect, test } from "vitest";
import { bars, fastestProvider, isMet } from "../src/bars.js";
import { verdict } from "../src/check.js";
import { OPERATIONS, type Operation } from "../src/operations.js";
import type { Primitives } from "../src/primitive-prices.js";
import type { Result, Tree } from "../src/samples.js";

interface Fed {
  provider: string;
  suite: number;
  members: number;
  tree: Tree;
  time: (operation: Operation) => number;
}

const fed = ({ time, ...place }: Fed): Result[] =>
  OPERATIONS.map((operation) => {
    const median = time(operation);
    return {
      ...place,
      operation,
      median,
      low: median,
      high: median,
      runs: 1,
      turns: { 0: median },
      overFloor: median / 0.8,
    };
  });

const primitives = (provider: string, seal: number): Primitives => ({
  provider,
  suite: 1,
  rounds: 1,
  prices: {},
  hpke: { seal: { milliseconds: seal, overParts: seal }, open: { milliseconds: 1, overParts: 1 } },
});

/** A run in which everything is met: a thousand times faster than ts-mls, at its floor, and growing as it may. */
function everything(): Result[] {
  const results: Result[] = [];
  for (const suite of [1, 2, 3]) {
    for (const provider of ["ts-mls", "webcrypto", "libsodium", "node"]) {
      if (provider === "libsodium" && suite === 2) continue;
      const time = () => (provider === "ts-mls" ? 1000 : 1);
      results.push(...fed({ provider, suite, members: 1000, tree: "fresh", time }));
      if (provider !== "ts-mls")
        results.push(...fed({ provider, suite, members: 1000, tree: "lived-in", time }));
    }
  }
  const linear = ["join", "save", "restore"];
  const node = { provider: "node", suite: 1, tree: "lived-in" as const };
  results.push(...fed({ ...node, members: 10_000, time: (one) => (linear.includes(one) ? 11 : 1.2) }));
  results.push(
    ...fed({ ...node, members: 100_000, time: (one) => (one === "memory per member" ? 2000 : 200) }),
  );
  const small = { members: 100, tree: "fresh" as const };
  for (const provider of ["mls-ts", "node", "libsodium"])
    results.push(...fed({ ...small, provider, suite: 3, time: () => (provider === "mls-ts" ? 2 : 1) }));
  for (const provider of ["davey", "node as davey"])
    results.push(...fed({ ...small, provider, suite: 2, time: () => (provider === "davey" ? 2 : 1) }));
  return results;
}

/** By the other clock: sodium-native takes half of what node takes. */
const processorTime = (node: (operation: Operation) => number = () => 2): Result[] =>
  [1, 3].flatMap((suite) => {
    const place = { suite, members: 1000, tree: "fresh" as const };
    return [
      ...fed({ ...place, provider: "node", time: node }),
      ...fed({ ...place, provider: "sodium-native", time: () => 1 }),
    ];
  });

const missed = (results: readonly Result[], own = [primitives("node", 1.2)], other = processorTime()) =>
  bars(results, own, other)
    .filter((bar) => !isMet(bar))
    .map(({ what }) => what);

/** The same results, with one time changed. */
const changed = (change: Partial<Result> & { operation: Operation; median: number }) =>
  everything().map((one) =>
    one.operation === change.operation &&
    one.provider === (change.provider ?? one.provider) &&
    one.suite === (change.suite ?? one.suite) &&
    one.members === (change.members ?? one.members) &&
    one.tree === (change.tree ?? one.tree)
      ? { ...one, median: change.median, turns: { 0: change.median }, overFloor: change.median / 0.8 }
      : one,
  );

test("all bars can be met", () => {
  expect(missed(everything())).toEqual([]);
  const made = bars(everything(), [primitives("node", 1.2)], processorTime());
  // Seven operations, twice, in three suites; OpenMLS; five by sodium-native in two suites; six on two providers in two
  // suites and on one in a third; HPKE; growth.
  expect(made).toHaveLength(3 * 7 * 2 + (3 + 4) + 2 * 5 + (3 + 2) * 6 + 2 + 4 + 3 + 2 + 1);
  expect(verdict(made)).toMatch(
    new RegExp(`^bar .*needed.*measured[^]*${made.length} of ${made.length} bars met, 0 missed$`),
  );
});

test("what wasn't measured is missed", () => {
  expect(missed([], [], [])).toHaveLength(bars([], [], []).length);
  expect(missed(everything().filter(({ members }) => members < 100_000))).toEqual([
    "bytes per member beyond the encoded tree, 100000 members",
  ]);
  expect(verdict(bars([], [], []))).toContain("not measured");
});

test("the peer's bars are higher for P-256 and lower for WebCrypto", () => {
  const slow = (suite: number, provider: string, operation: Operation, times: number) =>
    missed(
      changed({ suite, provider, operation, median: 1000 / times, members: 1000, tree: "fresh" }),
    ).filter((what) => /fastest|webcrypto/.test(what));
  expect(slow(2, "webcrypto", "join", 2.1)).toEqual([]);
  expect(slow(2, "webcrypto", "decrypt 1 KiB", 3.9)).toEqual(["suite 2, webcrypto: decrypt 1 KiB"]);
  expect(slow(2, "webcrypto", "decrypt 1 KiB", 4.1)).toEqual([]);
  expect(slow(1, "webcrypto", "encrypt 1 KiB", 2.1)).toEqual([]);
  expect(slow(1, "webcrypto", "encrypt 1 KiB", 1.9)).toEqual(["suite 1, webcrypto: encrypt 1 KiB"]);
  expect(slow(1, "webcrypto", "decrypt 1 KiB", 1.1)).toEqual([]);
  expect(slow(1, "webcrypto", "decrypt 1 KiB", 0.9)).toEqual(["suite 1, webcrypto: decrypt 1 KiB"]);
  // The fastest one is one provider for all operations.
  const both = changed({
    suite: 1,
    operation: "encrypt 1 KiB",
    median: 1000 / 14,
    members: 1000,
    tree: "fresh",
  });
  expect(missed(both).filter((what) => /fastest/.test(what))).toEqual([
    "suite 1, fastest (webcrypto): encrypt 1 KiB",
  ]);
});

test("OpenMLS has bars in groups of 100: native on node, WebAssembly on the fastest provider", () => {
  const small = { members: 100, tree: "fresh" as const };
  expect(missed(changed({ ...small, provider: "node as davey", operation: "join", median: 1.01 }))).toEqual([
    "suite 2, node over davey: join, 100 members",
  ]);
  expect(missed(changed({ ...small, provider: "davey", operation: "encrypt 1 KiB", median: 0.1 }))).toEqual(
    [],
  );
  // One provider is compared in all: libsodium, as it is no slower than node.
  const slow = changed({ ...small, suite: 3, provider: "node", operation: "join", median: 1.5 });
  expect(missed(slow)).toEqual([]);
  const theirs = changed({ ...small, provider: "mls-ts", operation: "decrypt 1 KiB", median: 1.19 });
  expect(missed(theirs)).toEqual(["suite 3, fastest (libsodium) over mls-ts: decrypt 1 KiB, 100 members"]);
});

test("sodium-native is held against node in processor time, with the wall clock beside", () => {
  const slower = processorTime((operation) => (operation === "join" ? 1.59 : 2));
  expect(missed(everything(), [], slower)).toEqual([
    "suite 1, sodium-native over node, processor time: join",
    "suite 3, sodium-native over node, processor time: join",
  ]);
  const wall = fed({
    provider: "sodium-native",
    suite: 1,
    members: 1000,
    tree: "fresh",
    time: () => 0.8,
  });
  const lines = verdict(bars([...everything(), ...wall], [], processorTime())).split("\n");
  const line = lines.find((one) => one.includes("suite 1, sodium-native over node, processor time: join"));
  expect(line).toMatch(/≥ 1.6 +2.00 +met +1.25 by the wall clock$/);
});

test("the fastest provider is the one that is the fastest in all", () => {
  const results = changed({
    provider: "node",
    suite: 1,
    operation: "join",
    median: 0.5,
    tree: "fresh",
    members: 1000,
  });
  expect(fastestProvider(results, 1)).toBe("node");
  expect(fastestProvider([], 1)).toBeUndefined();
});

test("floors are held on node and libsodium, HPKE everywhere", () => {
  expect(
    missed(changed({ provider: "libsodium", suite: 3, operation: "join", median: 1.05, tree: "fresh" })),
  ).toEqual(["suite 3, libsodium: join, fresh"]);
  expect(missed(everything(), [primitives("noble", 1.31)])).toEqual([
    "suite 1, noble: HPKE seal, of its primitives",
  ]);
});

test("growth is held between 1,000 and 10,000 members", () => {
  const large = { provider: "node", members: 10_000 };
  expect(missed(changed({ ...large, operation: "update", median: 1.81 }))).toEqual([
    "update, 10000 members over 1000",
  ]);
  expect(missed(changed({ ...large, operation: "join", median: 12.1 }))).toEqual([
    "join per member, 10000 members over 1000",
  ]);
  expect(missed(changed({ ...large, operation: "encrypt 1 KiB", median: 1.3 }))).toEqual([
    "encrypt 1 KiB, 10000 members over 1000",
  ]);
  expect(
    missed(changed({ provider: "node", members: 100_000, operation: "memory per member", median: 2300 })),
  ).toEqual(["bytes per member beyond the encoded tree, 100000 members"]);
});
