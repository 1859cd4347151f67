// RFC 9420 §5.1: what the time is, on every platform.

/** Milliseconds from any fixed point. */
export type Clock = () => number;

/** `performance.now` where the platform has it, else the date: without types of any platform. */
export const platformClock: Clock = () => {
  const { performance } = globalThis as { readonly performance?: { now(): number } };
  return performance === undefined ? Date.now() : performance.now();
};
