// What the fuzzer tries: an entry point of the library, the plans that its inputs start from, and what must hold.
import type { ByteEdit } from "./steps.js";

/** What came of an input. */
export interface Outcome {
  /** What happened, as far as it makes a difference: an input with a new one is kept. */
  readonly feature: string;
  /** What is wrong, if something is: the same text for the same defect. */
  readonly problem?: string | undefined;
  /** The size of the input in bytes. */
  readonly size: number;
  readonly milliseconds: number;
  readonly memory: number;
}

export interface Target {
  readonly name: string;
  /** What the inputs start from, by name. Their values depend on the keys of this process. */
  readonly plans: ReadonlyMap<string, unknown>;
  /** What an input may cost for each of its bytes, if it is less than by default: `BOUNDS` in verdict.ts. */
  readonly millisecondsPerByte?: number;
  /**
   * Gives an input to the library.
   * @param plan one of the plans, after the steps of a recipe
   * @param bytes edits of the encoded input
   * @returns `undefined` if the plan can't be encoded
   */
  run(plan: unknown, bytes: readonly ByteEdit[]): Promise<Outcome | undefined>;
  /** After several inputs: what is wrong with the state that they must have left as it was; and a new one. */
  settle?(): Promise<string | undefined>;
}
