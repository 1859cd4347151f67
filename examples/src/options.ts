// The command line of the session.
import { parseArgs } from "node:util";

export interface Options {
  /** Code points, each once; those that all of the default backends serve if left out. */
  readonly suites: readonly number[] | undefined;
  readonly members: number | undefined;
  /** Names, each once; the default backends if left out. */
  readonly backends: readonly string[] | "all" | undefined;
}

/** A command line that can't be served; the message says what is wrong and what would be right. */
export class UsageError extends Error {
  override name = "UsageError";
}

export const MIN_MEMBERS = 2;
/** All members live in one process, and each checks the leaf of every other one: the time grows as the square. */
export const MAX_MEMBERS = 200;
/** For all backends that there are. */
const ALL = "all";
/** RFC 9420 §17.1 */
const MAX_SUITE = 7;

/** @throws UsageError */
export function parseOptions(args: readonly string[], backends: readonly string[]): Options | "help" {
  const { help, suite, members, backends: chosen } = parse(args);
  if (help) return "help";
  const names = chosen && list("--backends", chosen);
  for (const name of names ?? []) {
    if (!backends.includes(name) && name !== ALL) {
      throw new UsageError(`--backends: there is no "${name}"; choose from ${backends.join(", ")}, ${ALL}`);
    }
  }
  return {
    suites: suite && list("--suite", suite).map((text) => whole("--suite", text, 1, MAX_SUITE)),
    members: members === undefined ? undefined : whole("--members", members, MIN_MEMBERS, MAX_MEMBERS),
    backends: names?.includes(ALL) ? ALL : names,
  };
}

export function usage(backends: readonly string[], defaults: readonly string[], members: number): string {
  return `Usage: npm start -- [options]

  --suite 2            cipher suite of RFC 9420, 1 to ${MAX_SUITE}; several as 1,3
                       (default: 3, then 1)
  --members 50         members of the group, ${MIN_MEMBERS} to ${MAX_MEMBERS} (default: ${members},
                       or one for each backend)
  --backends a,b       of ${backends.join(", ")};
                       members take them in turn (default: ${defaults.join(",")})
  --backends all       every backend in one group, in each suite that all have,
                       and in small groups of two backends in the other suites
  --help               show this

A suite that only some of the backends have runs with those, and says so.
Exit code: 0 if all members agree at the end, 1 if not, 2 for a bad choice.
`;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        suite: { type: "string", multiple: true },
        members: { type: "string" },
        backends: { type: "string", multiple: true },
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
