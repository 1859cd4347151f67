// What the framing of a message says (RFC 9420 §6): anybody can read it, and members go by it.
import { readMessage, type UnverifiedMessage } from "@copse/core/message";
import { DeliveryError, type LogEntry } from "../service.js";

/** `undefined` if it is none of this protocol version, or malformed. Then members take nothing of it. */
export function readFraming(message: Uint8Array): UnverifiedMessage | undefined {
  try {
    return readMessage(message);
  } catch {
    return undefined;
  }
}

/** Whether somebody joins by this message: it isn't encrypted, since its sender is no member yet. */
export function isOfNewMember(message: Uint8Array): boolean {
  const read = readFraming(message);
  return read?.kind === "public-message" && read.sender.kind === "new-member";
}

/**
 * Whether what ends an epoch is among the handshakes, and nothing else is: a commit among the messages would be in no order, and
 * lead into an epoch whose key nobody has registered. What can't be read passes: whoever receives it tells what is wrong with it.
 */
export const isOfItsKind = ({ kind, message }: Pick<LogEntry, "kind" | "message">): boolean =>
  fits(readFraming(message), kind);

function fits(read: UnverifiedMessage | undefined, kind: LogEntry["kind"]): boolean {
  if (read === undefined) return true;
  return "contentType" in read && (read.contentType === "commit") === (kind === "handshake");
}

/** Checks {@link isOfItsKind} before a service takes something. @throws DeliveryError `invalid` */
export function checkFraming(kind: LogEntry["kind"], message: Uint8Array): void {
  const read = readFraming(message);
  if (read === undefined || fits(read, kind)) return;
  const expected = kind === "handshake" ? "a commit" : "an application message or a proposal";
  const got = "contentType" in read ? read.contentType : read.kind;
  throw new DeliveryError("invalid", `message: expected ${expected}, got ${got}`);
}
