// The bars that the project has set itself: what is to be how fast, compared with ts-mls, with OpenMLS, with the floor, with
// another provider, and with itself at another size. All of them are ratios of one run on one machine.
import { ratio } from "./format.js";
import type { Operation } from "./operations.js";
import type { Primitives } from "./primitive-prices.js";
import { asDavey, DAVEY, isPeer, OPENMLS, REFERENCE, SUITE_OF_DAVE, SUITE_OF_OPENMLS } from "./references.js";
import { type Result, type Tree, timesAsLong } from "./samples.js";

export interface Bar {
  readonly group: "ts-mls" | "OpenMLS" | "provider" | "floor" | "growth";
  readonly what: string;
  /** Times faster than: at least. Times the floor, times the smaller group: below. */
  readonly need: { readonly atLeast: number } | { readonly below: number };
  /** `undefined` if it wasn't measured; then it is missed. */
  readonly measured: number | undefined;
  /** What is to be known beside it. */
  readonly note?: string;
}

export function isMet({ need, measured }: Bar): boolean {
  if (measured === undefined || !Number.isFinite(measured)) return false;
  return "below" in need ? measured < need.below : measured >= need.atLeast;
}

export const CHECKED_SUITES = [1, 2, 3] as const;
type Suite = (typeof CHECKED_SUITES)[number];
export const COMPARED_SIZE = 1000;
export const LARGER_SIZE = 10_000;
export const LARGEST_SIZE = 100_000;

/** How many times faster than the peer, on the fastest provider and on WebCrypto; another number for suite 2. */
const AGAINST_PEER: readonly {
  readonly operation: Operation;
  readonly fastest: number;
  readonly fastestP256?: number;
  readonly webcrypto: number;
  readonly webcryptoP256?: number;
}[] = [
  { operation: "encrypt 1 KiB", fastest: 15, webcrypto: 2 },
  { operation: "decrypt 1 KiB", fastest: 5, fastestP256: 30, webcrypto: 1, webcryptoP256: 4 },
  { operation: "process empty commit", fastest: 30, webcrypto: 2 },
  { operation: "join", fastest: 2.5, fastestP256: 12, webcrypto: 2 },
  { operation: "add all others", fastest: 6, fastestP256: 12, webcrypto: 2 },
  { operation: "empty commit", fastest: 3.5, webcrypto: 2 },
  { operation: "key package", fastest: 4, webcrypto: 2 },
];

/** How many times faster than OpenMLS in WebAssembly (mls-ts), on the fastest provider. */
const AGAINST_OPENMLS: readonly (readonly [Operation, number])[] = [
  ["key package", 2],
  ["join", 1.25],
  ["encrypt 1 KiB", 1.3],
  ["decrypt 1 KiB", 1.2],
];
/** How many times faster than native OpenMLS (davey), on node. */
const AGAINST_DAVEY: readonly (readonly [Operation, number])[] = [
  ["key package", 2],
  ["add all others", 2],
  ["join", 2],
];
/** Members of the groups in which they are compared with OpenMLS. */
export const OPENMLS_SIZE = 100;

/** How many times less processor time sodium-native takes than node, at 1,000 members. */
const SODIUM_OVER_NODE: readonly (readonly [Operation, number])[] = [
  ["encrypt 1 KiB", 1.25],
  ["decrypt 1 KiB", 1.25],
  ["add all others", 1.5],
  ["join", 1.6],
  ["key package", 1.8],
];
export const SODIUM_SUITES = [1, 3] as const;
export const SODIUM_PROVIDERS: readonly string[] = ["node", "sodium-native"];

/** How many times the floor at the most, at 1,000 members. */
const AGAINST_FLOOR: readonly {
  readonly operation: Operation;
  readonly tree: Tree;
  readonly below: number;
}[] = [
  { operation: "encrypt 1 KiB", tree: "fresh", below: 1.5 },
  { operation: "decrypt 1 KiB", tree: "fresh", below: 1.5 },
  { operation: "join", tree: "fresh", below: 1.3 },
  { operation: "add all others", tree: "fresh", below: 1.3 },
  { operation: "empty commit", tree: "fresh", below: 1.3 },
  { operation: "process empty commit", tree: "lived-in", below: 1.5 },
];
const FLOOR_PROVIDERS = ["node", "libsodium"];
const HPKE_BELOW = 1.3;
/** Their HPKE is a library's, whole: what it takes around the primitives isn't ours. */
const HPKE_OF_OTHERS: readonly string[] = ["hpke"];

/** At 10,000 members over at 1,000, in a lived-in tree. */
const LOGARITHMIC: readonly Operation[] = ["process empty commit", "update", "remove one", "add one"];
const LOGARITHMIC_BELOW = 1.8;
const LINEAR: readonly Operation[] = ["join", "save", "restore"];
const LINEAR_BELOW = 1.2;
const CONSTANT: readonly Operation[] = ["encrypt 1 KiB", "decrypt 1 KiB"];
/** Independent of the size, but for chance. */
const CONSTANT_BELOW = 1.25;
const MEMORY_BELOW = 2048;
export const GROWTH_PROVIDER = "node";
const GROWTH_SUITE = 1;

/**
 * Every bar, with what was measured of it.
 * @param processorTime of {@link SODIUM_PROVIDERS}: what all threads worked, not what a user waited
 */
export function bars(
  results: readonly Result[],
  primitives: readonly Primitives[],
  processorTime: readonly Result[],
): Bar[] {
  return [
    ...peerBars(results),
    ...openMlsBars(results),
    ...sodiumBars(results, processorTime),
    ...floorBars(results, primitives),
    ...growthBars(results),
  ];
}

function find(
  results: readonly Result[],
  wanted: Pick<Result, "suite" | "members" | "tree" | "provider" | "operation">,
): Result | undefined {
  return results.find((one) =>
    (Object.keys(wanted) as (keyof typeof wanted)[]).every((key) => one[key] === wanted[key]),
  );
}

/** Who is compared with whom, in which groups, and by what the fastest of ours is told. The groups are fresh. */
interface Comparison {
  readonly suite: number;
  readonly members: number;
  readonly peer: string;
  readonly operations: readonly Operation[];
}

const withPeer = (suite: Suite): Comparison => ({
  suite,
  members: COMPARED_SIZE,
  peer: REFERENCE,
  operations: AGAINST_PEER.map(({ operation }) => operation),
});

/** How many times faster than the peer. */
function faster(
  results: readonly Result[],
  { suite, members, peer }: Comparison,
  provider: string,
  operation: Operation,
) {
  const place = { suite, members, tree: "fresh", operation } as const;
  const [ours, theirs] = [find(results, { ...place, provider }), find(results, { ...place, provider: peer })];
  return ours && theirs && timesAsLong(theirs, ours);
}

/** The one whose product of all advantages is the largest: one provider for all operations, as an application has. */
function fastestOf(results: readonly Result[], comparison: Comparison): string | undefined {
  const here = results.filter((one) => one.suite === comparison.suite);
  const providers = new Set(here.map(({ provider }) => provider).filter((name) => !isPeer(name)));
  let best: { provider: string; product: number } | undefined;
  for (const provider of providers) {
    let product = 1;
    for (const one of comparison.operations) product *= faster(results, comparison, provider, one) ?? 0;
    if (product > (best?.product ?? 0)) best = { provider, product };
  }
  return best?.provider;
}

/** The fastest one beside ts-mls. */
export const fastestProvider = (results: readonly Result[], suite: Suite): string | undefined =>
  fastestOf(results, withPeer(suite));

function openMlsBars(results: readonly Result[]): Bar[] {
  const members = OPENMLS_SIZE;
  const operations = AGAINST_OPENMLS.map(([operation]) => operation);
  const webAssembly: Comparison = { suite: SUITE_OF_OPENMLS, members, peer: OPENMLS, operations };
  const native: Comparison = { suite: SUITE_OF_DAVE, members, peer: DAVEY, operations: [] };
  const bar = (
    comparison: Comparison,
    provider: string | undefined,
    label: string,
    [operation, atLeast]: readonly [Operation, number],
  ): Bar => ({
    group: "OpenMLS",
    what: `suite ${comparison.suite}, ${label} over ${comparison.peer}: ${operation}, ${members} members`,
    need: { atLeast },
    measured: provider === undefined ? undefined : faster(results, comparison, provider, operation),
  });
  const fastest = fastestOf(results, webAssembly);
  return [
    ...AGAINST_DAVEY.map((one) => bar(native, asDavey("node"), "node", one)),
    ...AGAINST_OPENMLS.map((one) => bar(webAssembly, fastest, `fastest (${fastest ?? "none"})`, one)),
  ];
}

/** By processor time, because sodium-native has one thread and node many; what a user waits stands beside. */
function sodiumBars(results: readonly Result[], processorTime: readonly Result[]): Bar[] {
  const [node, sodium] = SODIUM_PROVIDERS as [string, string];
  return SODIUM_SUITES.flatMap((suite) => {
    const comparison: Comparison = { suite, members: COMPARED_SIZE, peer: node, operations: [] };
    return SODIUM_OVER_NODE.map(([operation, atLeast]): Bar => {
      const wall = faster(results, comparison, sodium, operation);
      return {
        group: "provider",
        what: `suite ${suite}, ${sodium} over ${node}, processor time: ${operation}`,
        need: { atLeast },
        measured: faster(processorTime, comparison, sodium, operation),
        ...(wall !== undefined && { note: `${ratio(wall)} by the wall clock` }),
      };
    });
  });
}

function peerBars(results: readonly Result[]): Bar[] {
  return CHECKED_SUITES.flatMap((suite) => {
    const fastest = fastestProvider(results, suite);
    const bar = (
      label: string,
      provider: string | undefined,
      operation: Operation,
      atLeast: number,
    ): Bar => ({
      group: REFERENCE,
      what: `suite ${suite}, ${label}: ${operation}`,
      need: { atLeast },
      measured: provider === undefined ? undefined : faster(results, withPeer(suite), provider, operation),
    });
    const p256 = suite === 2;
    return [
      ...AGAINST_PEER.map((one) =>
        bar(
          `fastest (${fastest ?? "none"})`,
          fastest,
          one.operation,
          (p256 && one.fastestP256) || one.fastest,
        ),
      ),
      ...AGAINST_PEER.map((one) =>
        bar("webcrypto", "webcrypto", one.operation, (p256 && one.webcryptoP256) || one.webcrypto),
      ),
    ];
  });
}

function floorBars(results: readonly Result[], primitives: readonly Primitives[]): Bar[] {
  const made: Bar[] = [];
  for (const suite of CHECKED_SUITES) {
    for (const provider of FLOOR_PROVIDERS) {
      // libsodium has no P-256.
      if (provider === "libsodium" && suite === 2) continue;
      for (const { operation, tree, below } of AGAINST_FLOOR) {
        const result = find(results, { suite, members: COMPARED_SIZE, tree, provider, operation });
        made.push({
          group: "floor",
          what: `suite ${suite}, ${provider}: ${operation}, ${tree}`,
          need: { below },
          measured: result?.overFloor,
        });
      }
    }
  }
  for (const { suite, provider, hpke } of primitives) {
    if (HPKE_OF_OTHERS.includes(provider)) continue;
    for (const what of ["seal", "open"] as const) {
      made.push({
        group: "floor",
        what: `suite ${suite}, ${provider}: HPKE ${what}, of its primitives`,
        need: { below: HPKE_BELOW },
        measured: hpke[what].overParts,
      });
    }
  }
  return made;
}

function growthBars(results: readonly Result[]): Bar[] {
  const at = (members: number, operation: Operation) =>
    find(results, { suite: GROWTH_SUITE, provider: GROWTH_PROVIDER, tree: "lived-in", members, operation });
  const growth = (operation: Operation) => {
    const [small, large] = [at(COMPARED_SIZE, operation), at(LARGER_SIZE, operation)];
    return small && large && timesAsLong(large, small);
  };
  const bar = (what: string, below: number, measured: number | undefined): Bar => ({
    group: "growth",
    what,
    need: { below },
    measured,
  });
  const sizes = `${LARGER_SIZE} members over ${COMPARED_SIZE}`;
  const perMember = (operation: Operation) => {
    const times = growth(operation);
    return times === undefined ? undefined : (times * COMPARED_SIZE) / LARGER_SIZE;
  };
  const [memory, tree] = [
    at(LARGEST_SIZE, "memory per member")?.median,
    at(LARGEST_SIZE, "encoded tree per member")?.median,
  ];
  return [
    ...LOGARITHMIC.map((one) => bar(`${one}, ${sizes}`, LOGARITHMIC_BELOW, growth(one))),
    ...LINEAR.map((one) => bar(`${one} per member, ${sizes}`, LINEAR_BELOW, perMember(one))),
    ...CONSTANT.map((one) => bar(`${one}, ${sizes}`, CONSTANT_BELOW, growth(one))),
    bar(
      `bytes per member beyond the encoded tree, ${LARGEST_SIZE} members`,
      MEMORY_BELOW,
      memory === undefined || tree === undefined ? undefined : memory - tree,
    ),
  ];
}
