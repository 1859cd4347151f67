// `npm run simulate`: exits with 1 if an invariant didn't hold, and prints the shortest course that was found.
import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { ArgumentError, type Options, optionsOf, USAGE } from "./options.js";
import { type Course, replay, simulate } from "./run.js";
import { Shrinker } from "./shrink.js";
import { readStep, writeStep } from "./step.js";
import type { World } from "./world.js";

/** How often a line is printed, in milliseconds. */
const INTERVAL = 10_000;

async function main(options: Options): Promise<number> {
  if (options.play !== undefined) return play(options, options.play);
  const { seed, steps, patience, fault } = options;
  if (fault !== undefined) console.log(`with a fault: ${fault}`);
  console.log(`seed ${seed}, ${steps} steps, ${options.devices} clients`);
  const start = performance.now();
  const cpu = process.cpuUsage();
  let printed = start;
  const course = await simulate(options, steps, (n, world) => {
    const now = performance.now();
    if (now - printed < INTERVAL) return;
    printed = now;
    console.log(`${n + 1} steps, ${rate(n + 1, now - start)}, ${counts(world, ["messages", "accepted"])}`);
  });
  const done = course.broken === undefined ? steps : (course.steps.at(-1)?.n ?? 0) + 1;
  report(course.world, done, performance.now() - start, process.cpuUsage(cpu).user / 1000);
  if (course.broken === undefined) return 0;
  tell(course);
  const end = performance.now() + patience * 1000;
  const shrinker = new Shrinker(options, course.broken, () => performance.now() > end);
  const shortest = await shrinker.shrink(course);
  console.log(`\n${shortest.length} steps, after ${shrinker.replays} replays, with --seed ${seed}:`);
  for (const step of shortest) console.log(writeStep(step));
  tell(await replay(options, shortest));
  return 1;
}

function rate(steps: number, milliseconds: number): string {
  return `${((steps * 1000) / milliseconds).toFixed(0)} steps/s`;
}

function counts({ tally }: World, names: Iterable<string>): string {
  return Array.from(names, (name) => `${name} ${tally.get(name) ?? 0}`).join(", ");
}

/** @param milliseconds that passed @param busy that the processor worked: others may have had it too */
function report(world: World, steps: number, milliseconds: number, busy: number): void {
  console.log(counts(world, [...world.tally.keys()].sort()));
  const took = `${(milliseconds / 1000).toFixed(1)} s, ${rate(steps, milliseconds)}`;
  const worked = `${(busy / 1000).toFixed(1)} s of a processor, ${rate(steps, busy)}`;
  const trace = `${world.seals.count} keys, trace ${world.trace.toString(16)}`;
  console.log(`seed ${world.options.seed}: ${steps} steps in ${took}; ${worked}; ${trace}`);
}

function tell({ broken }: Course): void {
  if (broken === undefined) console.log("no invariant is broken");
  else
    console.log(
      `BROKEN: ${broken.message}\n${broken.stack}\n${(broken.cause as Error | undefined)?.stack ?? ""}`,
    );
}

async function play(options: Options, file: string): Promise<number> {
  const lines = readFileSync(file, "utf8").split("\n");
  const course = await replay(options, lines.filter((line) => line.trim() !== "").map(readStep));
  tell(course);
  return course.broken === undefined ? 0 : 1;
}

// Thousands of letters are refused as they should be.
Error.stackTraceLimit = 4;
try {
  process.exitCode = await main(optionsOf(process.argv.slice(2), () => randomInt(2 ** 32)));
} catch (error) {
  console.error(error instanceof ArgumentError ? `${error.message}\n${USAGE}` : error);
  process.exitCode = 2;
}
