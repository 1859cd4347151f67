// `npm run bench`, published as `npx copse-bench`: the hot paths of each suite and provider, beside their floor and beside ts-mls in the same run.
import { loadavg } from "node:os";
import { isMet } from "./bars.js";
import { check, verdict } from "./check.js";
import { useClock } from "./clock.js";
import { comparison, readReport, report, writeReport } from "./files.js";
import { hostile } from "./hostile/main.js";
import type { Implementation } from "./implementation.js";
import { implementations } from "./implementations.js";
import { type Options, parseOptions, UsageError, usage } from "./options.js";
import { ownImplementation } from "./own-provider.js";
import { peer } from "./peer.js";
import { available, chosen, plan } from "./plan.js";
import { Processes } from "./processes.js";
import { progress } from "./progress.js";
import { DAVEY, OPENMLS, SUITE_OF_OPENMLS } from "./references.js";
import type { Block, Measuring } from "./run.js";
import type { Result } from "./samples.js";
import { EFFORT, THOROUGH } from "./stopwatch.js";
import { storageSection } from "./storage/main.js";
import { primitivesTable, sharesTable, table } from "./table.js";

/** What is measured beside OpenMLS: it, and the providers that may be the fastest. */
const BESIDE = [OPENMLS, "node", "sodium-native", "libsodium", "webcrypto"];

const names = implementations.map(({ name }) => name);

try {
  const options = parseOptions(process.argv.slice(2), names);
  if (options === "help") console.log(usage(names));
  else await main(options);
} catch (error) {
  // A mistake in the command line is answered before anything is measured; what fails later is somebody's code.
  console.error(error instanceof UsageError ? `${error.message}\n\nFor help: copse-bench --help` : error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
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
  if (options.storage) {
    useClock(options.clock);
    return storageSection(storageSizes(options), options.runs, progress);
  }
  if (options.delivery) {
    const { deliverySection, THOROUGH: effort } = await peer("delivery", () => import("./delivery/main.js"));
    const { size: members = effort.members, runs: rounds = effort.rounds } = options;
    return deliverySection({ ...effort, members, rounds }, progress);
  }
  const run = new Processes(progress, options.check ? THOROUGH : EFFORT, options.clock);
  try {
    if (options.check) await held(run, options);
    else if (options.openmls) await saveRun(options, run, await besideOpenMls(run, options));
    else {
      await bench(run, options, own);
      if (isWhole(options)) await storageSection(storageSizes(options), options.runs, progress);
    }
    if (earlier) console.log(`\n${comparison(earlier.results, await run.results())}`);
  } finally {
    run.close();
  }
  console.log(`\nload ${load()} at the end`);
}

function load(): string {
  return (loadavg()[0] as number).toFixed(1);
}

async function saveRun({ json }: Options, run: Measuring, more: readonly Result[] = []): Promise<void> {
  if (json === undefined) return;
  await writeReport(json, report([...(await run.results()), ...more], await run.allPrimitives()));
}

async function held(run: Processes, options: Options): Promise<void> {
  const { providers } = options;
  const measured = implementations.filter(({ name }) => providers?.includes(name) ?? true);
  const all = await check(run, measured, options, async (content) => {
    if (options.json !== undefined) await writeReport(options.json, content);
  });
  console.log(`\n${verdict(all)}`);
  if (!all.every(isMet)) process.exitCode = 1;
}

/**
 * OpenMLS in WebAssembly in the same turns as all, and native OpenMLS as Discord uses it.
 * @returns what was measured of the latter, which isn't in the run
 */
async function besideOpenMls(run: Processes, { size = 100, runs = 15, clock }: Options): Promise<Result[]> {
  const { served, absent } = await available(implementations.filter(({ name }) => BESIDE.includes(name)));
  for (const { name, why } of absent) console.log(`${name} isn't measured: ${why}`);
  const block = { suite: SUITE_OF_OPENMLS, members: size, tree: "fresh", payloads: ["1 KiB"] } as const;
  await run.block({ ...block, rounds: runs, implementations: served.map((one) => one.implementation) });
  console.log(`\n${table(await run.results())}`);
  const { daveyResults } = await peer(DAVEY, () => import("./davey.js"));
  const native = await daveyResults(size, runs, clock);
  console.log(`\n${table(native) || `${DAVEY} isn't for this platform`}`);
  return native;
}

/** Whether nothing is asked for by itself. */
function isWhole({ suites, members, size, providers, modules, json, against }: Options): boolean {
  return (
    [suites, members, size, providers, json, against].every((one) => one === undefined) &&
    modules.length === 0
  );
}

function storageSizes({ members, size, full }: Options): readonly number[] {
  return size !== undefined ? [size] : (members ?? [2, 10, 100, 1000, ...(full ? [10_000] : [])]);
}

async function bench(run: Measuring, options: Options, own: readonly Implementation[]): Promise<void> {
  const { served, absent } = await chosen(options, [...own, ...implementations]);
  for (const { name, why } of absent) console.log(`${name} isn't measured: ${why}`);
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
    await saveRun(options, run);
    await run.forget(suite);
  }
}

function isOf(block: Block) {
  return ({ suite, members, tree }: Result): boolean =>
    suite === block.suite && members === block.members && tree === block.tree;
}
