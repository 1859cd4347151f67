// Random choices that are the same for the same seed.

/** mulberry32: numbers in [0, 1). */
export function fractionsFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Integers from 0 to below `below`. */
export function randomFrom(seed: number): (below: number) => number {
  const next = fractionsFrom(seed);
  return (below) => Math.floor(next() * below);
}
