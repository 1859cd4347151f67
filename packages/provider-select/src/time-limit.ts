// RFC 9420 §5.1: a time limit for what a provider may take to answer. What it does without a promise can't be stopped.
import { type Awaitable, MlsError } from "@copse/core/provider";

/** Nothing came in time. */
export class LateError extends Error {}

/** The most that a platform's timers take; more would fire at once. */
const LONGEST = 2 ** 31 - 1;

interface Timers {
  setTimeout(call: () => void, milliseconds: number): unknown;
  clearTimeout(timer: unknown): void;
}

/** @throws MlsError `usage` unless it is a number of milliseconds above 0 */
export function checkTimeLimit(milliseconds: number): void {
  if (typeof milliseconds === "number" && milliseconds > 0) return;
  throw new MlsError("usage", `timeLimit: expected milliseconds above 0, got ${String(milliseconds)}`);
}

/** The answer of a call. @throws LateError (rejects) if it takes longer */
export async function within<T>(milliseconds: number, call: () => Awaitable<T>): Promise<T> {
  const { setTimeout, clearTimeout } = globalThis as unknown as Timers;
  let timer: unknown;
  const late = new Promise<never>((_, reject) => {
    const tell = () => reject(new LateError(`no answer within ${milliseconds} ms`));
    if (milliseconds <= LONGEST) timer = setTimeout(tell, milliseconds);
  });
  try {
    return await Promise.race([call(), late]);
  } finally {
    clearTimeout(timer);
  }
}
