// What clients pass to a service: each part is checked, and its bytes are copied before anything waits.
import {
  type AddressedWelcome,
  type Cursor,
  DeliveryError,
  type Handshake,
  type OfferedKeyPackage,
  type OutgoingMessage,
  type PublicEpochKey,
  type Subscription,
} from "../service.js";
import { checkFraming } from "./framing.js";
import type { DeliveryLimits } from "./limits.js";

const ID = /^[0-9a-z-]{16,64}$/;
/** Of a user's name. Databases, logs and terminals take control characters for something else: some end a text at U+0000. */
export const USER_NAME = /^\P{Cc}+$/u;
const MAX_U64 = 2n ** 64n - 1n;
/** Of a suite's largest hash. */
const MAX_REFERENCE = 64;
/** More than any KEM of the registry has. */
const MAX_PUBLIC_KEY = 4096;

const typeOf = (value: unknown) =>
  value === null ? "null" : Array.isArray(value) ? "an array" : typeof value;

function invalid(what: string, expected: string, got: unknown): never {
  throw new DeliveryError("invalid", `${what}: expected ${expected}, got ${String(got)}`);
}

/** @throws DeliveryError `limit` */
export function checkCount(what: string, count: number, max: number): void {
  if (count > max) throw new DeliveryError("limit", `${what}: expected at most ${max}, got ${count}`);
}

/**
 * A copy of a byte string.
 * @throws DeliveryError `invalid` if it is none, or shorter than `min`; `limit` if it is longer than `max`
 */
export function takeBytes(value: unknown, what: string, min: number, max: number): Uint8Array {
  // By its tag: one of another realm is no instance of this one's class.
  if (!ArrayBuffer.isView(value) || Object.prototype.toString.call(value) !== "[object Uint8Array]")
    invalid(what, "a Uint8Array", typeOf(value));
  const { byteLength } = value;
  if (byteLength < min) invalid(what, `at least ${min} bytes`, byteLength);
  checkCount(`${what}, bytes`, byteLength, max);
  return new Uint8Array(value as Uint8Array);
}

/** A group ID of 1 to 255 bytes. */
export function takeGroupId(value: unknown): Uint8Array {
  const groupId = takeBytes(value, "groupId", 1, Number.POSITIVE_INFINITY);
  if (groupId.length > 255) invalid("groupId", "at most 255 bytes", groupId.length);
  return groupId;
}

export function takeReference(value: unknown): Uint8Array {
  const reference = takeBytes(value, "reference", 1, Number.POSITIVE_INFINITY);
  if (reference.length > MAX_REFERENCE)
    invalid("reference", `at most ${MAX_REFERENCE} bytes`, reference.length);
  return reference;
}

/** An ID of a submission: 16 to 64 characters of `0-9a-z-`. */
export function takeId(value: unknown): string {
  if (typeof value !== "string" || !ID.test(value))
    invalid(
      "id",
      "16 to 64 characters of 0-9a-z-",
      typeof value === "string" ? `"${value.slice(0, 80)}"` : typeOf(value),
    );
  return value;
}

/** An epoch, a uint64. */
export function takeEpoch(value: unknown): bigint {
  if (typeof value !== "bigint" || value < 0n || value > MAX_U64)
    invalid("epoch", "a bigint of 64 bits", typeof value === "bigint" ? value : typeOf(value));
  return value;
}

/** The number of a cipher suite, a uint16. */
export function takeSuite(value: unknown): number {
  if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > 0xffff)
    invalid("suite", "an integer from 1 to 65535", typeof value === "number" ? value : typeOf(value));
  return value as number;
}

/** A user's name: 1 to 255 bytes of UTF-8, without control characters. */
export function takeUser(value: unknown): string {
  if (typeof value !== "string") invalid("user", "a string", typeOf(value));
  let bytes = 0;
  for (const character of value) {
    const code = character.codePointAt(0) as number;
    if (code >= 0xd800 && code < 0xe000) invalid("user", "text", "half a character");
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (bytes > 255) break;
  }
  if (bytes < 1 || bytes > 255) invalid("user", "1 to 255 bytes of UTF-8", bytes > 255 ? "more" : 0);
  if (!USER_NAME.test(value)) invalid("user", "no control characters", JSON.stringify(value));
  return value;
}

/** A cursor, by its form alone. */
export function takeCursor(value: unknown, what: string): Cursor {
  if (typeof value !== "string") invalid(what, "a string", typeOf(value));
  if (value.length > 128) invalid(what, "at most 128 characters", value.length);
  return value;
}

function takeObject<T>(value: T, what: string): T {
  if (typeof value !== "object" || value === null) invalid(what, "an object", typeOf(value));
  return value;
}

function takeArray<T>(value: readonly T[], what: string): readonly T[] {
  if (!Array.isArray(value)) invalid(what, "an array", typeOf(value));
  return value;
}

function takeSource<T>(value: T): T {
  if (value !== undefined && typeof value !== "function") invalid("key", "a function", typeOf(value));
  return value;
}

/** The public half of an epoch's key, by its form alone. */
export function takePublicKey(value: PublicEpochKey, what: string): PublicEpochKey {
  const { epoch, suite, publicKey } = takeObject(value, what);
  return {
    epoch: takeEpoch(epoch),
    suite: takeSuite(suite),
    publicKey: takeBytes(publicKey, `${what}.publicKey`, 1, MAX_PUBLIC_KEY),
  };
}

function takeWelcome(value: AddressedWelcome, limits: DeliveryLimits): AddressedWelcome {
  const { reference, welcome } = takeObject(value, "welcome");
  return {
    reference: takeReference(reference),
    welcome: takeBytes(welcome, "welcome", 1, limits.handshake),
  };
}

/**
 * A copy of a handshake whose parts all have the right form. Of its message the framing is read: see {@link checkFraming}.
 * @throws DeliveryError `invalid`, `limit`
 */
export function takeHandshake(value: Handshake, limits: DeliveryLimits): Handshake {
  const handshake = takeObject(value, "handshake");
  const welcomes = takeArray(handshake.welcomes, "welcomes");
  checkCount("welcomes", welcomes.length, limits.welcomes);
  const taken = {
    id: takeId(handshake.id),
    groupId: takeGroupId(handshake.groupId),
    epoch: takeEpoch(handshake.epoch),
    after: takeCursor(handshake.after, "after"),
    message: takeBytes(handshake.message, "message", 1, limits.handshake),
    groupInfo: takeBytes(handshake.groupInfo, "groupInfo", 1, limits.handshake),
    welcomes: welcomes.map((one) => takeWelcome(one, limits)),
    nextKey: takePublicKey(handshake.nextKey, "nextKey"),
    key: takeSource(handshake.key),
  };
  checkFraming("handshake", taken.message);
  return taken;
}

/** A copy of a message, as {@link takeHandshake}. */
export function takeMessage(value: OutgoingMessage, limits: DeliveryLimits): OutgoingMessage {
  const message = takeObject(value, "message");
  const taken = {
    id: takeId(message.id),
    groupId: takeGroupId(message.groupId),
    epoch: takeEpoch(message.epoch),
    message: takeBytes(message.message, "message", 1, limits.message),
    key: takeSource(message.key),
  };
  checkFraming("message", taken.message);
  return taken;
}

/** A copy of what is to be read, as {@link takeHandshake}; the signal and the source of the key are the caller's own. */
export function takeSubscription(value: Subscription): Subscription {
  const { groupId, after, key, signal } = takeObject(value, "subscription");
  return { groupId: takeGroupId(groupId), after: takeCursor(after, "after"), key: takeSource(key), signal };
}

/** Copies of key packages, as {@link takeHandshake}. No two may have the same reference. */
export function takeKeyPackages(
  values: readonly OfferedKeyPackage[],
  limits: DeliveryLimits,
): readonly OfferedKeyPackage[] {
  checkCount("keyPackages", takeArray(values, "keyPackages").length, limits.keyPackages);
  return values.map((value) => {
    const { reference, keyPackage, suite, notAfter, lastResort } = takeObject(value, "key package");
    if (typeof notAfter !== "bigint" || notAfter < 0n || notAfter > MAX_U64)
      invalid("notAfter", "a bigint of 64 bits", typeof notAfter === "bigint" ? notAfter : typeOf(notAfter));
    if (typeof lastResort !== "boolean") invalid("lastResort", "true or false", typeOf(lastResort));
    return {
      reference: takeReference(reference),
      keyPackage: takeBytes(keyPackage, "keyPackage", 1, limits.keyPackage),
      suite: takeSuite(suite),
      notAfter,
      lastResort,
    };
  });
}

/** Copies of references, for a call that names many. */
export function takeReferences(values: readonly Uint8Array[], limits: DeliveryLimits): readonly Uint8Array[] {
  checkCount("references", takeArray(values, "references").length, limits.keyPackages);
  return values.map(takeReference);
}
