// The command line of `npm run fuzz`.
import { parseArgs } from "node:util";

export interface Options {
  /** How long to run, in seconds. */
  readonly seconds: number;
  /** The names of the targets; all of them unless said otherwise. */
  readonly targets: readonly string[] | undefined;
  readonly seed: number;
  readonly suite: number;
  /** How often to print a line, in seconds. */
  readonly interval: number;
  /** Whether to stop at the first find. */
  readonly first: boolean;
  /** The folder that finds are written to, if it is another one. */
  readonly finds: string | undefined;
  /** How long an input may take before the process ends, in seconds. */
  readonly patience: number;
  /** The file of a find to play, instead of looking for others. */
  readonly play: string | undefined;
}

export const USAGE = `usage: npm run fuzz -- [options]
  --seconds 60     how long to run
  --target NAME    only this target; can be given several times
  --seed 1         the same seed makes the same choices
  --suite 3        the cipher suite of the groups
  --interval 10    seconds between two lines
  --first          stop at the first find
  --finds FOLDER   write finds there instead of fuzz/finds
  --patience 120   seconds that one input may take
  --play FILE      only play this find`;

/** Something is wrong with the arguments. */
export class ArgumentError extends Error {}

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0)
    throw new ArgumentError(`expected a number above 0 for --${name}, got "${text}"`);
  return value;
}

/** @throws ArgumentError */
export function optionsOf(args: readonly string[], names: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: "string", default: "60" },
      target: { type: "string", multiple: true },
      seed: { type: "string", default: "1" },
      suite: { type: "string", default: "3" },
      interval: { type: "string", default: "10" },
      first: { type: "boolean", default: false },
      finds: { type: "string" },
      patience: { type: "string", default: "120" },
      play: { type: "string" },
    },
  });
  for (const name of values.target ?? []) {
    if (!names.includes(name))
      throw new ArgumentError(`expected a target of ${names.join(", ")}, got "${name}"`);
  }
  return {
    seconds: numberOf("seconds", values.seconds),
    targets: values.target,
    seed: numberOf("seed", values.seed),
    suite: numberOf("suite", values.suite),
    interval: numberOf("interval", values.interval),
    first: values.first,
    finds: values.finds,
    patience: numberOf("patience", values.patience),
    play: values.play,
  };
}
