// RFC 9420 §9.2, §16.2: what a storage has to do with an operation of a group.
import { MlsError } from "../errors.js";
import type { Safety } from "../operation/index.js";
import type { Awaitable } from "../provider/index.js";

/**
 * What an operation goes by: what its caller saw of the group, such as leaf indices; who the members are, who get what is
 * sent; or neither.
 */
export type Sight = "group" | "members" | "nothing";

/** What a storage has to do with an operation of a group. */
export interface GroupSafety extends Safety {
  /** In its turn: has the state loaded again where it must be. @throws MlsError `stale-state` for a caller who saw another */
  readonly before: () => Awaitable<void>;
  /** Is called with the error of an operation, right before its caller gets it. */
  readonly refused: (error: unknown) => void;
  /** After work that failed: whether that may be because the storage has another state, so that it is to be done again. */
  readonly isBehind: () => Promise<boolean>;
  /**
   * Before `store`, of several operations in one.
   * @param hasRefused whether the answer refuses any: that is no verdict on a state which another opener has left. So even
   *   if nothing is written, the version is compared
   */
  readonly answers: (hasRefused: boolean) => void;
}

export async function withSafety<R>(safety: GroupSafety, work: () => Awaitable<R>): Promise<R> {
  for (;;) {
    await safety.before();
    try {
      return await work();
    } catch (error) {
      if (!(await isBehind(safety, error))) throw error;
    }
  }
}

/** @throws MlsError `try-again` if the storage doesn't say: then the error is no verdict */
async function isBehind(safety: GroupSafety, cause: unknown): Promise<boolean> {
  try {
    return await safety.isBehind();
  } catch {
    const message =
      "the operation failed, and the storage didn't say whether that is because its state is another one";
    throw new MlsError("try-again", message, { cause });
  }
}
