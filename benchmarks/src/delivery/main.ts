// `npm run bench`, section "delivery": how many messages a second the services take, how long they are on their way, and what a
// commit costs a large group.
import { aligned, bytes, duration, ratio } from "../format.js";
import type { Progress } from "../progress.js";
import { type Reached, reach } from "./audience.js";
import { follow, largeGroup } from "./follow.js";
import { httpStation } from "./http.js";
import { memoryStation } from "./memory.js";
import { natsStation } from "./nats.js";
import type { Starter, Station } from "./station.js";
import { talk } from "./talk.js";
import { type Load, plainTraffic, type Traffic, traffic } from "./traffic.js";

/** Messages a second that the service by HTTP must take. */
export const LEAST_HTTP = 2000;
/** The least share of plain publishing that the service on NATS must reach. */
export const LEAST_OF_PLAIN = 0.5;

const SIZES = [256, 2048];
/** How many commits go to all members. */
const COMMITS = 3;
/** Full: as many as it takes; quiet: one after the other. */
const LANES = { full: 64, quiet: 1 };

export interface Effort {
  readonly rounds: number;
  /** Messages of each measurement with many in flight; a tenth with one. */
  readonly messages: number;
  /** The size of the group that follows a commit. */
  readonly members: number;
  /** Milliseconds after which no further members are connected to a service. */
  readonly patience: number;
}

export const THOROUGH: Effort = { rounds: 5, messages: 4000, members: 10_000, patience: 90_000 };

export interface Row extends Traffic {
  readonly name: string;
  readonly size: number;
  readonly lanes: keyof typeof LANES;
}

const STARTERS: Readonly<Record<string, Starter>> = {
  memory: memoryStation,
  http: httpStation,
  nats: natsStation,
};

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] as number;

/** All stations that can be started; of the others, why not. */
async function started(names: readonly string[]): Promise<{ stations: Station[]; absent: string[] }> {
  const [stations, absent]: [Station[], string[]] = [[], []];
  for (const name of names) {
    try {
      stations.push(await (STARTERS[name] as Starter)());
    } catch (error) {
      absent.push(`${name} isn't measured: ${error instanceof Error ? error.message : error}`);
    }
  }
  return { stations, absent };
}

/** In each round all take their turns, so that what disturbs the machine disturbs them all. */
export async function measureTraffic(
  stations: readonly Station[],
  { rounds, messages }: Effort,
  progress: Progress,
): Promise<Row[]> {
  const ways = stations.flatMap((station) => {
    const { plain } = station;
    const own = { name: station.name, measure: (load: Load) => traffic(station, load) };
    return plain === undefined
      ? [own]
      : [own, { name: plain.name, measure: (load: Load) => plainTraffic(plain, load) }];
  });
  const found = new Map<string, { row: Omit<Row, keyof Traffic>; all: Traffic[] }>();
  for (let round = -1; round < rounds; round++)
    for (const size of SIZES)
      for (const lanes of ["full", "quiet"] as const)
        for (const { name, measure } of ways) {
          progress(`delivery, round ${round + 1} of ${rounds}: ${name}, ${size} bytes, ${lanes}`);
          const inFlight = LANES[lanes];
          const one = await measure({ size, inFlight, messages: inFlight === 1 ? messages / 10 : messages });
          // The first round warms up.
          if (round < 0) continue;
          const key = `${name} ${size} ${lanes}`;
          const { row, all } = found.get(key) ?? { row: { name, size, lanes }, all: [] };
          found.set(key, { row, all: [...all, one] });
        }
  return [...found.values()].map(({ row, all }) => ({ ...row, ...middle(all) }));
}

function middle(all: readonly Traffic[]): Traffic {
  return {
    perSecond: median(all.map(({ perSecond }) => perSecond)),
    p50: median(all.map(({ p50 }) => p50)),
    p99: median(all.map(({ p99 }) => p99)),
  };
}

export function trafficTable(rows: readonly Row[]): string {
  const head = ["messages of", "", "", "a second", "p50", "p99"];
  return aligned([
    head,
    ...rows.map(({ name, size, lanes, perSecond, p50, p99 }) => [
      name,
      bytes(size),
      lanes === "full" ? `${LANES.full} in flight` : "one by one",
      perSecond.toFixed(0),
      duration(p50),
      duration(p99),
    ]),
  ]);
}

/** The bars, each with what was measured. */
export function bars(rows: readonly Row[]): string[] {
  const lines: string[] = [];
  for (const size of SIZES) {
    const rate = (name: string) =>
      rows.find((row) => row.name === name && row.size === size && row.lanes === "full")?.perSecond;
    const [http, nats, plain] = [rate("http"), rate("nats"), rate("plain NATS")];
    if (http !== undefined)
      lines.push(
        `http, ${bytes(size)}: ${http.toFixed(0)} a second, at least ${LEAST_HTTP} wanted: ${http >= LEAST_HTTP ? "met" : "MISSED"}`,
      );
    if (nats !== undefined && plain !== undefined)
      lines.push(
        `nats, ${bytes(size)}: ${ratio(nats / plain)} of plain publishing, at least ${LEAST_OF_PLAIN} wanted: ` +
          `${nats / plain >= LEAST_OF_PLAIN ? "met" : "MISSED"}`,
      );
  }
  return lines;
}

/** How a commit reaches all members of a large group. */
export function reachedTable(rows: readonly (Reached & { readonly name: string })[]): string {
  const head = [
    "",
    "members connected",
    "in",
    "bytes out",
    "all have it",
    "the real ones took it",
    "first message",
  ];
  return aligned([
    head,
    ...rows.map(({ name, members, begun, bytes: out, delivered, taken, proven }) => [
      name,
      `${members}`,
      duration(begun),
      bytes(out),
      duration(delivered),
      duration(taken),
      duration(proven),
    ]),
  ]);
}

async function followed(stations: readonly Station[], effort: Effort, progress: Progress): Promise<void> {
  const { members, patience } = effort;
  const rounds = Math.min(effort.rounds, COMMITS);
  const group = await largeGroup(members, progress);
  const { commit, groupInfo, make, take } = await follow(group, rounds);
  progress("");
  const real = group.sample.length;
  console.log(
    `one commit in a group of ${group.members}: ${real} members are real and hold the whole tree, ` +
      `${group.members - real} are leaves of it`,
  );
  console.log(
    `run: ${bytes(commit)}, with a GroupInfo of ${bytes(groupInfo)}; ${duration(make)} to make, ` +
      `${duration(take)} for a real member to take, alone`,
  );
  console.log(
    `multiplied: ${group.members} members take ${duration(take * group.members)}, each on its own device`,
  );
  const rows: (Reached & { readonly name: string })[] = [];
  for (const station of stations)
    rows.push({
      name: station.name,
      ...(await reach(station, group, { members, rounds, patience }, progress)),
    });
  progress("");
  console.log(`\n${reachedTable(rows)}`);
  for (const { name, members: connected } of rows)
    if (connected < members)
      console.log(
        `${name}: ${connected} of ${members} members, as many as were connected after ${duration(patience)}; nothing is multiplied`,
      );
}

/** The section of the benchmarks. */
export async function deliverySection(effort: Effort, progress: Progress): Promise<void> {
  const { stations, absent } = await started(Object.keys(STARTERS));
  try {
    for (const why of absent) console.log(why);
    const rows = await measureTraffic(stations, effort, progress);
    progress("");
    console.log(`\n${trafficTable(rows)}`);
    for (const line of bars(rows)) console.log(line);
    const talks: string[][] = [["messenger to messenger", "", "a second", "p50", "p99"]];
    for (const station of stations)
      for (const members of [2, 10]) {
        progress(`delivery: ${members} messengers by ${station.name}`);
        const load = { members, messages: effort.messages / members, inFlight: 8 };
        const { perSecond, p50, p99 } = await talk(station, load);
        talks.push([station.name, `${members} members`, perSecond.toFixed(0), duration(p50), duration(p99)]);
      }
    progress("");
    console.log(`\n${aligned(talks)}\n`);
    await followed(stations, effort, progress);
  } finally {
    for (const station of stations) await station.close();
  }
}
