// RFC 9420 §9.2: what is said of keys that were deleted.
import { MlsError } from "../errors.js";
import type { Ratchet } from "./ratchet.js";

/** The error for a key that another message has consumed. */
export function used(generation: number): MlsError {
  return new MlsError(
    "duplicate",
    `the key of generation ${generation} was used: the message was received before`,
  );
}

/** The error for a key that isn't there any more. Without a ratchet, the whole tree is wiped. */
export function gone(generation: number, ratchet: Ratchet | undefined): MlsError {
  if (ratchet !== undefined && generation >= ratchet.forgotten) return used(generation);
  return new MlsError("forgotten", `the key of generation ${generation} is deleted: the message is too old`);
}
