// `npm run bench`: the hot paths per suite and backend, beside ts-mls in the same run.
import { writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import type { Backend } from "./backend.js";
import { backends } from "./backends.js";
import { measure, type Result } from "./measure.js";
import { type Options, parseOptions, UsageError, usage } from "./options.js";
import { REFERENCE, table } from "./table.js";

interface Chosen {
  backend: Backend;
  suites: readonly number[];
}

const names = backends.map(({ name }) => name);

try {
  const options = parseOptions(process.argv.slice(2), names);
  if (options === "help") console.log(usage(names));
  else await run(options);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${usage(names)}`);
  process.exitCode = 2;
}

async function run(options: Options): Promise<void> {
  const chosen: Chosen[] = [];
  for (const backend of backends) {
    if (options.backends?.includes(backend.name) ?? true) {
      chosen.push({ backend, suites: await backend.suites() });
    }
  }
  const suites = suitesToMeasure(options, chosen);
  // Found out before the minutes of measuring, not after.
  if (options.json !== undefined) await write(options.json, []);

  const host = `${cpus()[0]?.model.trim() ?? "unknown processor"}, ${cpus().length} cores, Node ${process.version}`;
  console.log(`${host}\nMedians; ratio: time over that of ${REFERENCE}, below 1 is faster.`);
  const results: Result[] = [];
  for (const suite of suites) {
    for (const members of options.members) {
      const block: Result[] = [];
      for (const { backend, suites: served } of chosen) {
        if (!served.includes(suite)) continue;
        progress(`suite ${suite}, ${members} members: ${backend.name}...`);
        block.push(...(await measure(backend, suite, members, options.runs)));
      }
      progress("");
      console.log(`\n${table(block)}`);
      results.push(...block);
      if (options.json !== undefined) await write(options.json, results);
    }
  }
}

function suitesToMeasure({ suites }: Options, chosen: readonly Chosen[]): number[] {
  const served = [...new Set(chosen.flatMap((each) => each.suites))].sort((a, b) => a - b);
  for (const suite of suites ?? []) {
    if (!served.includes(suite)) {
      const by = chosen.map(({ backend }) => backend.name).join(", ");
      throw new UsageError(`--suite: suite ${suite} is not served by ${by}; choose of ${served.join(", ")}`);
    }
  }
  const reference = chosen.find(({ backend }) => backend.name === REFERENCE);
  return suites ?? (reference ? [...reference.suites] : served);
}

/** A line that the next one replaces; only where a person looks on. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

async function write(file: string, results: readonly Result[]): Promise<void> {
  try {
    await writeFile(file, `${JSON.stringify({ node: process.version, results }, null, 2)}\n`);
  } catch (error) {
    throw new UsageError(`--json: can't write ${file}: ${error instanceof Error ? error.message : error}`);
  }
}
