// The bars that hostile inputs are held to, and the table of what they cost.
import type { Timed } from "./measure.js";

/** The bars, for each KB of input: of time in ms, of memory in KB. */
const BARS = { before: { ms: 0.1, memory: 20 }, after: { ms: 2, memory: 300 } } as const;
/** Twice the input takes less than this many times the time. */
const GROWTH = 2.3;
/** No input that a default limit allows takes longer, in ms. */
const LONGEST = 1000;
/** A message has costs of its own, whatever its size: a signature to verify, some keys to derive. */
const SMALLEST_KB = 1;
/** Below this the clock and the collector decide about growth, not the input: in ms. */
const SHORTEST_GROWTH = 20;

/** A hostile input. */
export interface Hostile {
  /** The call that takes it. */
  readonly entry: string;
  readonly name: string;
  /** Whether it is refused before its own signature or MAC was verified, or is one of an insider, well signed. */
  readonly stage: "before" | "after";
}

/** An input, and half of it. */
export interface Result {
  readonly of: Hostile;
  readonly half: Timed;
  readonly whole: Timed;
  /** The most bytes that the whole input makes the process hold. */
  readonly memory: number;
}

const kb = ({ bytes }: Timed): number => Math.max(SMALLEST_KB, bytes / 1024);

/** Whether twice the input took more than its share of time longer. */
export function growsTooFast({ half, whole }: Pick<Result, "half" | "whole">): boolean {
  const growth = whole.ms / half.ms / (whole.bytes / half.bytes / 2);
  return whole.ms > SHORTEST_GROWTH && growth > GROWTH;
}

/** What is missed by a result: nothing if it is within all bars. */
export function missed(result: Result): string[] {
  const { of, whole, memory } = result;
  const bar = BARS[of.stage];
  const size = kb(whole);
  return [
    ...(whole.ms / size > bar.ms ? ["time"] : []),
    ...(memory / 1024 / size > bar.memory ? ["memory"] : []),
    ...(growsTooFast(result) ? ["growth"] : []),
    ...(whole.ms > LONGEST ? ["longest"] : []),
  ];
}

const digits = (value: number): string => (value < 10 ? value.toFixed(3) : value.toFixed(1));

export function row(result: Result): string {
  const { of, half, whole, memory } = result;
  const size = kb(whole);
  return `| ${[
    of.entry,
    of.name,
    of.stage,
    whole.outcome,
    (whole.bytes / 1024).toFixed(1),
    digits(whole.ms),
    digits(whole.ms / size),
    (memory / 1024 / size).toFixed(1),
    (whole.ms / half.ms).toFixed(2),
    missed(result).join(", "),
  ].join(" | ")} |`;
}

export function tableOf(results: readonly Result[]): string {
  const share = (one: Result) => one.whole.ms / kb(one.whole) / BARS[one.of.stage].ms;
  const sorted = [...results].sort((a, b) => share(b) - share(a));
  const worst = sorted[0];
  return [
    "| entry | input | signature | outcome | KB | ms | ms/KB | memory, KB/KB | twice the input | missed |",
    "|---|---|---|---|--:|--:|--:|--:|--:|---|",
    ...sorted.map(row),
    "",
    worst === undefined
      ? "no input"
      : `The worst: ${worst.of.entry}, ${worst.of.name}: ${(100 * share(worst)).toFixed(0)} % of its bar`,
  ].join("\n");
}
