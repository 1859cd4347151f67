// RFC 9420 doesn't cover this: abort signals, which stay in their thread. What crosses is that one was aborted, and why.

import type { AbortSignalLike } from "@copse/core";

/** Calls `listener` once a signal is aborted, which may be at once. @returns stops watching */
export function onAbort(
  signal: AbortSignalLike | undefined,
  listener: (reason: unknown) => void,
): () => void {
  if (signal === undefined) return () => undefined;
  const report = () => listener(signal.reason);
  if (signal.aborted) report();
  else signal.addEventListener("abort", report);
  return () => signal.removeEventListener("abort", report);
}

/** What is used of an `AbortController`. Every platform with workers has it. */
export interface AbortControllerLike {
  readonly signal: AbortSignalLike;
  abort(reason?: unknown): void;
}

export function newAbortController(): AbortControllerLike {
  const { AbortController } = globalThis as unknown as {
    readonly AbortController: new () => AbortControllerLike;
  };
  return new AbortController();
}
