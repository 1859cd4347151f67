// Options of services and of their clients: names and types as the core checks those of its calls, and what numbers may be.
import { checkOptions, type OptionNames, type OptionShape } from "@copse/core/provider";
import { DeliveryError } from "../service.js";

const invalid = (message: string, cause?: unknown) => new DeliveryError("invalid", message, { cause });

/**
 * A copy of options, as `checkOptions` of the core makes it.
 * @throws DeliveryError `invalid` for a name that isn't known, or a value of another type, also in nested options
 */
export function takeOptions<T>(options: T, shape: OptionShape<T>): T {
  try {
    return checkOptions(options, shape);
  } catch (error) {
    throw invalid((error as Error).message, error);
  }
}

/** The shape of options that are all numbers, such as limits, by their defaults. */
export const numbersOf = (defaults: object): OptionNames =>
  Object.fromEntries(Object.keys(defaults).map((name) => [name, "number"]));

/**
 * Refuses numbers below 0, and what is none, also in objects.
 * @throws DeliveryError `invalid`
 */
export function checkNumbers(options: object, path = ""): void {
  for (const [name, value] of Object.entries(options)) {
    if (typeof value === "number" && !(value >= 0))
      throw invalid(`${path}${name}: expected 0 or more, got ${value}`);
    if (typeof value === "object" && value !== null) checkNumbers(value, `${path}${name}.`);
  }
}

/** Timers that are to wait longer end at once. */
const LONGEST = 2 ** 31 - 1;

/** For how long a timer waits, in milliseconds. @throws DeliveryError `invalid` */
export function takeWait(value: number, what: string): number {
  if (value >= 1 && value <= LONGEST) return value;
  throw invalid(`${what}: expected 1 to ${LONGEST} milliseconds, got ${value}`);
}
