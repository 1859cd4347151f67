// RFC 9420 §5.1: how often a check does what costs much: less often with a slow provider.

/** The finest clock of the platform, in milliseconds. */
const { performance } = globalThis as unknown as { readonly performance?: { now(): number } };
const now = (): number => performance?.now() ?? Date.now();

/**
 * How long a piece of work takes, in milliseconds: the shortest of a few times, so that it doesn't matter what else the
 * machine does.
 */
export async function costOf(work: () => unknown, times = 8): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < times; i++) {
    const start = now();
    await work();
    least = Math.min(least, now() - start);
  }
  return least;
}

/** How many rounds of some work take about so many milliseconds: at least `least`, and at most `most`. */
export async function roundsOf(
  work: () => unknown,
  { budget, least, most }: { readonly budget: number; readonly least: number; readonly most: number },
): Promise<number> {
  const cost = await costOf(work);
  return Math.max(least, Math.min(most, Math.floor(budget / cost)));
}
