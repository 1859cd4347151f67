// The command line of the session.
import { parseArgs } from "node:util";
import { STORAGES, type StorageName } from "./delivery/friend.js";
import { DELIVERIES, type DeliveryName } from "./delivery/services.js";
import { wrap } from "./report.js";

export interface Options {
  /** Code points, without duplicates. Default: the preferred suites that all chosen providers have. */
  readonly suites: readonly number[] | undefined;
  readonly members: number | undefined;
  /** Names, without duplicates. Default: `DEFAULT_PROVIDERS`. */
  readonly providers: readonly string[] | "all" | undefined;
  /** A conversation over a delivery service, in place of a group whose messages the session hands on. */
  readonly stack: Stack | undefined;
}

export interface Stack {
  readonly delivery: DeliveryName;
  readonly storage: StorageName;
}

/** An invalid command line. The message says what is wrong and what is allowed. */
export class UsageError extends Error {
  override name = "UsageError";
}

export const MIN_MEMBERS = 2;
/** All members live in one process, and each checks the leaf of every other one: the time grows as the square. */
export const MAX_MEMBERS = 200;
/** The value of `--providers` that stands for all of them. */
const ALL = "all";
/** RFC 9420 §17.1 */
const MAX_SUITE = 7;

/** @throws UsageError */
export function parseOptions(args: readonly string[], providers: readonly string[]): Options | "help" {
  const { help, suite, members, providers: chosen, delivery, storage } = parse(args);
  if (help) return "help";
  const names = chosen && list("--providers", chosen);
  for (const name of names ?? []) {
    if (!providers.includes(name) && name !== ALL) {
      throw new UsageError(`--providers: there is no "${name}"; choose from ${providers.join(", ")}, ${ALL}`);
    }
  }
  return {
    suites: suite && list("--suite", suite).map((text) => whole("--suite", text, 1, MAX_SUITE)),
    members: members === undefined ? undefined : whole("--members", members, MIN_MEMBERS, MAX_MEMBERS),
    providers: names?.includes(ALL) ? ALL : names,
    stack: stackOf(delivery, storage),
  };
}

export function usage(providers: readonly string[], defaults: readonly string[], members: number): string {
  return `Usage: npm start -- [options]

  --suite 2            cipher suite of RFC 9420, 1 to ${MAX_SUITE}; several as 1,3
                       (default: 3, then 1)
  --members 50         members of the group, ${MIN_MEMBERS} to ${MAX_MEMBERS} (default: ${members},
                       or one for each provider, if more)
  --providers a,b      of ${wrap(providers.join(", "), 50).join("\n                       ")};
                       members take them in turn (default: ${defaults.join(",")})
  --providers all      one group with all providers, in suites that all have;
                       groups of two providers in the other suites
  --delivery http      a conversation over a delivery service: memory, http or
                       nats (with the system's nats-server)
  --storage sqlite     where its clients keep their state: memory or sqlite
                       (default: memory, or sqlite with --delivery http or nats)
  --help               show this help

If only some providers have a suite, it runs with those, and the output says so.
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
        providers: { type: "string", multiple: true },
        delivery: { type: "string" },
        storage: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** Where one of the two is chosen, the other one has a default. */
function stackOf(delivery: string | undefined, storage: string | undefined): Stack | undefined {
  if (delivery === undefined && storage === undefined) return undefined;
  const service = oneOf("--delivery", delivery ?? "memory", DELIVERIES);
  return {
    delivery: service,
    storage: oneOf("--storage", storage ?? (service === "memory" ? service : "sqlite"), STORAGES),
  };
}

function oneOf<T extends string>(flag: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === text);
  if (found === undefined)
    throw new UsageError(`${flag}: there is no "${text}"; choose from ${allowed.join(", ")}`);
  return found;
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
