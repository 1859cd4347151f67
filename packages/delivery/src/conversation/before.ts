// What a conversation knew before entries of the log were received.
import type { Member } from "@copse/core";
import type { MessageEntry } from "../messenger/types.js";
import type { Remembered } from "./history.js";

/** What is known of those whom the next commits remove. */
export interface Before {
  readonly remembered: Remembered;
  /** The leaves that have asked to be removed. */
  readonly leavers: ReadonlySet<number>;
  readonly epoch: bigint;
  /** If this client joins anew: who is there now and wasn't before, and the other way round. */
  readonly difference?: Difference | undefined;
  /** If it joins anew: what it said where the others may not have been. */
  readonly said?: readonly MessageEntry[] | undefined;
}

/** What is known of whoever joins anew. */
export type Anew = Pick<Before, "difference" | "said">;

/** Who came and went, while this client wasn't there. */
export interface Difference {
  readonly added: readonly Member[];
  readonly removed: readonly Member[];
}
