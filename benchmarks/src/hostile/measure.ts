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

export interface Timed {
  readonly bytes: number;
  /** The shortest of the runs, in milliseconds. */
  readonly ms: number;
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
 * The most bytes that are held at once, in the heap and in array buffers, besides those held before. The profiler
 * reports the heap before each collection: its largest size there, or at the end, is the peak. Garbage that the engine
 * hasn't collected yet counts, because the process does hold it.
 */
async function peakOf(make: () => Promise<Attempt>): Promise<number> {
  const attempt = await make();
  await collectGarbage();
  const before = held();
  const profiler = new GCProfiler();
  profiler.start();
  await outcomeOf(attempt);
  const after = held();
  const peaks = profiler.stop().statistics.map(({ beforeGC }) => {
    const { usedHeapSize, externalMemory } = beforeGC.heapStatistics;
    return usedHeapSize + externalMemory;
  });
  return Math.max(after, ...peaks) - before;
}

/** The smallest of several peaks: the others hold what the engine has compiled meanwhile. */
export async function memoryOf(make: () => Promise<Attempt>, runs = 3): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) least = Math.min(least, await peakOf(make));
  return least;
}

/** Runs shorter than this, in ms, are repeated more often: an interrupt takes as long. */
const SHORT = 5;

/** Makes attempts, and says how long the quickest took. @param make makes one, outside of what is measured */
export async function timeOf(make: () => Promise<Attempt>, runs = 3): Promise<Timed> {
  let ms = Number.POSITIVE_INFINITY;
  let [bytes, outcome] = [0, ""];
  // One that takes seconds varies little.
  for (let i = 0; i < (ms < SHORT ? 5 * runs : runs) && !(ms > 2000 && i > 0); i++) {
    // Not between the two: a full collection also drops the compiled code of objects that none is left of.
    await collectGarbage();
    const attempt = await make();
    const start = now();
    outcome = await outcomeOf(attempt);
    ms = Math.min(ms, now() - start);
    bytes = attempt.bytes;
  }
  return { bytes, ms, outcome };
}
