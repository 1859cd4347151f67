// RFC 9750 §5: what this client may read and write, at a service that serves members alone.
import type { AbortSignalLike } from "@copse/core";
import { type Batch, type Cursor, DeliveryError, type LogEntry } from "../service.js";
import type { Pending } from "./record.js";
import type { Room } from "./room.js";

/** What follows in the log, as far as the service gives it at once. */
export async function unread(room: Room, signal: AbortSignalLike): Promise<Batch<LogEntry>> {
  const { host, groupId, record } = room;
  const { source: key } = room.keys;
  for await (const batch of host.service.subscribe({ groupId, after: record.cursor, key, signal }))
    return batch;
  throw new DeliveryError("unavailable", "the service ended the subscription");
}

/**
 * How many entries there are that this client can't read: the service gives them to those who have taken a handshake that this
 * client hasn't. 0: it can read on, or there is nothing.
 */
export async function locked(room: Room): Promise<number> {
  const { entries, behind } = await unread(room, room.signal);
  return entries.length > 0 ? 0 : behind;
}

const isRefused = (error: unknown): boolean => error instanceof DeliveryError && error.code === "forbidden";

/** Calls the service, and again with the key before if it doesn't know the present one. */
export async function withKey<T>(room: Room, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!isRefused(error)) throw error;
    if (room.keys.offerFormer()) return withKey(room, call);
    room.keys.offerPresent();
    await joinIfLocked(room);
    throw error;
  }
}

/** Who may neither write nor read what the others do joins them again. */
async function joinIfLocked(room: Room): Promise<void> {
  const count = await locked(room).catch(() => 0);
  if (count === 0 || !room.isReady) return;
  joinAgain(room, "the others took a commit that the service doesn't let this client read");
}

/** Why a client joins again whose place was taken by an own commit: it has given that one's state up, or another process has it. */
export const TAKEN = "its place was taken by a commit of its own whose state it doesn't have";

/** What is missing of the state from which a conversation goes on; `undefined` if nothing is. */
export function missing({ record, group, joining }: Room): string | undefined {
  if (record.state === "joining") return joining === undefined ? "it hadn't joined when it ended" : undefined;
  if (record.state !== "active") return undefined;
  if (group === undefined) return "its state was lost";
  return group.active ? undefined : TAKEN;
}

/** The others are elsewhere, or the state is lost. @param why as it is told when it has joined */
export function joinAgain(room: Room, why: string): void {
  room.lost = why;
  room.tellState();
  room.readAgain();
}

/** The service has done all that it does for an own commit. That is written with what is written next. */
export async function finished(room: Room, handshake: Cursor | undefined): Promise<void> {
  if (handshake === undefined) return;
  await room.turn(async () => {
    if (room.record.unfinished === handshake) room.record = { ...room.record, unfinished: undefined };
  });
  room.host.settles();
}

/** Whether the service has nothing to do any more for an own commit that stands in the log, such as to deliver Welcomes. */
export const isFinished = ({ answered, host }: Room, pending: Pending | undefined): boolean =>
  answered === pending || host.settling !== undefined;
