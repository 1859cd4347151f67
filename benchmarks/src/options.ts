// The command line of the benchmarks.
import { parseArgs } from "node:util";
import { REFERENCE } from "./table.js";

export interface Options {
  suites: number[] | undefined;
  members: number[];
  backends: string[] | undefined;
  runs: number | undefined;
  json: string | undefined;
}

/** A command line that can't be served; the message says what is wrong and what would be right. */
export class UsageError extends Error {
  override name = "UsageError";
}

const MAX_MEMBERS = 100_000;
const MAX_RUNS = 1000;
const MAX_SUITE = 0xffff;

/** @throws UsageError */
export function parseOptions(args: string[], backends: readonly string[]): Options | "help" {
  const { help, suite, members, json, runs, backends: chosen } = parse(args);
  if (help) return "help";
  if (json === "") throw new UsageError("--json needs the name of a file");
  const names = chosen && list("--backends", chosen);
  for (const name of names ?? []) {
    if (!backends.includes(name)) {
      throw new UsageError(`--backends: there is no "${name}"; choose of ${backends.join(", ")}`);
    }
  }
  return {
    suites: suite && list("--suite", suite).map((text) => whole("--suite", text, 1, MAX_SUITE)),
    members: list("--members", members ?? ["2,100,1000"]).map((text) =>
      whole("--members", text, 2, MAX_MEMBERS),
    ),
    backends: names,
    runs: runs === undefined ? undefined : whole("--runs", runs, 1, MAX_RUNS),
    json,
  };
}

export function usage(backends: readonly string[]): string {
  return `npm run bench -- [options]

  --suite 1,2         cipher suites (default: those that ${REFERENCE} is measured in, else all)
  --members 2,100     sizes of the groups, 2 to ${MAX_MEMBERS} (default: 2,100,1000)
  --backends a,b      of ${backends.join(", ")} (default: all)
  --runs 5            how often each group is built (default: 15, 5 or 3 by size)
  --json FILE         write the results to a file as well
  --help              show this

Each time is the median of the runs. A ratio is a time over that of ${REFERENCE} in the same run: below 1 is faster.
All members but one are added in one commit, so the tree above the leaves starts out blank: an empty commit
encrypts to nearly every leaf, which is the most that it can cost.`;
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        suite: { type: "string", multiple: true },
        members: { type: "string", multiple: true },
        backends: { type: "string", multiple: true },
        runs: { type: "string" },
        json: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** Comma-separated values, given once or several times, each kept once. */
function list(flag: string, values: readonly string[]): string[] {
  const items = values.flatMap((value) => value.split(",")).map((item) => item.trim());
  if (items.includes("")) throw new UsageError(`${flag}: a value is empty`);
  return [...new Set(items)];
}

function whole(flag: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`${flag}: "${text}" is not a whole number from ${min} to ${max}`);
}
