// Where a membership comes from.
import type { KnownKeys } from "../crypto/index.js";
import type { OwnKeyPackage } from "../key-package/index.js";

/** How a group begins here. */
export interface Origin extends KnownKeys {
  /** Whether there is a saved state. */
  readonly isSaved?: boolean;
  /** The key package by which this client was invited. */
  readonly by?: OwnKeyPackage;
}
