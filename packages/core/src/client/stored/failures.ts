// What operations of a client with a storage fail with.
import { MlsError, type MlsErrorCode } from "../../errors.js";

/** Errors that say already what happened. */
const SAID: ReadonlySet<MlsErrorCode> = new Set([
  "stale-state",
  "storage",
  "closed",
  "state",
  "usage",
  "key-not-extractable",
]);

export const stale = () =>
  new MlsError(
    "stale-state",
    "another opener has changed the storage: look at what is there now, and call again",
  );

export const notOpen = () => new MlsError("closed", "the group is closed");

export const noTurn = () => new MlsError("storage", "expected the storage's turn() to run what it is given");

export function isStale(error: unknown): boolean {
  return error instanceof MlsError && error.code === "stale-state";
}

/** The error of a change that couldn't be made safe. */
export function saidError(cause: unknown): unknown {
  if (cause instanceof MlsError && SAID.has(cause.code)) return cause;
  return new MlsError("storage", "the change couldn't be written to the storage", { cause });
}

export async function said<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw saidError(cause);
  }
}
