// What the storage has of a conversation, in entries of the application: written in one write with the state of MLS.
import { type Bytes, type CommitMessage, type Member, toHex } from "@copse/core";
import { fromHex, pack, unpack } from "../messenger/wire.js";
import type { Cursor } from "../service.js";

/** A change of an entry, as `alongside` takes it. */
export interface EntryChange {
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

/** A commit that is staged, as it is submitted. */
export interface Pending {
  readonly id: string;
  readonly kind: "commit" | "join";
  readonly after: Cursor;
  /** The numbers of the wishes that it fulfils. */
  readonly wishes: readonly number[];
}

/** Where a client is in the log. */
export type Place = Pick<ConversationRecord, "state" | "cursor" | "last" | "taken" | "leaders">;

/** For how long GroupInfos were seen that say something which is believed late, in milliseconds while the client was open. */
export interface Seen {
  /** In which this client isn't a member. */
  readonly out?: number | undefined;
  /** In which somebody is a member again whom it has seen removed. */
  readonly back?: number | undefined;
}

export interface ConversationRecord {
  readonly state: "starting" | "joining" | "active" | "left" | "removed";
  readonly name?: string | undefined;
  /** What was read of the log. */
  readonly cursor: Cursor;
  /** The last handshake, taken or refused. */
  readonly last: Cursor;
  /** Whether it was taken: it has led to the epoch in which this client is. */
  readonly taken: boolean;
  /** How many were refused, until enough of other members were taken in a row. */
  readonly refused: number;
  /** How many of other members were taken since one was refused. */
  readonly heard?: number | undefined;
  readonly pending?: Pending | undefined;
  /** While it joins again, and may not have joined yet: where it was before. */
  readonly back?: Place | undefined;
  /** The last epoch in which others were, too, as far as is known, while handshakes are refused, in decimal. */
  readonly parted?: string | undefined;
  /** Who has heard what this client said since then, or since it joined anew, and since a handshake was refused last, by {@link nameOf}. */
  readonly heardBy?: readonly string[] | undefined;
  /**
   * The epoch whose commit was refused for a reason that other members may not have, in decimal; later by the own commits that
   * followed, and by others' that came after one that was refused.
   */
  readonly alone?: string | undefined;
  /** Whether nothing of another member was taken since this client joined by an external commit. */
  readonly unheard?: boolean | undefined;
  /**
   * Who has joined anew where this client did, by {@link nameOf}: each of them has what it said said again once. Since it joined by an
   * external commit, until enough others have heard what it said ({@link heardIn}).
   */
  readonly followers?: readonly string[] | undefined;
  /** The epoch that the last external commit of somebody who was a member before has started, in decimal. */
  readonly followed?: string | undefined;
  /**
   * Those whom this client knew before and who signed the GroupInfos by which it joined, by {@link nameOf}, if there were others: of
   * these, nobody may be there. Until enough others have heard what it said there.
   */
  readonly leaders?: readonly string[] | undefined;
  readonly seen?: Seen | undefined;
  /** The handshake of an own commit that is in force, and that the service may not have finished: it hasn't answered. */
  readonly unfinished?: Cursor | undefined;
  /** The highest epoch that this client was in, in decimal: it joins by no GroupInfo of an earlier one. */
  readonly highest?: string | undefined;
  /** The place of the next entry of the history, and the first that is kept. */
  readonly next: number;
  readonly first: number;
  /** When this client's keys were renewed, in milliseconds since 1970, and how many commits of others came since. */
  readonly renewed: number;
  readonly commits: number;
  /** When this client became a member. */
  readonly joined: number;
}

/** Whom this client knew when others may have gone another way. */
export interface Known {
  /** How many they are, with this client. */
  readonly count: number;
  /** The signature keys of those who are there, in hexadecimal. */
  readonly keys: ReadonlySet<string>;
  /** The same, by {@link nameOf}. */
  readonly names: ReadonlySet<string>;
}

/** How many epochs ago others may have gone another way: who submits a handshake chooses the epoch that it says. */
const MOST_PARTED = 2n;

/**
 * What is otherwise once a handshake was refused: others may have gone another way, in that epoch, and nobody may have heard what
 * follows.
 * @param epoch that of this client
 * @param said that of the handshake, as it says
 */
export function partedIn(
  { parted }: ConversationRecord,
  epoch: bigint,
  said: bigint,
): Pick<ConversationRecord, "parted" | "heardBy"> {
  const least = epoch > MOST_PARTED ? epoch - MOST_PARTED : 0n;
  const now = said > epoch ? epoch : said < least ? least : said;
  return {
    parted: String(parted === undefined || now < BigInt(parted) ? now : parted),
    heardBy: undefined,
  };
}

/**
 * What is otherwise once another member has said something in an epoch, or has committed in it: it has heard what this client said there. Who joins by
 * an external commit hasn't, and who signed the GroupInfo by which this client joined may have made all of it up, with all who are new to it,
 * and may have led others there, too: one of them who has heard it isn't enough. Nor is one enough after a handshake was refused:
 * those who are where this client is may talk for long before the others say anything.
 * @param known whom this client knew before; `undefined`: it isn't known
 * @param others how many other members there are
 */
export function heardIn(
  record: ConversationRecord,
  epoch: bigint,
  { signatureKey }: Pick<Member, "signatureKey">,
  known: Known | undefined,
  others: () => number,
): ConversationRecord {
  const { followers, parted, refused, leaders = [] } = record;
  const isTogether = parted !== undefined && refused === 0 && epoch > BigInt(parted);
  if (followers === undefined && !isTogether && leaders.length === 0) return record;
  if (known?.keys.has(toHex(signatureKey)) === false) return record;
  // Who is gone counts neither way.
  const heardBy = record.heardBy?.filter((name) => known?.names.has(name) !== false);
  const names = withName(heardBy ?? [], signatureKey);
  // One of those who have led it here doesn't count: more than half of the rest must have heard it.
  const rest = (known === undefined ? others() : known.count - 1) - Math.min(leaders.length, 1);
  const count = names.some((name) => leaders.includes(name)) ? names.length - 1 : names.length;
  if (count < ENOUGH && count <= rest / 2) return { ...record, heardBy: names };
  const together = { followers: undefined, leaders: undefined, heardBy: undefined };
  return { ...record, ...together, parted: isTogether ? undefined : parted };
}

/** What a record has of a member: the first digits of its signature key. */
export const nameOf = (signatureKey: Uint8Array): string => toHex(signatureKey.subarray(0, 8));

export function withName(names: readonly string[], signatureKey: Uint8Array): readonly string[] {
  const name = nameOf(signatureKey);
  return names.includes(name) ? names : [...names, name];
}

/** How many others have heard it: so many, or more than half of them, aren't all where an insider has led them. */
const ENOUGH = 8;
/** How many of those who follow a client have what it said apart said again. */
const MOST_FOLLOWERS = 256;

/**
 * What is otherwise once a member has joined anew where this client is.
 * @param epoch the one that it has started
 */
export function followedBy(
  record: ConversationRecord,
  epoch: bigint,
  { signatureKey }: Pick<Member, "signatureKey">,
): ConversationRecord {
  const { followers } = record;
  const names = followers && withName(followers, signatureKey);
  const isMany = (names?.length ?? 0) > MOST_FOLLOWERS;
  return { ...record, followed: String(epoch), followers: isMany ? followers : names };
}

/**
 * What is otherwise once a commit was taken.
 * @param isDisputed whether handshakes were refused that still count
 * @param now in milliseconds since 1970
 */
export function committed(
  record: ConversationRecord,
  { own, epoch }: Pick<CommitMessage, "own" | "epoch">,
  isDisputed: boolean,
  now: number,
): ConversationRecord {
  const { alone, state, followed } = record;
  return {
    ...record,
    state: state === "starting" || (state === "joining" && own) ? "active" : state,
    pending: undefined,
    renewed: own ? now : record.renewed,
    commits: own ? 0 : record.commits + 1,
    highest: String(epoch),
    // Of another branch.
    followed: followed !== undefined && BigInt(followed) > epoch ? undefined : followed,
    // Own commits don't make it longer ago, nor do those of others who are answered by somebody elsewhere.
    alone: alone !== undefined && (own || isDisputed) ? String(BigInt(alone) + 1n) : alone,
  };
}

/** What is otherwise once a client has joined anew. */
export function joinedAnew(
  record: ConversationRecord,
  epoch: bigint,
  time: number,
): Partial<ConversationRecord> {
  // What it refused before says nothing about where it is now. Nobody else may be there: what it says there is said again elsewhere.
  const parted = partedIn(record, epoch - 1n, epoch - 1n);
  const none = { alone: undefined, back: undefined, seen: undefined, refused: 0, heard: 0 };
  return { ...none, ...parted, unheard: true, followers: [], joined: time };
}

export const placeOf = ({ state, cursor, last, taken, leaders }: ConversationRecord): Place => ({
  state,
  cursor,
  last,
  taken,
  leaders,
});

/** Where the history of a conversation is. */
export type HistoryPlaces = Pick<ConversationRecord, "next" | "first">;

/** A new one that has read nothing yet. */
export function newRecord(
  state: ConversationRecord["state"],
  after: Cursor,
  now: number,
  name?: string,
): ConversationRecord {
  return {
    state,
    name,
    cursor: after,
    last: after,
    taken: true,
    refused: 0,
    next: 1,
    first: 1,
    renewed: now,
    commits: 0,
    joined: now,
  };
}

/** A wish: what the next commits are to do. */
export interface Wish {
  readonly number: number;
  readonly kind: "start" | "invite" | "remove" | "update" | "leave";
  /** All clients of these. */
  readonly users: readonly string[];
  /** Other clients that are meant, by their signature keys in hexadecimal. */
  readonly clients?: readonly string[] | undefined;
}

/** A message to be sent. */
export interface SavedItem {
  readonly number: number;
  /** That of the message. */
  readonly id: string;
  readonly kind: "message" | "proposal";
  readonly time: number;
  /** How often it was given another ID at the service. */
  readonly version: number;
  /** In which it is encrypted, in decimal; `undefined` if it isn't. */
  readonly epoch?: string | undefined;
  /** If it is said once more: its place in the history. It comes before all that is said for the first time. */
  readonly place?: number | undefined;
}

/** An entry of the log that waits: for its epoch, or a commit for its proposals. */
export interface SavedEarly {
  readonly number: number;
  readonly kind: "handshake" | "message";
  readonly cursor: Cursor;
  readonly id: string;
  readonly epoch: string;
  readonly time: number;
}

const ROOT = "app/delivery/";
const digitsOf = (n: number): string => String(n).padStart(12, "0");

/** How many entries of a history stand together: a sealed storage seals them together. */
const CHUNK = 256;
const ofOne = (id: string): string => `app/delivery-c-${id}/`;

/** The keys of the entries. @param id of a conversation */
export const KEYS = {
  inbox: `${ROOT}inbox`,
  invitations: `${ROOT}i/`,
  invitation: (id: string) => `${ROOT}i/${id}`,
  /** Has an empty entry for each conversation. */
  conversations: `${ROOT}c/`,
  listed: (id: string) => `${ROOT}c/${id}`,
  conversation: (id: string) => `${ofOne(id)}record`,
  since: (id: string) => `${ofOne(id)}since`,
  trust: (id: string) => `${ofOne(id)}trust`,
  outbox: (id: string) => `${ofOne(id)}o/`,
  item: (id: string, n: number) => `${ofOne(id)}o/${digitsOf(n)}`,
  wishes: (id: string) => `${ofOne(id)}w/`,
  wish: (id: string, n: number) => `${ofOne(id)}w/${digitsOf(n)}`,
  early: (id: string) => `${ofOne(id)}e/`,
  earlyOne: (id: string, n: number) => `${ofOne(id)}e/${digitsOf(n)}`,
  branches: (id: string) => `${ofOne(id)}b/`,
  branch: (id: string, name: string) => `${ofOne(id)}b/${name}`,
  announcements: (id: string) => `${ofOne(id)}a/`,
  announcement: (id: string, n: number) => `${ofOne(id)}a/${digitsOf(n)}`,
  history: (id: string, place: number) =>
    `app/delivery-h-${id}-${Math.floor(place / CHUNK)}/${digitsOf(place)}`,
} as const;

export const recordChange = (id: string, record: ConversationRecord): EntryChange => ({
  key: KEYS.conversation(id),
  value: pack(record),
});

/** The changes that begin a conversation. */
export const beginning = (id: string, record: ConversationRecord): EntryChange[] => [
  { key: KEYS.listed(id), value: new Uint8Array() },
  recordChange(id, record),
];

export const readRecord = (value: Uint8Array): ConversationRecord => unpack<ConversationRecord>(value).header;

/** The group ID of a conversation. */
export const groupIdOf = (id: string): Bytes => fromHex(id);

/** The ID of a group's conversation. */
export const idOf = (groupId: Uint8Array): string => toHex(groupId);

/** The longest group ID, so that keys of entries aren't too long. */
export const MAX_GROUP_ID = 64;
