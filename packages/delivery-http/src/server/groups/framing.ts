// What the framing of a message says (RFC 9420 §6): anybody can read it, and members go by it.
import { readMessage, type UnverifiedMessage } from "@copse/core/message";
import { refuse } from "../failures.js";

/** `undefined` if it is none of this protocol version, or malformed. Then members take nothing of it. */
export function readFraming(message: Uint8Array): UnverifiedMessage | undefined {
  try {
    return readMessage(message);
  } catch {
    return undefined;
  }
}

/**
 * Commits go where they are ordered, and nothing else does: members would go on to an epoch whose key nobody has registered.
 * @throws DeliveryError `invalid`
 */
export function checkIsCommit(message: Uint8Array, isCommit: boolean): void {
  const read = readFraming(message);
  if (read === undefined || !("contentType" in read) || (read.contentType === "commit") === isCommit) return;
  refuse("invalid", `expected ${isCommit ? "a commit" : "a message or a proposal"}, got ${read.contentType}`);
}
