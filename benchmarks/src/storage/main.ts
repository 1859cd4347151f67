// `npm run bench`, section "storage": what it costs to make safe what each operation changes.
import { now } from "../clock.js";
import { aligned, bytes, duration, ratio } from "../format.js";
import { collectGarbage } from "../memory.js";
import type { Progress } from "../progress.js";
import { Actor, groupOf, SUITE } from "./actor.js";
import { type Keeping, keepings } from "./storages.js";

const BATCH = 100;
/** The most that encrypting in batches with SQLite may take, over encrypting without a storage. */
export const MOST_OVER_NONE = 1.3;

/** What is measured: prepared, then done and timed. Returns how many times it was done. */
interface Row {
  readonly name: string;
  readonly prepare?: (actor: Actor) => Promise<unknown>;
  readonly work: (actor: Actor, prepared: never) => Promise<unknown>;
  readonly times: number;
}

const words = Array.from({ length: BATCH }, (_, i) => `message ${i}`);
const RESTORE = "restore";
export const BATCHES = `encrypt, ${BATCH} at once`;

const encrypt: Row["work"] = (actor) => actor.done(() => actor.group.encrypt("hello"));
const receive: Row["work"] = (actor, message: Uint8Array) => actor.done(() => actor.group.receive(message));
const message: Row["prepare"] = ({ peer }) => peer.encrypt("hello");
const closed: Row["prepare"] = async (actor) => {
  if (actor.keeping.name === "save()") actor.saved = await actor.group.save();
  await actor.group.close();
};

/** In this order: the commits at the end make the first messages of the next round the first ones of their epoch. */
const ROWS: readonly Row[] = [
  { name: "encrypt, the first in an epoch", work: encrypt, times: 1 },
  { name: "encrypt", work: encrypt, times: 1 },
  { name: BATCHES, work: (actor) => actor.done(() => actor.group.encryptAll(words)), times: BATCH },
  { name: "receive, the first of a leaf", prepare: message, work: receive, times: 1 },
  { name: "receive", prepare: message, work: receive, times: 1 },
  {
    name: `receive, ${BATCH} at once`,
    prepare: ({ peer }) => peer.encryptAll(words),
    work: (actor, messages: Uint8Array[]) => actor.done(() => actor.group.receiveAll(messages)),
    times: BATCH,
  },
  {
    name: "commit and merge",
    work: async (actor) => {
      const { commit } = await actor.done(() => actor.group.update());
      await actor.done(() => actor.group.mergePendingCommit());
      return commit;
    },
    times: 1,
  },
  {
    name: "receive a commit",
    prepare: async ({ peer }) => {
      const { commit } = await peer.update();
      await peer.mergePendingCommit();
      return commit;
    },
    work: (actor, commit: Uint8Array) => actor.done(() => actor.group.receive(commit)),
    times: 1,
  },
  { name: RESTORE, prepare: closed, work: (actor) => actor.restore(), times: 1 },
  {
    name: `${RESTORE} and encrypt`,
    prepare: closed,
    work: async (actor) => {
      await actor.restore();
      await actor.done(() => actor.group.encrypt("hello"));
    },
    times: 1,
  },
];

/** What came of one row: times and bytes of each, in milliseconds and bytes. */
export interface StorageResult {
  readonly operation: string;
  readonly keeping: string;
  readonly milliseconds: number;
  /** What was written; `undefined` without a storage. */
  readonly bytes: number | undefined;
}

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] as number;
};

async function measureOne(row: Row, actor: Actor): Promise<{ time: number; size: number | undefined }> {
  const prepared = (await row.prepare?.(actor)) as never;
  const { counted, name } = actor.keeping;
  const before = counted?.written ?? 0;
  const start = now();
  const result = await row.work(actor, prepared);
  const time = now() - start;
  // The peer goes along.
  if (row.name === "commit and merge") await actor.peer.receive(result as Uint8Array);
  const written =
    counted === undefined ? (name === "save()" ? actor.saved?.length : undefined) : counted.written - before;
  return { time: time / row.times, size: written && written / row.times };
}

/** A commit that isn't measured: after a restore, the first one decodes what nobody needed before. */
async function goOn({ group, peer }: Actor): Promise<void> {
  await peer.receive((await group.update()).commit);
  await group.mergePendingCommit();
}

/** Measures one size: in each round all ways take their turns, so that what disturbs the machine disturbs them all. */
export async function measureStorage(
  members: number,
  ways: readonly Keeping[],
  rounds: number,
  progress: Progress,
): Promise<StorageResult[]> {
  const groupInfo = await groupOf(members, progress);
  const actors: Actor[] = [];
  for (const way of ways) {
    progress(`storage, ${members} members: ${way.name} joins`);
    actors.push(await Actor.create(way, groupInfo));
  }
  await collectGarbage();
  const found = new Map<string, { times: number[]; sizes: number[]; row: Row; actor: Actor }>();
  for (let round = -1; round < rounds; round++) {
    progress(`storage, ${members} members, round ${round + 1} of ${rounds}`);
    for (const row of ROWS) {
      for (const actor of actors) {
        if (row.name.startsWith(RESTORE) && actor.keeping.name === "none") continue;
        const { time, size } = await measureOne(row, actor);
        // The first one warms up.
        if (round < 0) continue;
        const key = `${row.name}/${actor.keeping.name}`;
        const one = found.get(key) ?? { times: [], sizes: [], row, actor };
        found.set(key, one);
        one.times.push(time);
        if (size !== undefined) one.sizes.push(size);
      }
    }
    for (const actor of actors) await goOn(actor);
  }
  return [...found.values()].map(({ times, sizes, row, actor }) => ({
    operation: row.name,
    keeping: actor.keeping.name,
    milliseconds: median(times),
    bytes: sizes.length === 0 || row.name.startsWith(RESTORE) ? undefined : median(sizes),
  }));
}

/** Operations down, ways to keep the state across: the time, and what was written. */
export function storageTable(members: number, results: readonly StorageResult[]): string {
  const ways = [...new Set(results.map(({ keeping }) => keeping))];
  const find = (operation: string, way: string) =>
    results.find((one) => one.operation === operation && one.keeping === way);
  const head = [
    `storage, suite ${SUITE}, ${members} members`,
    ...ways.flatMap((way) => [way, "written", "/none"]),
  ];
  const rows = ROWS.map(({ name }) => [
    name,
    ...ways.flatMap((way) => {
      const [one, none] = [find(name, way), find(name, "none")];
      if (one === undefined) return ["-", "", ""];
      const over = none === undefined || none === one ? "" : ratio(one.milliseconds / none.milliseconds);
      return [duration(one.milliseconds), one.bytes === undefined ? "" : bytes(one.bytes), over];
    }),
  ]);
  return aligned([head, ...rows]);
}

/** The section of the benchmarks. */
export async function storageSection(
  sizes: readonly number[],
  rounds: number | undefined,
  progress: Progress,
): Promise<void> {
  for (const members of sizes) {
    const { all, absent } = await keepings();
    try {
      const results = await measureStorage(members, all, rounds ?? (members > 1000 ? 4 : 20), progress);
      progress("");
      console.log(`\n${storageTable(members, results)}`);
      const times = ["sqlite", "none"].map(
        (way) => results.find((one) => one.operation === BATCHES && one.keeping === way)?.milliseconds,
      );
      const [kept, bare] = times;
      if (kept !== undefined && bare !== undefined)
        console.log(
          `${BATCHES}, with SQLite over without a storage: ${ratio(kept / bare)}, at most ${MOST_OVER_NONE} wanted`,
        );
    } finally {
      for (const { end } of all) await end();
    }
    for (const why of absent) console.log(why);
  }
}
