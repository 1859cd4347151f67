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

/** Calls `work` later. Every platform with workers has timers. @param time in milliseconds @returns calls it off */
export function later(time: number, work: () => void): () => void {
  const { setTimeout, clearTimeout } = globalThis as unknown as {
    readonly setTimeout: (work: () => void, time: number) => unknown;
    readonly clearTimeout: (timer: unknown) => void;
  };
  const timer = setTimeout(work, time);
  return () => clearTimeout(timer);
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
