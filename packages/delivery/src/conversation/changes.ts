// RFC 9420 §12.4: what a commit must contain so that a wish comes true, in the group as it is now.
import type { CommitOptions, Group, KeyPackageToAdd, Member, StagedCommit } from "@copse/core";
import { MlsError, toHex } from "@copse/core";
import type { epochKey } from "../messenger/epoch-key.js";
import { MessengerError } from "../messenger/errors.js";
import type { Handshake } from "../service.js";
import type { Wish } from "./record.js";
import type { Room } from "./room.js";

/** The options of the commit; `undefined`: it is so already. */
export type WantedCommit = CommitOptions | undefined;

/** Every own commit renews the own keys: who removes or adds somebody leaves no old key behind. */
const RENEWED = { forcePath: true, ratchetTreeInWelcome: true } as const;

const membersOf = (room: Room, group: Group, users: readonly string[]): readonly Member[] =>
  group.members.filter(({ credential }) => users.includes(room.host.people.user(credential)));

/** Claims key packages of users, as MLSMessages, by their users. @throws DeliveryError, MessengerError `unknown-user` */
export async function claimFor(
  room: Room,
  users: readonly string[],
): Promise<Map<string, readonly Uint8Array[]>> {
  const { host, group, signal } = room;
  const claimed = new Map<string, readonly Uint8Array[]>();
  for (const user of new Set(users)) {
    const all = await host.service.claimKeyPackages(user, host.provider.suite.id, { signal });
    const usable: Uint8Array[] = [];
    for (const keyPackage of all) if (await isOf(room, user, keyPackage)) usable.push(keyPackage);
    const isMember = group !== undefined && membersOf(room, group, [user]).length > 0;
    const name = JSON.stringify(user);
    const { id } = host.provider.suite;
    if (usable.length === 0 && !isMember)
      throw new MessengerError(
        "unknown-user",
        all.length === 0
          ? `the service has no key package of ${name} for cipher suite ${id}`
          : `the service has no key package of ${name} that is good, of ${all.length}: problems say why`,
      );
    claimed.set(user, usable);
  }
  return claimed;
}

/** Whether a key package is a user's: the service could hand out another one's. */
async function isOf(room: Room, user: string, keyPackage: Uint8Array): Promise<boolean> {
  const { client, people } = room.host;
  try {
    const { credential, expired } = await client.readKeyPackage(keyPackage);
    if (people.user(credential) === user) return !expired;
    throw new MlsError(
      "authentication",
      `expected a key package of ${JSON.stringify(user)}, got another user's`,
    );
  } catch (cause) {
    if (cause instanceof MlsError && cause.retry === "now") throw cause;
    const message = `a key package of ${JSON.stringify(user)} is refused: ${(cause as Error).message}`;
    room.problem("junk", message, { cause });
    return false;
  }
}

/** What a commit must do for a wish. @throws MessengerError if it can't be done */
export async function commitFor(
  room: Room,
  group: Group,
  wish: Wish,
  claimed: ReadonlyMap<string, readonly Uint8Array[]>,
): Promise<WantedCommit> {
  if (wish.kind === "update") return RENEWED;
  if (wish.kind === "remove") return removal(room, group, wish);
  const present = new Set(group.members.map(({ signatureKey }) => toHex(signatureKey)));
  const add: KeyPackageToAdd[] = [];
  for (const [user, keyPackages] of claimed) {
    for (const keyPackage of keyPackages) {
      const { credential, signatureKey } = await room.host.client.readKeyPackage(keyPackage);
      const key = toHex(signatureKey);
      if (present.has(key)) continue;
      present.add(key);
      if (room.host.people.user(credential) === user) add.push({ keyPackage, credential, signatureKey });
    }
  }
  if (add.length === 0 && wish.kind !== "start") return undefined;
  return { ...RENEWED, add };
}

function removal(room: Room, group: Group, { users, clients }: Wish): WantedCommit {
  const isMeant = ({ credential, signatureKey }: Member) =>
    users.includes(room.host.people.user(credential)) || clients?.includes(toHex(signatureKey));
  const remove = group.members.filter(isMeant).map(({ leafIndex }) => leafIndex);
  if (remove.length === 0) return undefined;
  if (remove.includes(group.ownLeafIndex))
    throw new MessengerError("refused", "nobody can remove the own client: leave() asks the others to do it");
  return { ...RENEWED, remove };
}

/** A commit of nothing but others' proposals and new keys. */
export const RENEWAL: CommitOptions = RENEWED;

/** What is submitted of a staged commit. */
export async function partsOf(
  staged: StagedCommit,
  keyOf: (epoch: bigint) => ReturnType<typeof epochKey>,
): Promise<Pick<Handshake, "message" | "groupInfo" | "welcomes" | "nextKey">> {
  const { epoch, suite, publicKey, end } = await keyOf(staged.epoch);
  end();
  return {
    message: staged.commit,
    groupInfo: await staged.groupInfo(),
    welcomes: staged.welcomes.map(({ reference, welcome }) => ({ reference, welcome })),
    nextKey: { epoch, suite, publicKey },
  };
}
