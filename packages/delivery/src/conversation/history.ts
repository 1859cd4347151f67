// What was said, and who came and went, as the storage has it.
import { toHex } from "@copse/core";
import type { StoredClient } from "@copse/core/storage";
import { MessengerError } from "../messenger/errors.js";
import type { HistoryEntry, HistoryOptions, MembersEntry, MessageEntry, Person } from "../messenger/types.js";
import { fromHex, pack, textOf, unpack } from "../messenger/wire.js";
import { type ConversationRecord, type EntryChange, KEYS } from "./record.js";

type SavedPerson = readonly [user: string, signatureKey: string];

interface SavedMessage {
  readonly kind: "message";
  readonly id: string;
  readonly time: number;
  readonly epoch: string;
  readonly sender: SavedPerson;
  readonly own: boolean;
}

interface SavedMembers {
  readonly kind: "members";
  readonly time: number;
  readonly epoch: string;
  readonly by: SavedPerson;
  readonly own: readonly string[];
  readonly added: readonly SavedPerson[];
  readonly removed: readonly SavedPerson[];
  readonly left: readonly SavedPerson[];
  readonly rejoined: readonly SavedPerson[];
}

const saved = ({ user, signatureKey }: Person): SavedPerson => [user, toHex(signatureKey)];

/** The change that writes an entry. */
export function historyChange(id: string, place: number, entry: HistoryEntry): EntryChange {
  const key = KEYS.history(id, place);
  if (entry.kind === "message") {
    const { time, epoch, sender } = entry;
    const header: SavedMessage = {
      kind: "message",
      id: entry.id,
      time,
      epoch: String(epoch),
      sender: saved(sender),
      own: sender.own,
    };
    return { key, value: pack(header, entry.data) };
  }
  const { by, added, removed, left, rejoined } = entry;
  const people = [by, ...added, ...removed, ...left, ...rejoined];
  const header: SavedMembers = {
    kind: "members",
    time: entry.time,
    epoch: String(entry.epoch),
    by: saved(by),
    own: people.filter(({ own }) => own).map(({ signatureKey }) => toHex(signatureKey)),
    added: added.map(saved),
    removed: removed.map(saved),
    left: left.map(saved),
    rejoined: rejoined.map(saved),
  };
  return { key, value: pack(header) };
}

function readEntry(place: number, value: Uint8Array): HistoryEntry {
  const { header, parts } = unpack<SavedMessage | SavedMembers>(value);
  if (header.kind === "message") {
    const { id, time, epoch, own } = header;
    const [user, signatureKey] = header.sender;
    const [data = new Uint8Array()] = parts;
    const sender = { user, signatureKey: fromHex(signatureKey), own };
    return messageEntry({ place, id, time, epoch: BigInt(epoch), sender, data });
  }
  const own = new Set(header.own);
  const read = ([user, signatureKey]: SavedPerson): Person => ({
    user,
    signatureKey: fromHex(signatureKey),
    own: own.has(signatureKey),
  });
  const entry: MembersEntry = {
    kind: "members",
    place,
    time: header.time,
    epoch: BigInt(header.epoch),
    by: read(header.by),
    added: header.added.map(read),
    removed: header.removed.map(read),
    left: header.left.map(read),
    rejoined: header.rejoined.map(read),
  };
  return entry;
}

export function messageEntry(one: Omit<MessageEntry, "kind" | "text">): MessageEntry {
  const { data } = one;
  return { kind: "message", ...one, text: textOf(data) };
}

/** How many entries are given at once. */
export const MAX_HISTORY = 1000;
const DEFAULT_HISTORY = 50;

/** Which part of the history is asked for. */
type Part = Pick<HistoryOptions, "after" | "before"> & { readonly limit: number };

/** @throws MessengerError `usage` */
export function partOf({ after, before, limit = DEFAULT_HISTORY }: HistoryOptions): Part {
  for (const [name, place] of Object.entries({ after, before }))
    if (place !== undefined && (typeof place !== "number" || Number.isNaN(place)))
      throw new MessengerError("usage", `expected ${name}: a place of the history, got ${String(place)}`);
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= MAX_HISTORY))
    throw new MessengerError("usage", `expected a limit of 1 to ${MAX_HISTORY}, got ${limit}`);
  return { after, before, limit } as Part;
}

/** Entries of the history. @param record has the places that there are */
export async function readHistory(
  client: StoredClient,
  id: string,
  { next, first }: Pick<ConversationRecord, "next" | "first">,
  { after, before, limit }: Part,
): Promise<HistoryEntry[]> {
  const low = Math.max(first, (after ?? 0) + 1);
  const high = Math.min(next, before ?? next);
  const begin = after === undefined ? Math.max(low, high - limit) : low;
  const places: number[] = [];
  for (let place = begin; place < high && places.length < limit; place++) places.push(place);
  const values = await Promise.all(places.map((place) => client.getEntry(KEYS.history(id, place))));
  return values.flatMap((value, i) => (value === undefined ? [] : [readEntry(places[i] as number, value)]));
}

/**
 * What this client said in epochs after one: in a branch that is left, others can't read it. The last {@link REMEMBERED} are found,
 * among at most {@link SEARCHED} entries: where others say much, too.
 */
export async function ownMessages(
  client: StoredClient,
  id: string,
  record: ConversationRecord,
  fork: bigint,
): Promise<MessageEntry[]> {
  const found: MessageEntry[] = [];
  const least = Math.max(record.first, record.next - SEARCHED);
  for (let before = record.next; before > least && found.length < REMEMBERED; before -= REMEMBERED) {
    const entries = await readHistory(client, id, record, { before, limit: REMEMBERED });
    const own = entries.filter((one): one is MessageEntry => one.kind === "message" && one.sender.own);
    found.unshift(...own.filter(({ epoch = 0n }) => epoch > fork));
    if (own.some(({ epoch = 0n }) => epoch <= fork)) break;
  }
  return found.slice(-REMEMBERED);
}

/** How many of the last messages are known again if they come twice, and how many of its own a client finds. */
const REMEMBERED = 1000;
/** Among how many entries it looks for its own. */
const SEARCHED = 20_000;

/** What tells a message from all others: its sender, by the whole key, and its ID. Of some keys the beginning can be chosen. */
export const mark = (sender: Pick<Person, "signatureKey">, id: string): string =>
  `${toHex(sender.signatureKey)} ${id}`;

/** The last messages, to know them again. */
export class Remembered {
  readonly #marks = new Set<string>();

  has(one: string): boolean {
    return this.#marks.has(one);
  }

  add(one: string): void {
    this.#marks.add(one);
    if (this.#marks.size <= REMEMBERED) return;
    const [oldest] = this.#marks;
    this.#marks.delete(oldest as string);
  }

  static async of(client: StoredClient, id: string, record: ConversationRecord): Promise<Remembered> {
    const all = new Remembered();
    for (const entry of await readHistory(client, id, record, { limit: REMEMBERED }))
      if (entry.kind === "message") all.add(mark(entry.sender, entry.id));
    return all;
  }
}
