// How much memory something holds, by what the heap has more of it.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let collect: (() => void) | undefined;

/** Collects all garbage, which Node offers only when it is told to: so that what one leaves behind isn't cleared away in the time of the next. */
export async function collectGarbage(): Promise<void> {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    // Code that wasn't used between two collections is dropped, but these collections no application makes.
    setFlagsFromString("--no-flush-bytecode");
    collect = runInNewContext("gc") as () => void;
  }
  for (let i = 0; i < 2; i++) {
    // Weak references are held to the end of a task.
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
}

function held(): number {
  const { heapUsed, external } = process.memoryUsage();
  // `external` has the ArrayBuffers in it.
  return heapUsed + external;
}

/** Bytes that are held after `work` and weren't before. What it made must still be referred to. */
export async function memoryOf(work: () => Promise<void>): Promise<number> {
  await collectGarbage();
  const before = held();
  await work();
  await collectGarbage();
  return held() - before;
}
