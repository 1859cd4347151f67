// RFC 9420 §9.2: what is undone or released when work ends, whether it is synchronous or not.
import { Writer } from "../codec/index.js";
import { type Awaitable, withCleanup } from "../provider/index.js";

/** Runs `work`. If it throws or rejects, runs `undo` first and then passes the error on. */
export function onFailure<T>(work: () => Awaitable<T>, undo: () => void): Awaitable<T> {
  return withCleanup(work, (failed) => {
    if (failed) undo();
  });
}

/**
 * Runs `work` with a writer and then releases the writer, whatever fails. For bytes that are hashed, verified or encrypted
 * and not kept: `work` writes them, reads them by {@link Writer.view}, without a copy, and must not keep the view.
 * @param capacity as in {@link Writer}
 */
export function withBuffer<T>(capacity: number, work: (writer: Writer) => Awaitable<T>): Awaitable<T> {
  const writer = new Writer(capacity);
  return withCleanup(
    () => work(writer),
    () => writer.release(),
  );
}
