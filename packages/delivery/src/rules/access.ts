// What the holders of an epoch's key may do at a service that serves members alone. It can't read handshakes, and doesn't know
// who was added or removed by one: it knows which key each handshake registers, who submitted it, by a proof of which key,
// and which clients have proven which keys. So a handshake takes nothing from anybody before somebody else has taken it, too.
import { DeliveryError, type PublicEpochKey } from "../service.js";

/**
 * What HPKE's `info` is when a service seals a grant to an epoch's key: these ASCII characters. `aad` is empty.
 */
export const GRANT_INFO = "copse delivery grant";

/** For how long the holders of a key may still write when a later handshake is confirmed, in milliseconds. */
export const DEFAULT_GRACE = 60_000;

/** When a client whose handshake nobody else has taken yet may try again, in milliseconds. */
const TRY_AGAIN = 1000;

/** A key that a handshake has registered, with what a service keeps of it. Places are numbers of entries in a group's log. */
export interface RegisteredKey extends Omit<PublicEpochKey, "epoch"> {
  /** The place of its handshake. */
  readonly place: number;
  /** The place of the key that was proven for its handshake; `undefined` if its submitter joined by it, or made the group. */
  readonly parent: number | undefined;
  /**
   * The place of the key whose rights it has: its own, if its handshake is confirmed or makes the group; else that of its
   * parent. `undefined` if it has none: nobody proved a key for its handshake, and it isn't confirmed.
   */
  readonly root: number | undefined;
  /** When a later handshake was confirmed, in milliseconds since 1970. */
  readonly overtaken: number | undefined;
  /** The last handshake that is read with it when it is overtaken, or has no rights. */
  readonly readsUpTo: number;
}

/** A key, and the one whose rights it has. */
export interface Access {
  readonly key: Pick<RegisteredKey, "overtaken" | "readsUpTo">;
  readonly root: Pick<RegisteredKey, "overtaken" | "readsUpTo"> | undefined;
}

/** The root of a new handshake's key. @param parent the key that was proven for it @param isFirst whether it makes the group */
export const rootOf = (
  place: number,
  parent: Pick<RegisteredKey, "root"> | undefined,
  isFirst: boolean,
): number | undefined => (isFirst ? place : parent?.root);

/**
 * For how long a key is good for handshakes, messages and the GroupInfo, in milliseconds: without an end until a later handshake
 * is confirmed, and then for a grace time. Members who have refused that one have no other key; and a message of theirs may
 * have been on its way. Less than 0: it isn't.
 */
export const timeLeft = (root: Access["root"], now: number, grace: number): number => {
  if (root === undefined) return -1;
  return root.overtaken === undefined ? Number.POSITIVE_INFINITY : root.overtaken + grace - now;
};

export const mayWrite = (root: Access["root"], now: number, grace: number): boolean =>
  timeLeft(root, now, grace) >= 0;

/** @throws DeliveryError `limit` if the key may become good, `forbidden` if not */
export function checkMayWrite(access: Access, now: number, grace: number): void {
  if (mayWrite(access.root, now, grace)) return;
  if (isWaiting(access))
    throw new DeliveryError("limit", "no other member has taken the handshake that registers this key yet", {
      retryAfter: TRY_AGAIN,
    });
  throw new DeliveryError("forbidden", "members have taken a later handshake than that of this key");
}

/** Whether a key has no rights yet, and may get them: who has joined waits for somebody who takes its commit. */
export const isWaiting = ({ key, root }: Access): boolean =>
  root === undefined && key.overtaken === undefined;

/**
 * For how long a reader who has read all that it may waits for more, in milliseconds: without an end if more may come at any
 * time. Less than 0: nothing more can come.
 */
export const patienceOf = (access: Access, now: number, grace: number): number =>
  isWaiting(access) ? Number.POSITIVE_INFINITY : timeLeft(access.root, now, grace);

/** For how long a reader waits who has proven these keys, in milliseconds: as long as any of them says. */
export const patienceOfAll = (all: readonly Access[], now: number, grace: number): number =>
  Math.max(-1, ...all.map((access) => patienceOf(access, now, grace)));

/**
 * Whether somebody with a key is told which handshake came first: if that is read with it, or it may write. It can't follow
 * otherwise.
 */
export const learns = (access: Access, first: number, now: number, grace: number): boolean =>
  first <= (readsUpTo(access) ?? first) || mayWrite(access.root, now, grace);

/**
 * The last place that is read with a key; `undefined` if all is. When a later handshake is confirmed, that is as far as that one:
 * so a member reads step by step, up to a commit that ends its epoch, which it takes, and on with the next key. Whoever
 * that commit has removed reads no more than that.
 */
export function readsUpTo({ key, root }: Access): number | undefined {
  if (root === undefined) return key.readsUpTo;
  return root.overtaken === undefined ? undefined : Math.max(key.readsUpTo, root.readsUpTo);
}

/**
 * The last place that is read by a client that has proven these keys; `undefined` if all is, -1 if it has none. A key that it has
 * proven before still reads what it read, whatever key the client has now: members who have joined one after the other, each by a
 * handshake that nobody has taken, read each other's by the last key that they had together.
 */
export function readsUpToByAny(all: readonly Access[]): number | undefined {
  let most = -1;
  for (const access of all) {
    const upTo = readsUpTo(access);
    if (upTo === undefined) return undefined;
    most = Math.max(most, upTo);
  }
  return most;
}

/**
 * Whether a proof of a key confirms its handshake: if the client isn't the one that submitted it, and has been there
 * before, by a key with rights of its own. Who was only added by it may be the submitter's own creature.
 * @param handshake the key that was proven now
 * @param before the keys that the client has proven
 */
export function isConfirmedBy<Client>(
  handshake: Pick<RegisteredKey, "place" | "root" | "overtaken"> & { readonly submitter: Client },
  client: Client,
  before: Iterable<Pick<RegisteredKey, "place" | "root" | "overtaken" | "readsUpTo">>,
  now: number,
  grace: number,
): boolean {
  const { place, root, overtaken, submitter } = handshake;
  if (root === place || overtaken !== undefined || client === submitter) return false;
  for (const key of before)
    if (key.place < place && key.root === key.place && mayWrite(key, now, grace)) return true;
  return false;
}

/** What a handshake changes that is confirmed now, in a key of its group; `undefined` if nothing. */
export function overtaking(
  key: Pick<RegisteredKey, "place" | "root" | "overtaken" | "readsUpTo">,
  confirmed: number,
  now: number,
): Pick<RegisteredKey, "overtaken" | "readsUpTo"> | undefined {
  if (key.place >= confirmed || key.overtaken !== undefined) return undefined;
  // Whose handshake nobody has taken reads no more by it.
  const readsUpTo = key.root === undefined ? key.readsUpTo : Math.max(key.readsUpTo, confirmed);
  return { overtaken: now, readsUpTo };
}

/**
 * The keys that have their rights from a handshake that is confirmed now: its own, and those of unconfirmed handshakes
 * after it that were submitted with one of these.
 * @param later the keys of later handshakes, in their order
 */
export function heirsOf(
  confirmed: number,
  later: Iterable<Pick<RegisteredKey, "place" | "parent" | "root">>,
): Set<number> {
  const heirs = new Set([confirmed]);
  for (const { place, parent, root } of later)
    if (root !== place && parent !== undefined && heirs.has(parent)) heirs.add(place);
  return heirs;
}
