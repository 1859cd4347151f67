// What the holders of an epoch's key may do at a service that serves members alone. It can't read handshakes, and doesn't know
// who was removed by one: it knows which key each handshake registers, and by a proof of which key it was submitted.
import type { PublicEpochKey } from "../service.js";

/**
 * What HPKE's `info` is when a service seals a grant to an epoch's key: these ASCII characters. `aad` is empty.
 */
export const GRANT_INFO = "copse delivery grant";

/** For how long the holders of a key may still write after another handshake, in milliseconds. */
export const DEFAULT_GRACE = 60_000;

/** A key that a handshake has registered, with what a service keeps of it. `Place` is how it numbers the entries of a log. */
export interface RegisteredKey<Place> extends Omit<PublicEpochKey, "epoch"> {
  /** Whether its handshake is the group's newest; else when the next one was accepted, in milliseconds since 1970. */
  readonly overtaken: number | undefined;
  /** The last handshake that is read with it when its own isn't the newest any more. */
  readonly readsUpTo: Place;
}

/**
 * Whether a key is good for handshakes, messages and the GroupInfo: if its handshake is the newest, and for a grace time
 * after that. Members who have refused the handshake that followed have no other key; and a message of theirs may have been
 * on its way.
 */
export const mayWrite = (
  key: Pick<RegisteredKey<unknown>, "overtaken">,
  now: number,
  grace: number,
): boolean => key.overtaken === undefined || now - key.overtaken <= grace;

/**
 * The last place that is read with a key; `undefined` if all is. So a member reads step by step: up to the commit that
 * ends its epoch, which it takes, and on with the next key. Whoever that commit has removed reads no more than that.
 */
export const readsUpTo = <Place>(
  key: Pick<RegisteredKey<Place>, "overtaken" | "readsUpTo">,
): Place | undefined => (key.overtaken === undefined ? undefined : key.readsUpTo);

/** A handshake, as far as the rules look at it. `Key` is how a service names a registered key. */
export interface SubmittedHandshake<Key> {
  /** The key that it registers. */
  readonly key: Key;
  /** The key that its submission proved; `undefined` if its submitter joined by it, or made the group. */
  readonly proven: Key | undefined;
  /** When it was accepted, in milliseconds since 1970. */
  readonly time: number;
}

/**
 * Which keys read up to a handshake that is accepted now: for these, its place is the new `readsUpTo`. The one that was
 * proven. That of the handshake before, whose holders it follows: also if those who prove an older one have refused theirs.
 * And if nobody proved any, because somebody joins by it, the key of those who may have refused the handshake before.
 */
export function keysThatReadUpTo<Key>(
  proven: Key | undefined,
  previous: SubmittedHandshake<Key> | undefined,
  now: number,
  grace: number,
): Key[] {
  if (previous === undefined) return [];
  const isContested = now - previous.time <= grace;
  const other = proven ?? (isContested ? previous.proven : undefined);
  return other === undefined || other === previous.key ? [previous.key] : [previous.key, other];
}
