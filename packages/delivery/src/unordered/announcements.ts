// RFC 9420 §14, §12.4.3.1: a commit that counts is submitted once more: with its Welcomes, which must not lead into a branch that has lost,
// and with the GroupInfo that is the newest.
import { toHex } from "@copse/core";
import { partsOf } from "../conversation/changes.js";
import { type EntryChange, KEYS } from "../conversation/record.js";
import type { Room } from "../conversation/room.js";
import { epochKey } from "../messenger/epoch-key.js";
import { fromHex, pack, unpack } from "../messenger/wire.js";
import { DeliveryError, type Handshake } from "../service.js";
import type { Step } from "./branches.js";

interface SavedAnnouncement {
  readonly number: number;
  readonly id: string;
  /** The epoch that the commit starts, in decimal. */
  readonly epoch: string;
  readonly suite: number;
  readonly references: readonly string[];
}

/** @returns the change that stores it */
export async function announcementOf(room: Room, { kept, entry }: Step): Promise<EntryChange> {
  const { commit } = kept;
  const parts = await partsOf(commit, (epoch) => epochKey(room.host.provider, epoch, commit));
  const { message, groupInfo, welcomes, nextKey } = parts;
  const saved: SavedAnnouncement = {
    number: room.nextNumber(),
    id: `${entry.id}-a`,
    epoch: String(commit.epoch),
    suite: nextKey.suite,
    references: welcomes.map(({ reference }) => toHex(reference)),
  };
  const value = pack(saved, message, groupInfo, nextKey.publicKey, ...welcomes.map(({ welcome }) => welcome));
  return { key: KEYS.announcement(room.id, saved.number), value };
}

const NONE = new Uint8Array();

function handshakeOf(room: Room, value: Uint8Array): Handshake {
  const { header, parts } = unpack<SavedAnnouncement>(value);
  const [message = NONE, groupInfo = NONE, publicKey = NONE, ...welcomes] = parts;
  const { id, suite, references } = header;
  const epoch = BigInt(header.epoch);
  return {
    id,
    groupId: room.groupId,
    epoch: epoch - 1n,
    after: room.record.last,
    message,
    groupInfo,
    welcomes: references.map((one, i) => ({ reference: fromHex(one), welcome: welcomes[i] ?? NONE })),
    nextKey: { epoch, suite, publicKey },
    key: room.keys.source,
  };
}

/** The changes that delete those of epochs after one: their branch was left. */
export async function withdrawn(room: Room, fork: bigint): Promise<EntryChange[]> {
  const all = await room.host.client.listEntries(KEYS.announcements(room.id));
  const left = all.filter(({ value }) => BigInt(unpack<SavedAnnouncement>(value).header.epoch) > fork);
  return left.map(({ key }) => ({ key, value: undefined }));
}

/** Submits what is to be announced. @throws DeliveryError if it is to be tried again */
export async function announce(room: Room): Promise<void> {
  const { signal } = room;
  const { client, service } = room.host;
  for (const { key, value } of await client.listEntries(KEYS.announcements(room.id))) {
    room.used(unpack<SavedAnnouncement>(value).header.number);
    try {
      const answer = await service.submit(handshakeOf(room, value), { signal });
      if (answer.kind !== "accepted") throw new DeliveryError("forbidden", `the answer is ${answer.kind}`);
      room.host.reached(true);
    } catch (error) {
      const isFinal = error instanceof DeliveryError && error.retry === "never" && error.code !== "closed";
      if (!isFinal || signal.aborted) throw error;
      room.problem("delivery", `the service refuses the Welcomes of a commit: ${error.message}`, {
        cause: error,
      });
    }
    await room.turn(() => client.writeEntries([{ key, value: undefined }]));
  }
}
