// The command line of the benchmarks.
import { parseArgs } from "node:util";
import type { Clock } from "./clock.js";
import { REFERENCE } from "./references.js";
import type { Tree } from "./samples.js";

export interface Options {
  readonly suites: readonly number[] | undefined;
  readonly members: readonly number[] | undefined;
  readonly trees: readonly Tree[];
  readonly providers: readonly string[] | undefined;
  /** Modules with providers of one's own. */
  readonly modules: readonly string[];
  readonly runs: number | undefined;
  readonly full: boolean;
  /** One group of this size, with one provider unless some are named. */
  readonly size: number | undefined;
  readonly clock: Clock;
  readonly shares: boolean;
  readonly json: string | undefined;
  readonly against: string | undefined;
  readonly check: boolean;
  /** Leaves what takes longest out of the check: then its bars are missed. */
  readonly skipLarge: boolean;
  /** Whether to measure hostile inputs instead: all of them, or those whose title contains a text. */
  readonly hostile: boolean;
  readonly only: string | undefined;
  /** Whether to measure beside OpenMLS instead. */
  readonly openmls: boolean;
  /** Whether to measure what a storage costs, and nothing else. */
  readonly storage: boolean;
  /** Whether to measure delivery services, and nothing else. */
  readonly delivery: boolean;
}

/** A command line that can't be served; the message says what is wrong and what would be right. */
export class UsageError extends Error {
  override name = "UsageError";
}

const MAX_MEMBERS = 100_000;
const MAX_RUNS = 1000;
const MAX_SUITE = 0xffff;
const CLOCKS: readonly Clock[] = ["wall", "cpu"];
const TREES: readonly Tree[] = ["fresh", "lived-in"];

/** @throws UsageError */
export function parseOptions(args: string[], providers: readonly string[]): Options | "help" {
  const values = parse(args);
  if (values.help) return "help";
  const { suite, members, tree, size, json, against, runs } = values;
  if (values.provider?.includes("")) throw new UsageError("--provider needs the name of a file");
  if (values.only !== undefined && !values.hostile) throw new UsageError("--only needs --hostile");
  if (values["skip-large"] && !values.check) throw new UsageError("--skip-large needs --check");
  if (values.storage) checkAlone(values, "storage", ["members", "size", "full", "runs", "clock"]);
  if (values.delivery) checkAlone(values, "delivery", ["size", "runs"]);
  if (values.openmls) checkAlone(values, "openmls", ["size", "runs", "clock", "json", "against"]);
  if (values.hostile) checkAlone(values, "hostile", ["check", "only", "clock"]);
  else if (values.check)
    checkAlone(values, "check", ["suite", "providers", "runs", "clock", "json", "against", "skip-large"]);
  if (json === "") throw new UsageError("--json needs the name of a file");
  if (against === "") throw new UsageError("--against needs the name of a file");
  if (size !== undefined && members !== undefined)
    throw new UsageError("--size and --members say the same thing");
  const names = values.providers && list("--providers", values.providers);
  for (const name of names ?? []) oneOf("--providers", name, providers);
  const trees = tree && list("--tree", tree).map((name) => oneOf("--tree", name, TREES));
  return {
    suites: suite && list("--suite", suite).map((text) => whole("--suite", text, 1, MAX_SUITE)),
    members: members && list("--members", members).map((text) => whole("--members", text, 2, MAX_MEMBERS)),
    trees: trees ?? TREES,
    providers: names,
    modules: values.provider ?? [],
    runs: runs === undefined ? undefined : whole("--runs", runs, 1, MAX_RUNS),
    full: values.full === true,
    size: size === undefined ? undefined : whole("--size", size, values.openmls ? 5 : 2, MAX_MEMBERS),
    clock: oneOf("--clock", values.clock ?? "wall", CLOCKS),
    shares: values.shares === true,
    json,
    against,
    check: values.check === true,
    skipLarge: values["skip-large"] === true,
    hostile: values.hostile === true,
    only: values.only,
    openmls: values.openmls === true,
    storage: values.storage === true,
    delivery: values.delivery === true,
  };
}

/** What measuring something by itself doesn't go by is refused. */
function checkAlone(values: ReturnType<typeof parse>, name: string, known: readonly string[]): void {
  const other = Object.keys(values).find((one) => one !== name && !known.includes(one));
  if (other !== undefined)
    throw new UsageError(
      `--${name} can't be used with --${other}: only with ${known.map((one) => `--${one}`).join(", ")}`,
    );
}

export function usage(providers: readonly string[]): string {
  return `copse-bench [options]          (in a clone of the project: npm run bench -- [options])

  --full              all suites and providers, sizes from 2 to 10,000 (default: two suites, up to 1,000: less
                      than two minutes on an idle machine)
  --size 100000       one group of this size (default: suite 1, provider node)
  --suite 1,2         cipher suites
  --members 2,100     sizes of the groups, 2 to ${MAX_MEMBERS}
  --tree fresh        fresh: one commit adds all, so all parents are blank, and a commit encrypts to nearly every
                      leaf. lived-in: every member has committed, no parent is blank (default: both)
  --providers a,b     choose from ${providers.join(", ")}
  --provider FILE     measure a provider of your own: a module whose default export is a CryptoProvider, or a function
                      that returns one; beside those named by --providers (default: node)
  --runs 5            the number of rounds; with a fresh tree each round has a group of its own
  --clock cpu         measure the processor time of all threads, not the elapsed time: for a busy machine
  --shares            show which primitives make up the floor of each operation
  --json FILE         also write the results to a file
  --against FILE      compare with the results in such a file
  --check             measure and print the project's performance bars; exit with 1 if one is missed. With --suite or
                      --providers: only those; bars of the others count as missed
  --skip-large        with --check: leave out the group of 100,000; its bars count as missed
  --hostile           measure the worst inputs known instead, for each KB of them; with --check: exit with 1 if one
                      misses a bar
  --only TEXT         with --hostile: only the inputs whose title contains this
  --openmls           measure what OpenMLS's npm packages can do, beside Copse, in groups of 100 or of --size;
                      in a clone only
  --storage           measure only what it costs to keep the state in a storage, with provider node in suite 1 (a
                      run without options has this section too)
  --delivery          measure only delivery services: messages a second, and a commit in a group of 10,000 or of --size;
                      in a clone only
  --help              show this help

Each time is the median of its runs, followed by half of the interquartile range in per cent, and the number of runs.
/floor: divided by the time of the necessary cryptography alone, repeated call by call between the runs.
/${REFERENCE}: divided by the time of ${REFERENCE}; below 1 is faster.`;
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        suite: { type: "string", multiple: true },
        members: { type: "string", multiple: true },
        tree: { type: "string", multiple: true },
        providers: { type: "string", multiple: true },
        provider: { type: "string", multiple: true },
        runs: { type: "string" },
        full: { type: "boolean" },
        size: { type: "string" },
        clock: { type: "string" },
        shares: { type: "boolean" },
        json: { type: "string" },
        against: { type: "string" },
        check: { type: "boolean" },
        "skip-large": { type: "boolean" },
        hostile: { type: "boolean" },
        only: { type: "string" },
        openmls: { type: "boolean" },
        storage: { type: "boolean" },
        delivery: { type: "boolean" },
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

function oneOf<T extends string>(flag: string, text: string, choice: readonly T[]): T {
  const found = choice.find((one) => one === text);
  if (found !== undefined) return found;
  throw new UsageError(`${flag}: there is no "${text}"; choose from ${choice.join(", ")}`);
}

function whole(flag: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`${flag}: "${text}" is not a whole number from ${min} to ${max}`);
}
