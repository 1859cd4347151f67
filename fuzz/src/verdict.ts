// What an input leads to: a verdict, its time and its memory, and whether they are within the bounds.
import { getHeapStatistics } from "node:v8";
import { MlsError, type MlsErrorCode, ValidationError } from "../../packages/core/src/errors.js";

/** What the library said to one input. */
export interface Verdict {
  /** `accepted`, or the code of the error and its rule: the same for all members. */
  readonly said: string;
  /** `said`, with what the message says besides: another one is another behaviour. */
  readonly detail: string;
  readonly value?: unknown;
  /** An error that isn't of the library, or has a code that isn't expected. */
  readonly problem?: string | undefined;
  /** The time that the processor worked. */
  readonly milliseconds: number;
  /** By how much the heap grew, in bytes; less if garbage was collected meanwhile. */
  readonly memory: number;
}

/** What an input may cost: 100 ms and 48 MB, and for each of its bytes 4 µs and 400 bytes. */
export const BOUNDS = { milliseconds: 100, perByte: 0.004, memory: 48 << 20, memoryPerByte: 400 } as const;

export function limits(size: number, perByte: number = BOUNDS.perByte) {
  return {
    milliseconds: BOUNDS.milliseconds + perByte * size,
    memory: BOUNDS.memory + BOUNDS.memoryPerByte * size,
  };
}

const memoryNow = (): number => {
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
};

/** The first line of the stack that is in the library, for errors that nobody meant to throw. */
function placeOf(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  return stack
    .split("\n")
    .slice(1, 4)
    .join("")
    .replaceAll(/\s+/g, " ")
    .replaceAll(/file:\S*\//g, "");
}

/** Numbers and bytes differ from input to input. */
export const skeleton = (text: string): string =>
  text
    .replaceAll(/[0-9a-f]{8,}/g, "#")
    .replaceAll(/\d+/g, "0")
    .slice(0, 160);

/** Gives an input to the library. @param mayThrow whether an error of this code is expected */
export async function judge(
  work: () => unknown,
  mayThrow: (code: MlsErrorCode) => boolean,
): Promise<Verdict> {
  const memory = memoryNow();
  const start = process.cpuUsage();
  const cost = () => {
    // Of the processor, because others may use it too.
    const { user, system } = process.cpuUsage(start);
    return { milliseconds: (user + system) / 1000, memory: memoryNow() - memory };
  };
  try {
    const value = await work();
    return { said: "accepted", detail: "accepted", value, ...cost() };
  } catch (error) {
    const spent = cost();
    if (!(error instanceof MlsError)) {
      const problem = `not an MlsError: ${skeleton(String(error))} ${placeOf(error)}`;
      return { said: "raw", detail: skeleton(String(error)), problem, ...spent };
    }
    const rule = error instanceof ValidationError ? ` ${error.rule}` : "";
    const said = `${error.code}${rule}`;
    const cause = error.cause === undefined ? "" : `, by ${skeleton(String(error.cause))}`;
    const problem = mayThrow(error.code)
      ? undefined
      : `unexpected code: ${said}: ${skeleton(error.message)}${cause} ${placeOf(error.cause ?? error)}`;
    return { said, detail: `${said} ${skeleton(error.message)}`, problem, ...spent };
  }
}
