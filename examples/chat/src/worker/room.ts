// A conversation with what the page shows of it.
import { equalBytes, toHex } from "@copse/core";
import type { Conversation, HistoryEntry, MembersEntry, MessageEntry, Person } from "@copse/delivery";
import type { Inside, Item, LogLine, WireLine } from "../shared/view.js";
import { layOut } from "../tree/layout.js";
import { NO_PATH, pathOf } from "../tree/path.js";
import { readTree, type Tree } from "../tree/read.js";
import type { Passed } from "./line.js";
import {
  type CommitRecord,
  deedOf,
  isJoining,
  wordsForCommit,
  wordsForJoining,
  wordsForMembers,
  wordsForMessage,
} from "./words.js";

const PAGE = 60;
const [LINES, WIRE] = [60, 8];

/** Its text is made when it is shown, as more may be known by then. */
interface Noted extends Omit<LogLine, "text"> {
  readonly text: () => string;
}

export class Room {
  readonly conversation: Conversation;
  /** In their order, without gaps, up to the newest. */
  #entries: HistoryEntry[] = [];
  #hasEarlier = false;
  #tree: Tree | undefined;
  #last: CommitRecord | undefined;
  #lines: Noted[] = [];
  #wire: WireLine[] = [];
  #number: { readonly epoch: bigint; readonly digits: string } | undefined;
  /** Sizes on the wire, by the IDs of entries. */
  readonly #sizes = new Map<string, number>();
  #count = 0;

  private constructor(conversation: Conversation, last: CommitRecord | undefined) {
    this.conversation = conversation;
    this.#last = last;
  }

  /** @param last the newest commit that was seen of it */
  static async open(conversation: Conversation, last: CommitRecord | undefined): Promise<Room> {
    const room = new Room(conversation, last);
    const { group } = conversation;
    room.#tree = group && readTree(group.ratchetTree);
    await room.earlier();
    return room;
  }

  /** Reads the entries before those that are there. */
  async earlier(): Promise<void> {
    const [first] = this.#entries;
    const before = first?.place;
    const more = await this.conversation.history({ limit: PAGE, ...(before !== undefined && { before }) });
    const known = new Set(this.#entries.map(({ place }) => place));
    this.#entries = [...more.filter(({ place }) => !known.has(place)), ...this.#entries];
    this.#hasEarlier = more.length === PAGE;
  }

  get last(): HistoryEntry | undefined {
    return this.conversation.outbox().at(-1) ?? this.#entries.at(-1);
  }

  get lastPlace(): number {
    return this.#entries.at(-1)?.place ?? -1;
  }

  unread(after: number): number {
    return this.#entries.filter(
      (entry) => entry.kind === "message" && !entry.sender.own && (entry.place ?? 0) > after,
    ).length;
  }

  #add(entry: HistoryEntry): void {
    if ((entry.place ?? 0) > this.lastPlace) this.#entries.push(entry);
  }

  said(entry: MessageEntry): void {
    this.#add(entry);
    const { sender, text, id, time } = entry;
    this.note("message", () => wordsForMessage(sender, text, this.#sizes.get(id)), time);
  }

  membersChanged(entry: MembersEntry): void {
    this.#add(entry);
    if (isJoining(entry)) this.note("welcome", () => wordsForJoining(entry.by.user, entry.epoch));
  }

  /** A commit has started an epoch. @returns what is known of it */
  commit(epoch: bigint, by: Person, bytes: number): CommitRecord | undefined {
    const { group } = this.conversation;
    if (group === undefined) return undefined;
    const tree = readTree(group.ratchetTree);
    const path = pathOf(tree, this.#leafOf(by) ?? 0, this.#tree);
    const record = { epoch: String(epoch), by: { user: by.user, own: by.own }, bytes, path };
    this.#tree = tree;
    this.#last = record;
    this.note("commit", () => wordsForCommit(record, this.#membersEntry(epoch)));
    return record;
  }

  #leafOf({ signatureKey }: Person): number | undefined {
    return this.conversation.members.find((one) => equalBytes(one.signatureKey, signatureKey))?.leafIndex;
  }

  #membersEntry(epoch: bigint): MembersEntry | undefined {
    const isIt = (entry: HistoryEntry): entry is MembersEntry =>
      entry.kind === "members" && entry.epoch === epoch;
    return this.#entries.find(isIt);
  }

  note(kind: LogLine["kind"], text: () => string, time = Date.now()): void {
    this.#lines = [{ id: `line-${this.#count++}`, kind, time, text }, ...this.#lines].slice(0, LINES);
  }

  passed({ what, isOut, bytes, entry }: Passed): void {
    const line = { id: `wire-${this.#count++}`, time: Date.now(), what, isOut, bytes };
    this.#wire = [line, ...this.#wire].slice(0, WIRE);
    if (entry === undefined) return;
    this.#sizes.set(entry, bytes);
    for (const oldest of this.#sizes.keys()) {
      if (this.#sizes.size <= 4 * LINES) break;
      this.#sizes.delete(oldest);
    }
  }

  items(): Item[] {
    return [...this.#entries, ...this.conversation.outbox()].flatMap(itemOf);
  }

  get hasEarlier(): boolean {
    return this.#hasEarlier;
  }

  #beganBy(last: CommitRecord | undefined, entry: MembersEntry | undefined): string {
    const by = last?.by ?? entry?.by;
    if (by !== undefined) return `${deedOf({ by }, entry)}.`;
    return "It had begun before this page was loaded.";
  }

  /** @returns `undefined` if this client is no member, or not yet */
  async inside(): Promise<Inside | undefined> {
    const { group, members, state, epoch } = this.conversation;
    if (group === undefined || state === "left" || state === "removed") return undefined;
    if (this.#number?.epoch !== epoch) {
      this.#number = { epoch, digits: await this.conversation.safetyNumber() };
    }
    const tree = readTree(group.ratchetTree);
    const last = this.#last?.epoch === String(epoch) ? this.#last : undefined;
    const entry = this.#membersEntry(epoch);
    const path = last?.path ?? (entry ? pathOf(tree, this.#leafOf(entry.by) ?? 0) : NO_PATH);
    const named = members.map(({ leafIndex, user }) => ({ leafIndex, name: user }));
    return {
      epoch: String(epoch),
      suite: `Cipher suite ${group.cipherSuite.id}: ${group.cipherSuite.kem.name}, ${group.cipherSuite.aead.name}`,
      groupNumber: this.#number.digits,
      began: this.#beganBy(last, entry),
      drawing: layOut(tree, named, path),
      log: this.#lines.map(({ text, ...line }) => ({ ...line, text: text() })),
      wire: this.#wire,
    };
  }
}

function itemOf(entry: HistoryEntry): Item[] {
  const { time } = entry;
  if (entry.kind === "members") {
    const text = wordsForMembers(entry);
    return text === "" ? [] : [{ kind: "notice", id: `place-${entry.place}`, time, text }];
  }
  const { id, sender, text, place } = entry;
  return [
    { kind: "message", id, time, name: sender.user, mine: sender.own, text, waits: place === undefined },
  ];
}

/** What tells a client from all others. */
export const keyOf = ({ signatureKey }: Pick<Person, "signatureKey">): string => toHex(signatureKey);
