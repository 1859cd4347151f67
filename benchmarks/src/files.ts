// Results as files for machines, and what became of those of an earlier run.
import { readFile, writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { aligned, duration, ratio } from "./format.js";
import { compare } from "./noise.js";
import { isSize } from "./operations.js";
import { UsageError } from "./options.js";
import type { Primitives } from "./primitive-prices.js";
import type { Result } from "./samples.js";

export interface Report {
  readonly format: 1;
  readonly node: string;
  readonly processor: string;
  readonly cores: number;
  /** Of the last minute, when the report was written: how busy the machine was, this run included. */
  readonly load: number;
  readonly primitives: readonly Primitives[];
  readonly results: readonly Result[];
  /** Of a check: what some of it costs in processor time. */
  readonly processorTime?: readonly Result[];
}

export function report(results: readonly Result[], primitives: readonly Primitives[]): Report {
  const [processor] = cpus();
  return {
    format: 1,
    node: process.version,
    processor: processor?.model.trim() ?? "unknown processor",
    cores: cpus().length,
    load: loadavg()[0] as number,
    primitives,
    results,
  };
}

/** @throws UsageError */
export async function writeReport(file: string, content: Report): Promise<void> {
  try {
    await writeFile(file, `${JSON.stringify(content, null, 2)}\n`);
  } catch (error) {
    throw new UsageError(`--json: can't write ${file}: ${error instanceof Error ? error.message : error}`);
  }
}

/** @throws UsageError */
export async function readReport(file: string): Promise<Report> {
  let content: Partial<Report>;
  try {
    content = JSON.parse(await readFile(file, "utf8")) as Partial<Report>;
  } catch (error) {
    throw new UsageError(`--against: can't read ${file}: ${error instanceof Error ? error.message : error}`);
  }
  if (content.format !== 1 || !Array.isArray(content.results)) {
    throw new UsageError(`--against: ${file} isn't a report of these benchmarks`);
  }
  return content as Report;
}

/**
 * What is measured in both runs: the times, and the later over the earlier. Where the quartiles overlap it may be
 * chance, and is said to be.
 */
export function comparison(before: readonly Result[], after: readonly Result[]): string {
  const key = (r: Result) => [r.suite, r.members, r.tree, r.operation, r.provider].join("|");
  const earlier = new Map(before.map((result) => [key(result), result]));
  const rows = [
    ["against the earlier run", "provider", "suite", "members", "before", "now", "now/before", ""],
  ];
  for (const now of after) {
    const then = earlier.get(key(now));
    if (then === undefined || isSize(now.operation)) continue;
    rows.push([
      `${now.operation}, ${now.tree}`,
      now.provider,
      String(now.suite),
      String(now.members),
      duration(then.median),
      duration(now.median),
      ratio(now.median / then.median),
      compare(now, then),
    ]);
  }
  return rows.length === 1 ? "Nothing of this was measured in the earlier run." : aligned(rows);
}
