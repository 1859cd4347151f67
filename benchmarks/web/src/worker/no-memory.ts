// How much memory something holds: a page can't tell.
export async function memoryOf(work: () => Promise<void>): Promise<number> {
  await work();
  return Number.NaN;
}

/** Nor can it collect its garbage. */
export async function collectGarbage(): Promise<void> {}
