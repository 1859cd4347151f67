// RFC 9420 §9.2, §16.2: what a storage has to do with an operation of a group.
import type { Safety } from "../operation/index.js";
import type { Awaitable } from "../provider/index.js";

/**
 * What an operation goes by: what its caller saw of the group, such as leaf indices; who the members are, who get what is
 * sent; or neither.
 */
export type Sight = "group" | "members" | "nothing";

/** What a storage has to do with an operation of a group. */
export interface GroupSafety extends Safety {
  /**
   * Does the work of an operation, in its turn: with the state loaded again where it must be, and once more where it failed
   * because the storage has another one.
   * @throws MlsError `stale-state` for a caller who saw another one; `try-again` if the storage doesn't say which it has; what
   *   `work` throws
   */
  readonly upToDate: <R>(work: () => Awaitable<R>) => Promise<R>;
  /** Is called with the error of an operation, right before its caller gets it. */
  readonly refused: (error: unknown) => void;
  /**
   * Before `store`, of several operations in one.
   * @param hasRefused whether the answer refuses any: that is no verdict on a state which another opener has left. So even
   *   if nothing is written, the version is compared
   */
  readonly answers: (hasRefused: boolean) => void;
}
