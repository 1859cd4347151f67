// A step of a course: what a device does. Each can be taken whatever the steps before it were: what makes no sense any more
// does nothing. So a course can be made shorter by leaving steps out.
import type { Fate } from "./disk.js";

export const KINDS = [
  "create",
  "send",
  "propose",
  "commit",
  "submit",
  "deliver",
  "batch",
  "lose",
  "external",
  "offer",
  "withdraw",
  "crash",
  "open",
  "shut",
  "look",
  "leave",
  "wait",
  "settle",
  "found",
  "tell",
  "fork",
  "pass",
  "turn",
  "agree",
] as const;
export type Kind = (typeof KINDS)[number];

export interface Step {
  /** Its number in the course where it was made: its randomness, and the names of what it sends, come from that. */
  readonly n: number;
  readonly kind: Kind;
  /** The device. */
  readonly by: number;
  /** The room, by the number of the step that made it. */
  readonly room?: number | undefined;
  /** The letter. */
  readonly letter?: string | undefined;
  /** The key packages to add, by the steps that offered them. */
  readonly add?: readonly number[] | undefined;
  /** The device to remove. */
  readonly remove?: number | undefined;
  /** What becomes of the first write. */
  readonly fate?: Fate | undefined;
}

/** As a line of text, such as `12 send 5 room=3 fate=dies-before`. */
export function writeStep({ n, kind, by, fate, ...others }: Step): string {
  const options = Object.entries({ ...others, fate: fate?.replace(" ", "-") });
  const given = options.filter(([, value]) => value !== undefined).map(([name, value]) => `${name}=${value}`);
  return [n, kind, by, ...given].join(" ");
}

/** @throws Error for what isn't a step */
export function readStep(line: string): Step {
  const [n, kind, by, ...options] = line.trim().split(" ");
  if (!KINDS.includes(kind as Kind)) throw new Error(`expected a step, got ${JSON.stringify(line)}`);
  const given = new Map(options.map((option) => option.split("=") as [string, string]));
  const number = (name: string) => (given.has(name) ? Number(given.get(name)) : undefined);
  return {
    n: Number(n),
    kind: kind as Kind,
    by: Number(by),
    room: number("room"),
    letter: given.get("letter"),
    add: given.get("add")?.split(",").map(Number),
    remove: number("remove"),
    fate: given.get("fate")?.replace("-", " ") as Fate | undefined,
  };
}
