// What an input costs: time, and the most memory that is held at any moment.
import { GCProfiler } from "node:v8";
import { now } from "../clock.js";
import { collectGarbage } from "../memory.js";

/** An input, ready to be given. */
export interface Attempt {
  /** The size of what came from outside, in bytes. */
  readonly bytes: number;
  /** Gives it. It may succeed or fail. */
  run(): Promise<unknown>;
}

export interface Cost {
  readonly bytes: number;
  /** The shortest of the runs, in milliseconds. */
  readonly ms: number;
  /** The most bytes that were held at once, in the heap and in array buffers, besides those held before. */
  readonly memory: number;
  /** What came of it: the code of an error, or `accepted`. */
  readonly outcome: string;
}

async function outcomeOf(attempt: Attempt): Promise<string> {
  try {
    await attempt.run();
    return "accepted";
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return code ?? message;
  }
}

function held(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/**
 * The profiler reports the heap before each collection: its largest size there, or at the end, is the peak. Garbage
 * that the engine hasn't collected yet counts, because the process does hold it.
 */
async function peakOf(attempt: Attempt): Promise<{ memory: number; outcome: string }> {
  await collectGarbage();
  const before = held();
  const profiler = new GCProfiler();
  profiler.start();
  const outcome = await outcomeOf(attempt);
  const after = held();
  const peaks = profiler.stop().statistics.map(({ beforeGC }) => {
    const { usedHeapSize, externalMemory } = beforeGC.heapStatistics;
    return usedHeapSize + externalMemory;
  });
  return { memory: Math.max(after, ...peaks) - before, outcome };
}

/** Makes an attempt several times. @param make makes a new one each time, outside of what is measured */
export async function costOf(make: () => Promise<Attempt>, runs = 3): Promise<Cost> {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const attempt = await make();
    await collectGarbage();
    const start = now();
    await outcomeOf(attempt);
    best = Math.min(best, now() - start);
    // One that takes seconds varies little.
    if (best > 2000) break;
  }
  const attempt = await make();
  const { memory, outcome } = await peakOf(attempt);
  return { bytes: attempt.bytes, ms: best, memory, outcome };
}
