// A process that hostile inputs are measured in: of all of them the time, or the memory.
import { useClock } from "../clock.js";
import { type HostileCase, hostileCases } from "./cases.js";
import type { Measured, Order } from "./main.js";
import { memoryOf, type Timed, timeOf } from "./measure.js";
import { growsTooFast } from "./verdict.js";

/**
 * How often the two sizes are measured, in turns, if the larger one seems to take too much longer. What the machine does
 * besides goes away in the shortest of more runs; what the code does stays.
 */
const ROUNDS = 5;

async function timesOf(one: HostileCase): Promise<{ half: Timed; whole: Timed }> {
  const round = async () => ({
    half: await timeOf(() => one.make(one.size / 2)),
    whole: await timeOf(() => one.make(one.size)),
  });
  let times = await round();
  for (let i = 1; i < ROUNDS && growsTooFast(times); i++) {
    const again = await round();
    times = {
      half: shorter(times.half, again.half),
      whole: shorter(times.whole, again.whole),
    };
  }
  return times;
}

const shorter = (a: Timed, b: Timed): Timed => (b.ms < a.ms ? b : a);

const { what, clock, only } = JSON.parse(process.argv[2] as string) as Order;
useClock(clock);
for (const one of hostileCases) {
  const { entry, name, stage, size, make } = one;
  if (only !== undefined && !`${entry}: ${name}`.includes(only)) continue;
  const of = { entry, name, stage };
  // Once before, so that the code is compiled.
  await timeOf(() => make(size / 2));
  const measured: Measured =
    what === "memory" ? { of, memory: await memoryOf(() => make(size)) } : { of, ...(await timesOf(one)) };
  process.send?.(measured);
}
// The channel to the parent would keep the process alive.
process.disconnect?.();
