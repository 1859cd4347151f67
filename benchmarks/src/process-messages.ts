// The messages between the main process and the process of one provider.
import type { Clock } from "./clock.js";
import type { Primitives } from "./primitive-prices.js";
import type { Block } from "./run.js";
import type { Result } from "./samples.js";
import type { Effort } from "./stopwatch.js";

/** On its command line. */
export interface Setting {
  readonly provider: string;
  /** The module that has it, if it isn't one of ours. */
  readonly module: string | undefined;
  readonly effort: Effort;
  readonly clock: Clock;
}

/** One at a time; each is answered. */
export type Call =
  | { readonly kind: "primitives"; readonly suite: number }
  | { readonly kind: "block"; readonly block: Omit<Block, "implementations"> }
  | { readonly kind: "report" };

export type ToProcess = Call | { readonly kind: "turn"; readonly turn: number };

/** What was measured so far. */
export interface Measured {
  readonly results: readonly Result[];
  readonly primitives: readonly Primitives[];
}

export type FromProcess =
  | { readonly kind: "progress"; readonly text: string }
  /** It waits for its turn. */
  | { readonly kind: "turn" }
  | { readonly kind: "done"; readonly measured: Measured | undefined }
  | { readonly kind: "failed"; readonly message: string };
