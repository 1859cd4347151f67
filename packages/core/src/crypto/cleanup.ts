// RFC 9420 §9.2: what is undone or released when work ends, whether it is synchronous or not.
import type { Writer } from "../codec/index.js";
import { type Awaitable, withCleanup } from "../provider/index.js";

/** Runs `work`. If it throws or rejects, runs `undo` first and then passes the error on. */
export function onFailure<T>(work: () => Awaitable<T>, undo: () => void): Awaitable<T> {
  return withCleanup(work, (failed) => {
    if (failed) undo();
  });
}

/**
 * Runs `work` with a writer and then releases the writer. For bytes that are hashed, verified or encrypted and not
 * kept: `work` reads them by {@link Writer.view}, without a copy, and must not keep the view.
 */
export function withBuffer<T>(writer: Writer, work: (written: Writer) => Awaitable<T>): Awaitable<T> {
  return withCleanup(
    () => work(writer),
    () => writer.release(),
  );
}
