// The command line of `npm run simulate`.
import { parseArgs } from "node:util";

export interface Options {
  readonly seed: number;
  readonly steps: number;
  /** How many clients there are. */
  readonly devices: number;
  /** How many groups there are at a time. */
  readonly rooms: number;
  /** The fault to plant. */
  readonly fault: string | undefined;
  /** The file of a course to play. */
  readonly play: string | undefined;
  /** For how many seconds a course is made shorter. */
  readonly patience: number;
}

export const USAGE = `usage: npm run simulate -- [options]
  --seed N          the choices; by default others each time, which are printed
  --steps 100000    how many steps
  --devices 200     how many clients there are
  --rooms 40        how many groups they have at a time
  --planted         plant one fault after the other, and say at which step it is found
  --fault NAME      plant this fault only
  --play FILE       play a course: the lines that were printed for it
  --patience 120    seconds for which a course that breaks something is made shorter`;

/** Something is wrong with the arguments. */
export class ArgumentError extends Error {}

function numberOf(name: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least)
    throw new ArgumentError(`expected a whole number from ${least} for --${name}, got "${text}"`);
  return value;
}

/** @param fresh a seed, if none is given @throws ArgumentError */
export function optionsOf(args: readonly string[], fresh: () => number): Options {
  const { values } = parsed(args);
  return {
    seed: values.seed === undefined ? fresh() : numberOf("seed", values.seed, 0),
    steps: numberOf("steps", values.steps, 1),
    devices: numberOf("devices", values.devices, 2),
    rooms: numberOf("rooms", values.rooms, 1),
    fault: values.fault,
    play: values.play,
    patience: numberOf("patience", values.patience, 1),
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        seed: { type: "string" },
        steps: { type: "string", default: "100000" },
        devices: { type: "string", default: "200" },
        rooms: { type: "string", default: "40" },
        fault: { type: "string" },
        play: { type: "string" },
        patience: { type: "string", default: "120" },
      },
    });
  } catch (error) {
    throw new ArgumentError((error as Error).message);
  }
}
