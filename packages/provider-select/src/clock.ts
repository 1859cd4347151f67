// RFC 9420 §5.1: a clock for every platform.

/** Milliseconds from any fixed point. */
export type Clock = () => number;

/** `performance.now` where the platform has it, else `Date.now`. */
export const platformClock: Clock = () => {
  const { performance } = globalThis as { readonly performance?: { now(): number } };
  return performance === undefined ? Date.now() : performance.now();
};
