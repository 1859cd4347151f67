// RFC 9420 §14: what the engine needs where nobody orders commits. Its code comes with the option: see unordered.ts.
import type { Policy } from "@copse/core";
import type { LogEntry } from "../service.js";

/** Takes the entries of a group's log, in whatever order they come. */
export interface Follower {
  take(entries: readonly LogEntry[]): Promise<void>;
  /** The storage was read again. */
  reset(): void;
  /** Resolves when nothing runs. */
  idle(): Promise<void>;
}

/** How members agree on a commit, where the service doesn't order them. `settleBranches()` makes it. */
export interface Settling {
  /** Which epochs are kept. */
  readonly rewind: NonNullable<Policy["rewind"]>;
  /** The code: what it takes, a conversation knows. @internal */
  readonly follow: (room: never, outbox: never, wishes: never) => Follower;
}
