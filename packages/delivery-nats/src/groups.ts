// The logs of groups: handshakes, each of which follows the one that it names, and messages.
import { toHex } from "@copse/core";
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
import { HEADER, isHandshake, toCursor, toLogEntry, toSequence } from "./entries.js";
import type { Heads, KnownHead } from "./heads.js";
import { fromStored, type Link, type Received } from "./link.js";
import { type Names, tokenOf } from "./names.js";
import type { Parcels } from "./parcels.js";
import { read } from "./reader.js";
import type { Welcomes } from "./welcomes.js";

/** How often a handshake is published again that nothing follows, and that isn't there. */
const TRIES = 8;
/** How many entries are looked at that are no handshakes. */
const OTHERS = 10_000;
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
  readonly #tokens = new Map<string, Promise<string>>();

  /** @param client its token */
  constructor(parts: Parts, client: string) {
    this.#parts = parts;
    this.#client = client;
  }

  /** What this client is called as the sender of entries of a group: in each it is another name. */
  async #sender(group: string): Promise<string> {
    return (await this.#token(`${group}.${this.#client}`)).slice(0, 16);
  }

  /** As {@link tokenOf}, which each message would wait for. */
  #token(name: Uint8Array | string): Promise<string> {
    const key = typeof name === "string" ? name : `bytes ${toHex(name)}`;
    const found = this.#tokens.get(key);
    if (found !== undefined) return found;
    if (this.#tokens.size >= KNOWN) this.#tokens.clear();
    const token = tokenOf(name);
    this.#tokens.set(key, token);
    return token;
  }

  /** @throws DeliveryError `invalid` if another client has used this ID */
  async #checkSender(group: string, there: Received): Promise<void> {
    if (there.header(HEADER.sender) !== (await this.#sender(group)))
      throw new DeliveryError("invalid", "another client has sent something to this group under this id");
  }

  #stream(group: string): string {
    return this.#parts.names.stream("log", this.#parts.names.partitionOf(group));
  }

  #probe(group: string): string {
    return this.#parts.names.probe("log", this.#parts.names.partitionOf(group));
  }

  async #at(group: string, sequence: number): Promise<Received | undefined> {
    const found = await this.#parts.link.get(this.#stream(group), { seq: sequence }, this.#probe(group));
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
    const { link, names } = this.#parts;
    const found = await link.last(this.#stream(group), names.handshakes(group), this.#probe(group));
    return found && fromStored(found);
  }

  async submit(handshake: Handshake): Promise<Submitted> {
    const after = toSequence(handshake.after);
    if (after === undefined) throw invalidCursor(handshake.after, "the cursor of a handshake");
    const group = await this.#token(handshake.groupId);
    const known = await this.#parts.heads.get(group);
    // Whoever follows a handshake finishes it: at most the last one isn't.
    const head =
      after > known.handshake ? await this.#finished(handshake.groupId, group, after, known) : known;
    const entry = await this.#store(group, handshake);
    // The log may have forgotten all handshakes of a group that is there.
    let last = after === 0 && head.handshake > 0 ? undefined : after;
    for (let tries = 0; tries < TRIES; tries++) {
      const stored = last === undefined ? undefined : await this.#publish(handshake, group, entry, last);
      const there = stored?.isDuplicate === true ? await this.#underId(group, stored.sequence) : undefined;
      if (there !== undefined) return this.#answer(handshake, group, there);
      // Whatever was acknowledged, the log decides: a cluster may take several at once.
      const follower = await this.#follower(group, after, handshake.after);
      if (follower !== undefined) return this.#answer(handshake, group, follower, stored && head);
      last = await this.#lastBefore(group, after, handshake.after);
    }
    throw new DeliveryError("unavailable", "other handshakes come all the time");
  }

  #publish({ id }: Handshake, group: string, entry: Unpublished, last: number) {
    const subject = this.#parts.names.handshakes(group);
    return this.#parts.link.publish({ ...entry, subject, id: `${group}.${id}`, last });
  }

  /** What is there under an ID; `undefined` if it is a handshake of this client that came too late. */
  async #underId(group: string, sequence: number): Promise<Received | undefined> {
    const there = await this.#at(group, sequence);
    if (there === undefined) return undefined;
    await this.#checkSender(group, there);
    if (there.subject !== this.#parts.names.handshakes(group))
      throw new DeliveryError("invalid", "a message has this id");
    return (await this.#isHandshake(group, there)) ? there : undefined;
  }

  /**
   * Stores what a handshake names, before it is submitted: whatever happens afterwards, an accepted one is whole, and whoever
   * meets it can finish what its sender couldn't.
   */
  async #store(group: string, handshake: Handshake): Promise<Unpublished> {
    const { after, groupInfo, welcomes } = handshake;
    const { parcels } = this.#parts;
    const [{ data, headers }, info, list] = await Promise.all([
      this.#body(group, handshake),
      parcels.put(groupInfo),
      this.#parts.welcomes.prepare(welcomes),
    ]);
    headers[HEADER.groupInfo] = info;
    if (after !== "") headers[HEADER.after] = after;
    if (list !== "") headers[HEADER.welcomes] = list;
    return { data, headers };
  }

  async #body(group: string, { id, epoch, message }: OutgoingMessage): Promise<Unpublished> {
    const headers: Record<string, string> = {
      [HEADER.id]: id,
      [HEADER.epoch]: String(epoch),
      [HEADER.sender]: await this.#sender(group),
    };
    if (message.length <= this.#parts.parcels.chunkSize) return { data: message, headers };
    headers[HEADER.parcel] = await this.#parts.parcels.put(message);
    return { data: new Uint8Array(), headers };
  }

  /**
   * The handshake that follows one: the first that names it. Others may be in between that came at the same time as the one that is
   * followed; they are none.
   * @throws DeliveryError `expired` if it isn't known; `invalid` if `after` is none
   */
  async #follower(group: string, after: number, cursor: Cursor): Promise<Received | undefined> {
    const first = await this.#first(group, after + 1);
    if (first === undefined || toSequence(first.header(HEADER.after)) === after) return first;
    const own = after === 0 ? undefined : await this.#at(group, after);
    if (own === undefined) throw expired();
    if (own.subject !== this.#parts.names.handshakes(group))
      throw invalidCursor(cursor, "the cursor of a handshake");
    return this.#naming(group, after, first);
  }

  /** The first handshake from one on that names another one. */
  async #naming(group: string, after: number, from: Received): Promise<Received | undefined> {
    let found: Received | undefined = from;
    for (let count = 0; found !== undefined && toSequence(found.header(HEADER.after)) !== after; count++) {
      if (count >= OTHERS) throw new DeliveryError("unavailable", "too much in the log that is no handshake");
      found = await this.#first(group, found.sequence + 1);
    }
    return found;
  }

  /**
   * The sequence that a handshake has to expect to be the last, if none follows the one that it names: that of one that came too
   * late, or 0, if the log has forgotten all.
   * @throws DeliveryError
   */
  async #lastBefore(group: string, after: number, cursor: Cursor): Promise<number> {
    const { heads, link, names } = this.#parts;
    const [last, head] = await Promise.all([this.#last(group), heads.get(group)]);
    if (last === undefined && head.handshake === 0) throw unknown();
    const own = after === 0 ? undefined : await this.#at(group, after);
    if (own !== undefined && own.subject === names.handshakes(group)) return last?.sequence ?? after;
    const isAhead = after > (await link.lastSequence(this.#stream(group)));
    if (own !== undefined || isAhead || (last !== undefined && after >= last.sequence))
      throw invalidCursor(cursor, "the cursor of a handshake");
    if (last !== undefined || head.handshake > after) throw expired();
    return 0;
  }

  /** @param head what is known of the group if nobody has finished this handshake yet */
  async #answer(handshake: Handshake, group: string, there: Received, head?: KnownHead): Promise<Submitted> {
    const first = await toLogEntry(there, this.#parts.parcels);
    if (first.id !== handshake.id) return { kind: "stale", first };
    await this.#checkSender(group, there);
    checkSameSubmission(first, { kind: "handshake", epoch: handshake.epoch, message: handshake.message });
    const known = head ?? (await this.#parts.heads.get(group));
    if (known.handshake < there.sequence)
      await this.#finish(handshake.groupId, group, there, handshake.groupInfo, known);
    return { kind: "accepted", cursor: first.cursor };
  }

  /** Does what a handshake's sender does after it is accepted. Whoever does it, and how often, it is the same. */
  async #finish(
    groupId: Uint8Array,
    group: string,
    accepted: Received,
    groupInfo?: Uint8Array,
    head?: KnownHead,
  ) {
    const { heads, parcels, welcomes } = this.#parts;
    await welcomes.deliver(groupId, group, accepted);
    const info = groupInfo ?? (await parcels.get(accepted.header(HEADER.groupInfo))) ?? new Uint8Array();
    await heads.put(group, accepted.sequence, info, false, head);
  }

  /** As {@link #newest}, where it is known that there is a handshake: the leader may be behind. */
  async #finished(groupId: Uint8Array, group: string, handshake: number, known: KnownHead) {
    const head = await this.#newest(groupId, group, known);
    if (head.handshake >= handshake) return head;
    await this.#parts.link.publish({ subject: this.#probe(group) });
    return this.#newest(groupId, group, head);
  }

  /** The group's newest handshake and its GroupInfo, after whatever was left to be done is done. */
  async #newest(groupId: Uint8Array, group: string, known?: KnownHead): Promise<KnownHead> {
    let head = known ?? (await this.#parts.heads.get(group));
    for (;;) {
      const first = await this.#first(group, head.handshake + 1);
      const follower = first && (await this.#naming(group, head.handshake, first));
      if (follower === undefined) return head;
      await this.#finish(groupId, group, follower, undefined, head);
      head = await this.#parts.heads.get(group);
    }
  }

  /**
   * Whether an entry on the subject of handshakes is one: the first that names the one that it follows.
   * @throws DeliveryError `unavailable` if the leader doesn't have it yet
   */
  async #isHandshake(group: string, entry: Received): Promise<boolean> {
    if (entry.subject !== this.#parts.names.handshakes(group)) return false;
    const after = toSequence(entry.header(HEADER.after));
    if (after === undefined || after >= entry.sequence) return false;
    const first = await this.#first(group, after + 1);
    const found = first && (await this.#naming(group, after, first));
    if (found === undefined) throw new DeliveryError("unavailable", "the leader of the log is behind");
    return found.sequence === entry.sequence;
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

  async send(message: OutgoingMessage): Promise<Cursor> {
    const group = await this.#token(message.groupId);
    await this.#checkKnown(group);
    const entry = await this.#body(group, message);
    const { link, names } = this.#parts;
    const stored = await link.publish({
      ...entry,
      subject: names.messages(group),
      id: `${group}.${message.id}`,
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
    const group = await this.#token(groupId);
    const start = await link.run(options, () => this.#checkReadable(group, from, after));
    let newest = start && isHandshake(start) ? from : undefined;
    const reading = {
      ...options,
      stream: this.#stream(group),
      subject: `${names.log(group)}.*`,
      from: from + 1,
    };
    for await (const { entries, behind } of read(link, reading, heartbeat)) {
      const known = await link.run(options, async () => {
        const kept: Received[] = [];
        for (const entry of entries) {
          if (isHandshake(entry)) {
            // What came at the same time as the one that is followed is none.
            const after = toSequence(entry.header(HEADER.after));
            const follows = newest === undefined ? await this.#isHandshake(group, entry) : after === newest;
            if (!follows) continue;
            newest = entry.sequence;
          }
          kept.push(entry);
        }
        return Promise.all(kept.map((entry) => toLogEntry(entry, parcels)));
      });
      yield { entries: known, behind };
    }
  }

  /**
   * Checks that nothing is missing after a cursor. Entries are forgotten in their order: if its own is there, what follows is.
   * If it isn't, nobody can say what was between.
   */
  async #checkReadable(group: string, after: number, cursor: Cursor): Promise<Received | undefined> {
    await this.#checkKnown(group);
    if (after === 0) return undefined;
    const entry = await this.#at(group, after);
    if (entry?.subject.startsWith(`${this.#parts.names.log(group)}.`)) return entry;
    const isAhead = entry === undefined && after > (await this.#parts.link.lastSequence(this.#stream(group)));
    throw entry !== undefined || isAhead ? invalidCursor(cursor, "a cursor") : expired();
  }

  async groupInfo(groupId: Uint8Array): Promise<PublishedGroupInfo | undefined> {
    const head = await this.#newest(groupId, await this.#token(groupId));
    if (head.handshake === 0) return undefined;
    return { groupInfo: await this.#parts.heads.groupInfo(head), handshake: toCursor(head.handshake) };
  }

  async publishGroupInfo(
    groupId: Uint8Array,
    { groupInfo, handshake }: PublishedGroupInfo,
  ): Promise<boolean> {
    const sequence = toSequence(handshake);
    const group = await this.#token(groupId);
    const head = await this.#newest(groupId, group);
    if (head.handshake === 0) throw unknown();
    if (!sequence) throw invalidCursor(handshake, "the cursor of a handshake");
    return sequence === head.handshake && this.#parts.heads.put(group, sequence, groupInfo, true, head);
  }
}
