// `npm run bench`: the hot paths per suite and backend, beside their floor and beside ts-mls in the same run.
import { loadavg } from "node:os";
import { backends, node } from "./backends.js";
import { bars, isMet } from "./bars.js";
import { measureForCheck, verdict } from "./check.js";
import { useClock } from "./clock.js";
import { Crowd } from "./crowd.js";
import { comparison, readReport, report, writeReport } from "./files.js";
import { type Options, parseOptions, UsageError, usage } from "./options.js";
import { plan } from "./plan.js";
import { progress } from "./progress.js";
import { type Block, Run } from "./run.js";
import type { Result } from "./samples.js";
import { EFFORT, THOROUGH } from "./stopwatch.js";
import { primitivesTable, sharesTable, table } from "./table.js";

const names = backends.map(({ name }) => name);

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
  if (options.json !== undefined) await writeReport(options.json, report([], []));
  const { processor, cores, node: version } = report([], []);
  console.log(`${processor}, ${cores} cores, Node ${version}, load ${load()} at the start`);
  useClock(options.clock);
  const crowd = new Crowd(node, progress);
  const run = new Run(crowd, progress, options.check ? THOROUGH : EFFORT);
  if (options.check) await check(run, options);
  else await bench(run, crowd, options);
  const results = run.results();
  if (earlier) console.log(`\n${comparison(earlier.results, results)}`);
  await saveRun(options, run);
  console.log(`\nload ${load()} at the end`);
}

function load(): string {
  return (loadavg()[0] as number).toFixed(1);
}

async function saveRun({ json }: Options, run: Run): Promise<void> {
  if (json !== undefined) await writeReport(json, report(run.results(), run.allPrimitives()));
}

async function check(run: Run, options: Options): Promise<void> {
  await measureForCheck(run, backends, options, () => saveRun(options, run));
  const all = bars(run.results(), run.allPrimitives());
  console.log(`\n${verdict(all)}`);
  if (!all.every(isMet)) process.exitCode = 1;
}

async function bench(run: Run, crowd: Crowd, options: Options): Promise<void> {
  const served = [];
  for (const backend of backends) served.push({ backend, suites: await backend.suites() });
  const blocks = plan(options, served);
  for (const suite of new Set(blocks.map((block) => block.suite))) {
    const own = blocks.filter((block) => block.suite === suite);
    const measured = [...new Set(own.flatMap((block) => block.backends))];
    await run.primitives(suite, measured);
    for (const block of own) {
      await run.block(block);
      const results = run.results().filter(isOf(block));
      console.log(`\n${table(results)}`);
      if (options.shares) console.log(`\n${sharesTable(results, run.allPrimitives())}`);
      await saveRun(options, run);
    }
    await run.primitives(suite, measured);
    console.log(`\n${primitivesTable(run.allPrimitives().filter((one) => one.suite === suite))}`);
    crowd.forget(suite);
  }
}

function isOf(block: Block) {
  return ({ suite, members, tree }: Result): boolean =>
    suite === block.suite && members === block.members && tree === block.tree;
}
