// The logs of groups: handshakes, each of which follows the one that it names, and messages.
import { checkSameSubmission } from "@copse/delivery/rules";
import {
  type Batch,
  type CallOptions,
  type Cursor,
  DeliveryError,
  type Handshake,
  type LogEntry,
  type OutgoingMessage,
  type PublishedGroupInfo,
  type Submitted,
} from "@copse/delivery/service";
import { HEADER, toCursor, toLogEntry, toMessageId, toSequence } from "./entries.js";
import type { Heads, KnownHead } from "./heads.js";
import { type Accepted, fromStored, type Link, type Received } from "./link.js";
import { type Names, tokenOf } from "./names.js";
import type { Parcels } from "./parcels.js";
import { read } from "./reader.js";
import type { Welcomes } from "./welcomes.js";

/** How many groups a client remembers to be there. */
const KNOWN = 10_000;

/** The parts of a service. */
export interface Parts {
  readonly link: Link;
  readonly names: Names;
  readonly parcels: Parcels;
  readonly heads: Heads;
  readonly welcomes: Welcomes;
}

/** An entry that isn't in a log yet. */
interface Unpublished {
  readonly data: Uint8Array;
  readonly headers: Record<string, string>;
}

const invalidCursor = (cursor: Cursor, what: string) =>
  new DeliveryError("invalid", `after: expected ${what} of this group, got "${cursor}"`);

const unknown = () => new DeliveryError("not-found", "the service does not know this group");

const expired = () => new DeliveryError("expired", "what follows this cursor isn't kept any more");

export class Groups {
  readonly #parts: Parts;
  readonly #client: string;
  readonly #known = new Set<string>();

  /** @param client its token */
  constructor(parts: Parts, client: string) {
    this.#parts = parts;
    this.#client = client;
  }

  /** What this client is called as the sender of entries of a group: in each it is another name. */
  async #sender(group: string): Promise<string> {
    return (await tokenOf(`${group}.${this.#client}`)).slice(0, 16);
  }

  /** @throws DeliveryError `invalid` if another client has used this ID */
  async #checkSender(group: string, there: Received): Promise<void> {
    if (there.header(HEADER.sender) !== (await this.#sender(group)))
      throw new DeliveryError("invalid", "another client has sent something to this group under this id");
  }

  #stream(group: string): string {
    return this.#parts.names.stream("log", this.#parts.names.partitionOf(group));
  }

  async #at(group: string, sequence: number): Promise<Received | undefined> {
    const found = await this.#parts.link.get(this.#stream(group), { seq: sequence });
    return found && fromStored(found);
  }

  /** The first handshake from a sequence on. */
  async #first(group: string, from: number): Promise<Received | undefined> {
    const found = await this.#parts.link.first(
      this.#stream(group),
      this.#parts.names.handshakes(group),
      from,
    );
    return found && fromStored(found);
  }

  async #last(group: string): Promise<Received | undefined> {
    const found = await this.#parts.link.last(this.#stream(group), this.#parts.names.handshakes(group));
    return found && fromStored(found);
  }

  async submit(handshake: Handshake): Promise<Submitted> {
    const after = toSequence(handshake.after);
    if (after === undefined) throw invalidCursor(handshake.after, "the cursor of a handshake");
    const group = await tokenOf(handshake.groupId);
    const head = await this.#parts.heads.get(group);
    // Whoever follows a handshake finishes it: at most the last one isn't.
    if (after > head.handshake) await this.#finishAt(handshake.groupId, group, after);
    const entry = await this.#store(group, handshake);
    // The log may have forgotten all handshakes of a group that is there.
    const isNew = after > 0 || head.handshake === 0;
    let stored = isNew ? await this.#publish(handshake, group, entry, after) : undefined;
    if (stored === undefined) {
      const follower = await this.#follower(group, after, handshake.after);
      if (follower !== undefined) return this.#answer(handshake, group, follower);
      await this.#checkForgotten(group, after, handshake.after);
      stored = await this.#publish(handshake, group, entry, 0);
    }
    if (stored === undefined)
      throw new DeliveryError("unavailable", "another handshake came at the same time");
    if (stored.isDuplicate) {
      const there = await this.#at(group, stored.sequence);
      if (there !== undefined) return this.#answer(handshake, group, there);
    }
    const header = (name: string) => entry.headers[name] ?? "";
    return this.#accept(handshake, group, { sequence: stored.sequence, header }, head);
  }

  /**
   * Stores what a handshake names, before it is submitted: whatever happens afterwards, an accepted one is whole, and whoever
   * meets it can finish what its sender couldn't.
   */
  async #store(
    group: string,
    { epoch, after, message, groupInfo, welcomes }: Handshake,
  ): Promise<Unpublished> {
    const { parcels } = this.#parts;
    const [{ data, headers }, info, list] = await Promise.all([
      this.#body(group, epoch, message),
      parcels.put(groupInfo),
      welcomes.length === 0 ? "" : this.#parts.welcomes.prepare(welcomes),
    ]);
    headers[HEADER.groupInfo] = info;
    if (after !== "") headers[HEADER.after] = after;
    if (list !== "") headers[HEADER.welcomes] = list;
    return { data, headers };
  }

  async #body(group: string, epoch: bigint, message: Uint8Array): Promise<Unpublished> {
    const headers: Record<string, string> = {
      [HEADER.epoch]: String(epoch),
      [HEADER.sender]: await this.#sender(group),
    };
    if (message.length <= this.#parts.parcels.chunkSize) return { data: message, headers };
    headers[HEADER.parcel] = await this.#parts.parcels.put(message);
    return { data: new Uint8Array(), headers };
  }

  #publish({ id }: Handshake, group: string, entry: Unpublished, last: number) {
    const subject = this.#parts.names.handshakes(group);
    return this.#parts.link.publish({ ...entry, subject, id: toMessageId(id, group), last });
  }

  /** The handshake that follows one. @throws DeliveryError `expired` if it isn't known; `invalid` if `after` is none */
  async #follower(group: string, after: number, cursor: Cursor): Promise<Received | undefined> {
    const first = await this.#first(group, after + 1);
    const own = after === 0 ? undefined : await this.#at(group, after);
    if (own !== undefined && own.subject !== this.#parts.names.handshakes(group))
      throw invalidCursor(cursor, "the cursor of a handshake");
    if (own === undefined && first !== undefined && toSequence(first.header(HEADER.after)) !== after)
      throw expired();
    return first;
  }

  /**
   * Checks that a handshake is a group's last, though none is in the log any more.
   * @throws DeliveryError
   */
  async #checkForgotten(group: string, after: number, cursor: Cursor): Promise<void> {
    const [last, head, end] = await Promise.all([
      this.#last(group),
      this.#parts.heads.get(group),
      this.#parts.link.lastSequence(this.#stream(group)),
    ]);
    if (last === undefined && head.handshake === 0) throw unknown();
    if (last?.sequence === after)
      throw new DeliveryError("unavailable", "NATS has not caught up with this handshake");
    if (last !== undefined || after > end) throw invalidCursor(cursor, "the cursor of a handshake");
    if (head.handshake > after) throw expired();
  }

  async #answer(handshake: Handshake, group: string, there: Received): Promise<Submitted> {
    const first = await toLogEntry(there, this.#parts.parcels);
    if (first.id !== handshake.id) return { kind: "stale", first };
    await this.#checkSender(group, there);
    checkSameSubmission(first, { kind: "handshake", epoch: handshake.epoch, message: handshake.message });
    const head = await this.#parts.heads.get(group);
    if (head.handshake >= there.sequence) return { kind: "accepted", cursor: first.cursor };
    return this.#accept(handshake, group, there, head);
  }

  async #accept(
    handshake: Handshake,
    group: string,
    accepted: Accepted,
    head?: KnownHead,
  ): Promise<Submitted> {
    await this.#finish(handshake.groupId, group, accepted, handshake.groupInfo, head);
    return { kind: "accepted", cursor: toCursor(accepted.sequence) };
  }

  /** Does what a handshake's sender does after it is accepted. Whoever does it, and how often, it is the same. */
  async #finish(
    groupId: Uint8Array,
    group: string,
    accepted: Accepted,
    groupInfo?: Uint8Array,
    head?: KnownHead,
  ) {
    const { heads, parcels, welcomes } = this.#parts;
    await welcomes.deliver(groupId, group, accepted);
    const info = groupInfo ?? (await parcels.get(accepted.header(HEADER.groupInfo))) ?? new Uint8Array();
    await heads.put(group, accepted.sequence, info, false, head);
  }

  async #finishAt(groupId: Uint8Array, group: string, sequence: number): Promise<void> {
    const entry = await this.#at(group, sequence);
    if (entry?.subject === this.#parts.names.handshakes(group)) await this.#finish(groupId, group, entry);
  }

  async #isKnown(group: string): Promise<boolean> {
    if (this.#known.has(group)) return true;
    if ((await this.#parts.heads.get(group)).handshake === 0 && (await this.#last(group)) === undefined)
      return false;
    if (this.#known.size >= KNOWN) this.#known.clear();
    this.#known.add(group);
    return true;
  }

  async #checkKnown(group: string): Promise<void> {
    if (!(await this.#isKnown(group))) throw unknown();
  }

  async send({ id, groupId, epoch, message }: OutgoingMessage): Promise<Cursor> {
    const group = await tokenOf(groupId);
    await this.#checkKnown(group);
    const entry = await this.#body(group, epoch, message);
    const { link, names } = this.#parts;
    const stored = await link.publish({
      ...entry,
      subject: names.messages(group),
      id: toMessageId(id, group),
    });
    if (stored === undefined)
      throw new DeliveryError("unavailable", "NATS has refused a message for its sequence");
    const there = stored.isDuplicate ? await this.#at(group, stored.sequence) : undefined;
    if (there !== undefined) await this.#checkSender(group, there);
    // Its bytes may be others: a client that doesn't know whether a message has come may have encrypted it anew.
    if (there?.subject === names.handshakes(group))
      throw new DeliveryError("invalid", "a handshake has this id");
    return toCursor(stored.sequence);
  }

  async *read(
    groupId: Uint8Array,
    after: Cursor,
    heartbeat: number,
    options: CallOptions,
  ): AsyncGenerator<Batch<LogEntry>> {
    const { link, names, parcels } = this.#parts;
    const from = toSequence(after);
    if (from === undefined) throw invalidCursor(after, "a cursor");
    const group = await tokenOf(groupId);
    await link.run(options, () => this.#checkReadable(group, from, after));
    const reading = {
      ...options,
      stream: this.#stream(group),
      subject: `${names.log(group)}.*`,
      from: from + 1,
    };
    for await (const { entries, behind } of read(link, reading, heartbeat)) {
      const known = await link.run(options, () =>
        Promise.all(entries.map((entry) => toLogEntry(entry, parcels))),
      );
      yield { entries: known, behind };
    }
  }

  /**
   * Checks that nothing is missing after a cursor. Entries are forgotten in their order: if its own is there, what follows is.
   * If it isn't, nobody can say what was between.
   */
  async #checkReadable(group: string, after: number, cursor: Cursor): Promise<void> {
    await this.#checkKnown(group);
    if (after === 0) return;
    const entry = await this.#at(group, after);
    if (entry?.subject.startsWith(`${this.#parts.names.log(group)}.`)) return;
    const isAhead = entry === undefined && after > (await this.#parts.link.lastSequence(this.#stream(group)));
    throw entry !== undefined || isAhead ? invalidCursor(cursor, "a cursor") : expired();
  }

  async groupInfo(groupId: Uint8Array): Promise<PublishedGroupInfo | undefined> {
    const group = await tokenOf(groupId);
    const [last, known] = await Promise.all([this.#last(group), this.#parts.heads.get(group)]);
    const isFinished = last === undefined || last.sequence <= known.handshake;
    if (!isFinished) await this.#finish(groupId, group, last);
    const head = isFinished ? known : await this.#parts.heads.get(group);
    if (head.handshake === 0) return undefined;
    return { groupInfo: await this.#parts.heads.groupInfo(head), handshake: toCursor(head.handshake) };
  }

  async publishGroupInfo(
    groupId: Uint8Array,
    { groupInfo, handshake }: PublishedGroupInfo,
  ): Promise<boolean> {
    const sequence = toSequence(handshake);
    const group = await tokenOf(groupId);
    const [last, head] = await Promise.all([this.#last(group), this.#parts.heads.get(group)]);
    const newest = last?.sequence ?? head.handshake;
    if (newest === 0) throw unknown();
    if (!sequence) throw invalidCursor(handshake, "the cursor of a handshake");
    if (sequence !== newest) return false;
    // Its Welcomes come first: a newer GroupInfo would say that they were delivered.
    if (last !== undefined && last.sequence > head.handshake) await this.#finish(groupId, group, last);
    return this.#parts.heads.put(group, sequence, groupInfo, true);
  }
}
