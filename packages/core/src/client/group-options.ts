// RFC 9420 §6, §12: the options of the calls of groups.
import type { CommitOptions, NewIdentity } from "../group/proposals/index.js";
import type { OperationOptions } from "../operation/index.js";

/** The options of sending a message. */
export interface MessageOptions extends OperationOptions {
  /** Bytes that the message authenticates but doesn't encrypt. */
  readonly authenticatedData?: Uint8Array | undefined;
}

/** The options of `add`: those of `commit`. */
export type AddOptions = Omit<CommitOptions, "add"> & OperationOptions;

/** The options of `remove`: those of `commit`. */
export type RemoveOptions = Omit<CommitOptions, "remove"> & OperationOptions;

/** What changes besides the keys, and the options of `commit`. */
export type UpdateOptions = NewIdentity & Omit<CommitOptions, "identity" | "forcePath"> & OperationOptions;
