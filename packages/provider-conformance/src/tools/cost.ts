// RFC 9420 §5.1: how often a check does what costs much: less often with a slow provider, or in a short run.

/** How much the checks do. A short run has the same checks, with fewer rounds, sizes and lengths. */
export type Effort = "full" | "short";

/** The finest clock of the platform, in milliseconds. */
const { performance } = globalThis as unknown as { readonly performance?: { now(): number } };
const now = (): number => performance?.now() ?? Date.now();

/**
 * How long a piece of work takes, in milliseconds: the shortest of a few times, so that it doesn't matter what else the
 * machine does.
 */
export async function costOf(work: () => unknown, effort: Effort): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < (effort === "full" ? 8 : 2); i++) {
    const start = now();
    await work();
    least = Math.min(least, now() - start);
  }
  return least;
}

/**
 * How many rounds of some work take about so many milliseconds: at least `least`, and at most `most`. A short run has a
 * quarter of the least, and a sixteenth of the others.
 */
export async function roundsOf(
  work: () => unknown,
  { budget, least, most }: { readonly budget: number; readonly least: number; readonly most: number },
  effort: Effort,
): Promise<number> {
  const rounds = Math.floor(budget / (await costOf(work, effort)));
  if (effort === "full") return Math.max(least, Math.min(most, rounds));
  return Math.ceil(Math.max(least / 4, Math.min(most, rounds) / 16));
}
