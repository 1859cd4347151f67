// `npm run fuzz`: takes turns over the targets until the time is over. Exits with 1 if something was found.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { fractionsFrom } from "../../tests/support/random.js";
import { tryOut } from "./bounds.js";
import { Coverage } from "./coverage.js";
import { minimise, readFind, saveFind } from "./finds.js";
import { type Find, Fuzzer } from "./fuzzer.js";
import { ArgumentError, type Options, optionsOf, USAGE } from "./options.js";
import type { Target } from "./target.js";
import { makeTarget, TARGETS } from "./targets/index.js";
import { samples, valuesOf } from "./vectors.js";
import { Watchdog } from "./watchdog.js";

/** How long a target has its turn, in milliseconds. */
const TURN = 2000;

async function main(options: Options): Promise<number> {
  const start = performance.now();
  const end = start + options.seconds * 1000;
  const coverage = new Coverage(import.meta.url);
  const foreign = valuesOf(samples());
  const next = fractionsFrom(options.seed);
  const random = (below: number) => Math.floor(next() * below);
  const watchdog = new Watchdog(options.patience * 1000);
  const fuzzers: Fuzzer[] = [];
  for (const name of options.targets ?? Object.keys(TARGETS)) {
    const target = await makeTarget(name, options.suite);
    const run = target.run.bind(target);
    const watched: Pick<Target, "run"> = {
      run(...input) {
        watchdog.goOn();
        return run(...input);
      },
    };
    Object.assign(target, watched);
    const fuzzer = new Fuzzer(target, coverage, foreign, random, (recipe) =>
      watchdog.begin({ target: name, suite: options.suite, recipe }),
    );
    await fuzzer.begin();
    fuzzers.push(fuzzer);
  }
  const turn = Math.max(100, Math.min(TURN, (end - performance.now()) / fuzzers.length / 2));
  let [printed, inputs] = [performance.now(), 0];
  for (let i = 0; performance.now() < end; i++) {
    const fuzzer = fuzzers[i % fuzzers.length] as Fuzzer;
    await fuzzer.run(Math.min(performance.now() + turn, end));
    await keepFinds(fuzzer, options);
    watchdog.goOn();
    if (options.first && fuzzer.finds.size > 0) break;
    const now = performance.now();
    if (now - printed < options.interval * 1000 && now < end) continue;
    const all = sum(fuzzers, (one) => one.inputs);
    print(fuzzers, coverage, (now - start) / 1000, ((all - inputs) * 1000) / (now - printed));
    [printed, inputs] = [now, all];
  }
  for (const { target, inputs, accepted, outcomes, corpusSize, finds } of fuzzers) {
    const counts = `${accepted} accepted, ${outcomes} outcomes, corpus ${corpusSize}, ${finds.size} finds`;
    console.log(`${target.name.padEnd(12)} ${inputs} inputs: ${counts}`);
  }
  const finds = sum(fuzzers, (one) => one.finds.size);
  console.log(
    `${sum(fuzzers, (one) => one.inputs)} inputs, ${finds} finds (seed ${options.seed}, suite ${options.suite})`,
  );
  return finds === 0 ? 0 : 1;
}

const kept = new Set<string>();

/** Makes the new finds of a target smaller, and writes and prints them. */
async function keepFinds(fuzzer: Fuzzer, { suite, finds }: Options): Promise<void> {
  for (const find of fuzzer.finds.values()) {
    if (kept.has(find.problem)) continue;
    const first = saveFind({ ...find, suite }, finds);
    if (isOfCost(find) && !showsAgain(first)) {
      rmSync(first);
      fuzzer.finds.delete(find.problem);
      console.log(`no find, since a new process doesn't show it: ${find.problem}`);
      continue;
    }
    kept.add(find.problem);
    const recipe = await minimise(fuzzer.target, find);
    const file = saveFind({ ...find, recipe, suite }, finds);
    console.log(
      `FIND in ${find.target}: ${find.problem}\n  ${JSON.stringify(recipe).slice(0, 2000)}\n  ${file}`,
    );
  }
}

/** Of time or memory. In this process both also depend on what it has kept of all inputs before. */
const isOfCost = ({ problem }: Find): boolean => /^(too |time grows)/.test(problem);

/** How long a new process may play it, in milliseconds. */
const PLAY = 100_000;

function showsAgain(file: string): boolean {
  const args = ["--expose-gc", fileURLToPath(import.meta.url), "--play", file];
  // If it takes too long, that is one.
  return spawnSync(process.execPath, args, { stdio: "ignore", timeout: PLAY }).status !== 0;
}

/** Plays a find. @returns 1 if it still is one */
async function play(path: string): Promise<number> {
  const { target, suite, recipe } = readFind(path);
  // What is counted is slower, here too.
  new Coverage(import.meta.url);
  const outcome = await tryOut(await makeTarget(target, suite), recipe);
  console.log(outcome?.problem ?? "no problem");
  return outcome?.problem === undefined ? 0 : 1;
}

function print(fuzzers: readonly Fuzzer[], coverage: Coverage, seconds: number, rate: number): void {
  const { functions, gaps } = coverage.counts;
  const ran = `${functions} functions ran, ${gaps} of their blocks never`;
  const corpus = `corpus ${sum(fuzzers, (one) => one.corpusSize)}`;
  const finds = `${sum(fuzzers, (one) => one.finds.size)} finds`;
  console.log(
    `${seconds.toFixed(0).padStart(5)} s: ${rate.toFixed(0)} inputs/s, ${ran}, ${corpus}, ${finds}`,
  );
}

function sum(fuzzers: readonly Fuzzer[], of: (fuzzer: Fuzzer) => number): number {
  return fuzzers.reduce((total, one) => total + of(one), 0);
}

let isDone = false;
process.on("exit", () => {
  if (isDone) return;
  // Nothing is left to do, and yet something is waited for.
  console.error("an operation never settled");
  process.exitCode = 1;
});
try {
  const options = optionsOf(process.argv.slice(2), Object.keys(TARGETS));
  // Awaited before the exit: what a provider still has to do must not keep the process.
  process.exitCode = await (options.play === undefined ? main(options) : play(options.play));
  isDone = true;
  process.exit();
} catch (error) {
  isDone = true;
  console.error(error instanceof ArgumentError ? `${error.message}\n${USAGE}` : error);
  process.exit(2);
}
