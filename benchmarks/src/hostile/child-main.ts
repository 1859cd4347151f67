// A process that hostile inputs are measured in: of all of them the time, or the memory.
import { useClock } from "../clock.js";
import { hostileCases } from "./cases.js";
import type { Measured, Order } from "./main.js";
import { memoryOf, timeOf } from "./measure.js";

const { what, clock, only } = JSON.parse(process.argv[2] as string) as Order;
useClock(clock);
for (const { entry, name, stage, size, make } of hostileCases) {
  if (only !== undefined && !`${entry}: ${name}`.includes(only)) continue;
  const of = { entry, name, stage };
  // Once before, so that the code is compiled.
  await timeOf(() => make(size / 2));
  const measured: Measured =
    what === "memory"
      ? { of, memory: await memoryOf(() => make(size)) }
      : { of, half: await timeOf(() => make(size / 2)), whole: await timeOf(() => make(size)) };
  process.send?.(measured);
}
// The channel to the parent would keep the process alive.
process.disconnect?.();
