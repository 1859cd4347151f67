// Which parts of the sources have run, by V8's own counters in this process.
import { readFileSync } from "node:fs";
import { type Profiler, Session } from "node:inspector";
import { fileURLToPath } from "node:url";

/** In the bundle, esbuild marks where each file begins. */
const FILE = /^\/\/ (\S+\.ts)$/gm;

/** A part of the script that hasn't run. */
type Gap = readonly [start: number, end: number];

/** The gaps that are left, by the offset of the function: for each function of which more has run than ever before. */
export type News = ReadonlyMap<number, readonly Gap[]>;

/**
 * The coverage of the parts of a bundle that come from `packages/`. V8 reports a block only if it ran less often than
 * the block around it, so what is kept is the opposite: the gaps in each function that has run.
 */
export class Coverage {
  readonly #session = new Session();
  readonly #script: string;
  readonly #files: readonly { readonly start: number; readonly counts: boolean }[];
  /** By the offset of the function. */
  readonly #gaps = new Map<number, readonly Gap[]>();

  /** @param script the URL of the bundle */
  constructor(script: string) {
    this.#script = script;
    const text = readFileSync(fileURLToPath(script), "utf8");
    this.#files = Array.from(text.matchAll(FILE), ({ index, 1: file = "" }) => ({
      start: index,
      counts: file.startsWith("packages/"),
    }));
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /** How many functions have run, and how many blocks of them haven't. */
  get counts(): { readonly functions: number; readonly gaps: number } {
    let gaps = 0;
    for (const one of this.#gaps.values()) gaps += one.length;
    return { functions: this.#gaps.size, gaps };
  }

  /** What has run since the last call and never before {@link keep} was told so. */
  take(): News {
    const news = new Map<number, readonly Gap[]>();
    this.#session.post("Profiler.takePreciseCoverage", (error, taken) => {
      if (error !== null) throw error;
      for (const { url, functions } of taken.result) {
        if (url !== this.#script) continue;
        for (const { ranges } of functions) this.#compare(ranges, news);
      }
    });
    return news;
  }

  keep(news: News): void {
    for (const [start, gaps] of news) {
      const before = this.#gaps.get(start);
      this.#gaps.set(start, before === undefined ? gaps : inBoth(before, gaps));
    }
  }

  #compare(ranges: readonly Profiler.CoverageRange[], news: Map<number, readonly Gap[]>): void {
    const [whole] = ranges;
    if (whole === undefined || whole.count === 0 || !this.#isOurs(whole.startOffset)) return;
    const before = this.#gaps.get(whole.startOffset);
    if (before?.length === 0) return;
    const now = ranges
      .filter(({ count }) => count === 0)
      .map(({ startOffset, endOffset }): Gap => [startOffset, endOffset]);
    const after = before === undefined ? now : inBoth(before, now);
    if (before === undefined || size(after) < size(before)) news.set(whole.startOffset, after);
  }

  #isOurs(offset: number): boolean {
    let [low, high] = [0, this.#files.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#files[middle]?.start ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return this.#files[low - 1]?.counts ?? false;
  }
}

function inBoth(some: readonly Gap[], others: readonly Gap[]): Gap[] {
  const both: Gap[] = [];
  for (const [start, end] of some) {
    for (const [from, to] of others) {
      if (Math.max(start, from) < Math.min(end, to)) both.push([Math.max(start, from), Math.min(end, to)]);
    }
  }
  return both;
}

function size(gaps: readonly Gap[]): number {
  return gaps.reduce((sum, [start, end]) => sum + end - start, 0);
}
