// `npm run bench`: the hot paths of each suite and provider, beside their floor and beside ts-mls in the same run.
import { loadavg } from "node:os";
import { bars, isMet } from "./bars.js";
import { measureForCheck, verdict } from "./check.js";
import { comparison, readReport, report, writeReport } from "./files.js";
import { hostile } from "./hostile/main.js";
import type { Implementation } from "./implementation.js";
import { implementations } from "./implementations.js";
import { openmls } from "./openmls.js";
import { type Options, parseOptions, UsageError, usage } from "./options.js";
import { ownImplementation } from "./own-provider.js";
import { plan } from "./plan.js";
import { Processes } from "./processes.js";
import { progress } from "./progress.js";
import type { Block, Measuring } from "./run.js";
import type { Result } from "./samples.js";
import { EFFORT, THOROUGH } from "./stopwatch.js";
import { primitivesTable, sharesTable, table } from "./table.js";

const names = implementations.map(({ name }) => name);

try {
  const options = parseOptions(process.argv.slice(2), names);
  if (options === "help") console.log(usage(names));
  else await main(options);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${usage(names)}`);
  process.exitCode = 2;
}

async function main(options: Options): Promise<void> {
  // Found out before the minutes of measuring, not after.
  const earlier = options.against === undefined ? undefined : await readReport(options.against);
  const own: Implementation[] = [];
  for (const path of options.modules) {
    own.push(await ownImplementation(path, [...names, ...own.map(({ name }) => name)]));
  }
  if (options.json !== undefined) await writeReport(options.json, report([], []));
  const { processor, cores, node: version } = report([], []);
  console.log(`${processor}, ${cores} cores, Node ${version}, load ${load()} at the start`);
  if (options.hostile) return hostile(options);
  if (options.openmls) return console.log(`\n${await openmls(options)}`);
  const run = new Processes(progress, options.check ? THOROUGH : EFFORT, options.clock);
  try {
    if (options.check) await check(run, options);
    else await bench(run, options, own);
    if (earlier) console.log(`\n${comparison(earlier.results, await run.results())}`);
    await saveRun(options, run);
  } finally {
    run.close();
  }
  console.log(`\nload ${load()} at the end`);
}

function load(): string {
  return (loadavg()[0] as number).toFixed(1);
}

async function saveRun({ json }: Options, run: Measuring): Promise<void> {
  if (json !== undefined) await writeReport(json, report(await run.results(), await run.allPrimitives()));
}

async function check(run: Processes, options: Options): Promise<void> {
  await measureForCheck(run, implementations, options, () => saveRun(options, run));
  const all = bars(await run.results(), await run.allPrimitives());
  console.log(`\n${verdict(all)}`);
  if (!all.every(isMet)) process.exitCode = 1;
}

async function bench(run: Measuring, options: Options, own: readonly Implementation[]): Promise<void> {
  const served = [];
  for (const implementation of [...own, ...implementations])
    served.push({ implementation, suites: await implementation.suites() });
  const blocks = plan(options, served);
  for (const suite of new Set(blocks.map((block) => block.suite))) {
    const own = blocks.filter((block) => block.suite === suite);
    const measured = [...new Set(own.flatMap((block) => block.implementations))];
    await run.primitives(suite, measured);
    for (const block of own) {
      await run.block(block);
      const results = (await run.results()).filter(isOf(block));
      console.log(`\n${table(results)}`);
      if (options.shares) console.log(`\n${sharesTable(results, await run.allPrimitives())}`);
      await saveRun(options, run);
    }
    await run.primitives(suite, measured);
    const primitives = (await run.allPrimitives()).filter((one) => one.suite === suite);
    console.log(`\n${primitivesTable(primitives)}`);
    await run.forget(suite);
  }
}

function isOf(block: Block) {
  return ({ suite, members, tree }: Result): boolean =>
    suite === block.suite && members === block.members && tree === block.tree;
}
