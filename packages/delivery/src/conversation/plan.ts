// RFC 9750 §5.2: what entries of the log that were received make of a conversation: its record, its history, and who is told.
// All of it goes into one write with the state of MLS.
import {
  type ApplicationMessage,
  type CommitMessage,
  type Member,
  type MlsError,
  type Outcome,
  type ProposalMessage,
  ProposalType,
  type Received,
  toHex,
} from "@copse/core";
import type { MembersEntry, MessageEntry, Person } from "../messenger/types.js";
import { pack, unframed } from "../messenger/wire.js";
import type { LogEntry } from "../service.js";
import { type Before, cameAndWent, NO_DIFFERENCE, rejoinedBy } from "./before.js";
import { historyChange, mark, messageEntry } from "./history.js";
import type { Item } from "./item.js";
import type { Outbox } from "./outbox.js";
import { isFinished, joinAgain, TAKEN } from "./reach.js";
import {
  type ConversationRecord,
  committed,
  type EntryChange,
  followedBy,
  heardIn,
  joinedAnew,
  KEYS,
  partedIn,
  recordChange,
} from "./record.js";
import type { Early, Room } from "./room.js";
import { Said } from "./said.js";
import { Waiting } from "./waiting.js";

/** How many commits wait for proposals, or for each other. */
const MAX_COMMITS = 8;

/** After how many commits of others that were taken in a row it counts no more which were refused before. */
const MOST_HEARD = 8;

export class Plan {
  readonly #room: Room;
  readonly #outbox: Outbox;
  readonly #before: Before;
  readonly #isRetry: boolean;
  record: ConversationRecord;
  /** By their keys. */
  readonly #changes = new Map<string, Uint8Array | undefined>();
  /** What is done when it is written. */
  readonly #effects: (() => void)[] = [];
  readonly #marks = new Set<string>();
  readonly #leavers: Set<number>;
  /** The handshakes that are over now. */
  readonly #handshakes = new Set<string>();
  readonly waiting: Waiting;
  #since: Map<string, number> | undefined;
  /** The IDs of the items that stand in these entries. */
  readonly #ended = new Set<string>();
  readonly #said = new Said();
  /** A commit was refused here: how. */
  refused: "by-all" | "alone" | undefined;
  /** What makes it likely that other members are in another epoch. */
  isDoubtful = false;
  /** Whether the group came into another epoch. */
  isNewEpoch = false;
  /** Who made commits, and whom they removed; whether others came, or renewed their leaves. */
  readonly committers: Member[] = [];
  readonly gone: Member[] = [];
  hasNewMembers = false;

  /** @param isRetry whether the entries were read before, and waited */
  constructor(room: Room, outbox: Outbox, before: Before, isRetry: boolean) {
    this.#room = room;
    this.#outbox = outbox;
    this.#before = before;
    this.#isRetry = isRetry;
    this.record = room.record;
    this.#leavers = new Set(before.leavers);
    this.waiting = new Waiting(room, this.#changes);
  }

  /** Takes what became of an entry: that is decided. */
  add(entry: LogEntry, outcome: Outcome<Received>): void {
    if (!this.#isRetry) this.record = { ...this.record, cursor: entry.cursor };
    if (outcome.status === "fulfilled") this.#received(entry, outcome.value);
    else this.#rejected(entry, outcome.reason as MlsError);
  }

  /** A commit is out of force: what it did is undone. @param by whose commit came in its place */
  left({ time }: LogEntry, commit: CommitMessage, by: Member): void {
    const { added: removed, removed: added } = commit;
    this.#members(time, { ...commit, added, removed, external: false }, this.#person(by));
  }

  /** The changes to write. */
  changes(): EntryChange[] {
    const { id } = this.#room;
    const { pending, last } = this.record;
    const missed = this.#said.missed(this.#before.said, this.record);
    if (this.record.state === "active" && missed.length > 0) this.#renew([], missed);
    // What is staged still follows another handshake now.
    if (pending?.kind === "commit" && pending.after !== last)
      this.record = { ...this.record, pending: { ...pending, id: this.#room.host.newId(), after: last } };
    const { parted, followers } = this.record;
    const parting = this.#room.trust.part(parted !== undefined, followers !== undefined);
    if (parting !== undefined) this.#changes.set(parting.key, parting.value);
    if (this.#since !== undefined) this.#changes.set(KEYS.since(id), pack({ since: [...this.#since] }));
    const written = [...this.#changes].map(([key, value]) => ({ key, value }));
    return this.record === this.#room.record ? written : [recordChange(id, this.record), ...written];
  }

  /** Makes it so in memory, and tells it, after it is written. */
  apply(): void {
    const room = this.#room;
    room.record = this.record;
    if (this.#since !== undefined) room.since = this.#since;
    for (const one of this.#marks) this.#before.remembered.add(one);
    for (const effect of this.#effects) effect();
    this.waiting.apply();
    room.tellState();
    room.host.settles();
  }

  #received(entry: LogEntry, received: Received): void {
    if (this.#isRetry) this.waiting.end(entry);
    if (received.kind === "application") this.#message(entry, received);
    else if (received.kind === "commit") this.#commit(entry, received);
    else if (received.kind === "proposal") this.#proposal(received);
    else if (entry.kind === "message") this.#ownMessage(entry, received.epoch);
    // An own commit comes as `commit` the first time.
    else this.#repeated(entry);
  }

  #message(entry: LogEntry, { sender, data, epoch }: ApplicationMessage): void {
    const message = unframed(data);
    const who = this.#person(sender);
    if (message === undefined) {
      this.#report("junk", `a message of epoch ${epoch} isn't one of a conversation`, who);
      return;
    }
    const { id, content } = message;
    if (this.record.unheard) this.record = { ...this.record, unheard: undefined };
    this.#heard(epoch, sender);
    this.#say(messageEntry({ place: 0, id, time: entry.time, sender: who, epoch, data: content }));
  }

  /** Writes a message into the history, if it isn't there. */
  #say(said: MessageEntry): void {
    const one = mark(said.sender, said.id);
    if (this.#before.remembered.has(one) || this.#marks.has(one)) return;
    this.#marks.add(one);
    const entry = { ...said, place: this.record.next };
    this.#write(entry);
    const { conversation } = this.#room;
    this.#effects.push(() => this.#room.host.tell({ kind: "message", conversation, entry }));
  }

  #put(place: number, entry: MessageEntry | MembersEntry): void {
    const { key, value } = historyChange(this.#room.id, place, entry);
    this.#changes.set(key, value);
  }

  #write(entry: MessageEntry | MembersEntry): void {
    const { id, host } = this.#room;
    this.#put(this.record.next, entry);
    const next = this.record.next + 1;
    let { first } = this.record;
    for (; next - first > host.limits.history; first++) this.#changes.set(KEYS.history(id, first), undefined);
    this.record = { ...this.record, next, first };
  }

  /** @param epoch as MLS has it: the service may say what it likes */
  #ownMessage(entry: LogEntry, epoch: bigint): void {
    const item = this.#outbox.find(entry.id);
    if (item === undefined) return;
    this.#endItem(item);
    if (item.kind === "proposal") return;
    const { id, data } = item;
    const sender = this.#room.ownPerson();
    // The service may have taken a form of it that was encrypted before the one that is in the outbox now.
    const { time } = entry;
    const said = messageEntry({ place: item.place ?? this.record.next, id, time, sender, epoch, data });
    this.#said.add(said, this.record);
    if (item.place === undefined) this.#say(said);
    // What is said again stands in this epoch now, in its old place.
    else if (item.place >= this.record.first) this.#put(item.place, { ...said, time: item.time });
    this.#effects.push(() => this.#outbox.senders.done(item.number, said));
  }

  #endItem(item: Item): void {
    this.#ended.add(item.id);
    this.#changes.set(KEYS.item(this.#room.id, item.number), undefined);
    this.#effects.push(() => this.#outbox.drop(item));
  }

  #proposal({ proposal, sender }: ProposalMessage): void {
    if (proposal.proposalType !== ProposalType.remove || !("removed" in proposal)) return;
    if ("leafIndex" in sender && sender.leafIndex === proposal.removed) this.#leavers.add(proposal.removed);
  }

  /** What stands in the log in vain is sent once more, as another one. */
  #renew(items: readonly Item[], said: readonly MessageEntry[] = []): void {
    for (const { changes, apply } of [
      this.#outbox.renewed(items),
      this.#outbox.repeated(said, this.#ended),
    ]) {
      for (const one of changes) this.#changes.set(one.key, one.value);
      this.#effects.push(apply);
    }
  }

  /** A handshake that is over, whether it was taken. That says little about where the rest is: each side takes its own. */
  #passed({ cursor, epoch }: LogEntry, taken = true, isOwn = false): void {
    const { refused: before, heard: last = 0 } = this.record;
    const heard = !taken ? 0 : isOwn ? last : last + 1;
    const refused = !taken ? before + 1 : heard >= MOST_HEARD ? 0 : before;
    this.#handshakes.add(cursor);
    this.#effects.push(() => this.#room.passed(cursor));
    if (!this.#isRetry || this.record.last === cursor)
      this.record = { ...this.record, last: cursor, taken, refused, heard };
    if (refused === 0) this.record = { ...this.record, seen: undefined };
    if (!taken) this.record = { ...this.record, ...partedIn(this.record, this.#before.epoch, epoch) };
  }

  #commit(entry: LogEntry, commit: CommitMessage): void {
    const room = this.#room;
    const joins = this.record.state === "joining" && commit.own;
    const isDisputed = this.record.refused > 0;
    this.#passed(entry, true, commit.own && !joins);
    this.isNewEpoch = true;
    const by = this.#person(commit.committer);
    const wasOwn = this.record.pending !== undefined && commit.own;
    const done = wasOwn ? (this.record.pending?.wishes ?? []) : [];
    for (const number of done) this.#changes.set(KEYS.wish(room.id, number), undefined);
    const { pending } = this.record;
    const lost = !wasOwn && pending !== undefined;
    this.record = {
      ...committed(this.record, commit, isDisputed, room.host.now()),
      ...(!commit.own && { unheard: undefined }),
      ...(joins && joinedAnew(room.record, commit.epoch, entry.time)),
      // Where nobody orders, what follows may stand before it.
      ...(joins && room.host.settling && { cursor: "" }),
      ...(wasOwn && { unfinished: isFinished(room, pending) ? undefined : entry.cursor }),
    };
    // This client hasn't read what the log had before: what it has sent may stand there.
    if (joins) this.#renew(this.#outbox.items, this.#before.said);
    else if (!commit.own && !commit.external) this.#heard(commit.epoch, commit.committer);
    else if (!commit.own) this.#followed(commit);
    this.#members(entry.time, commit, by);
    this.#leavers.clear();
    const { epoch } = commit;
    this.#effects.push(() => {
      room.wishEnded(done, lost, pending);
      const { conversation } = room;
      room.host.tell({ kind: "epoch", conversation, epoch, by, bytes: entry.message.length });
    });
    if (!commit.active) this.#removed(commit);
  }

  #heard(epoch: bigint, sender: Member): void {
    this.#room.out.heard(sender);
    const others = () => (this.#room.group?.members.length ?? 1) - 1;
    this.record = heardIn(this.record, epoch, sender, this.#before.known, others);
  }

  /** Somebody has joined by an external commit. Who is new isn't owed what was said before. */
  #followed(commit: CommitMessage): void {
    const [back] = rejoinedBy(commit);
    if (back === undefined || this.#before.known?.keys.has(toHex(back.signatureKey)) === false) return;
    const { followers } = this.record;
    this.record = followedBy(this.record, commit.epoch, back);
    this.#said.isFollowed ||= this.record.followers !== followers;
  }

  #members(time: number, commit: CommitMessage, by: Person): void {
    this.committers.push(commit.committer);
    this.gone.push(...commit.removed);
    this.hasNewMembers ||= commit.added.length + commit.removed.length + commit.updated.length > 0;
    if (commit.added.length + commit.removed.length === 0) return;
    const difference = (commit.own && this.#before.difference) || NO_DIFFERENCE;
    const list = cameAndWent(commit, difference, this.#leavers, (member) => this.#person(member));
    const { epoch } = commit;
    const members: MembersEntry = { kind: "members", place: this.record.next, time, epoch, by, ...list };
    this.#since ??= new Map(this.#room.since);
    for (const { signatureKey } of members.removed) this.#since.delete(toHex(signatureKey));
    for (const { signatureKey } of members.added) this.#since.set(toHex(signatureKey), time);
    this.#write(members);
    const { conversation } = this.#room;
    this.#effects.push(() => this.#room.host.tell({ kind: "members", conversation, entry: members }));
  }

  #removed({ removed, reinit, external, added }: CommitMessage): void {
    const room = this.#room;
    if (external && added.some((one) => room.isOwn(one))) {
      this.#effects.push(() => joinAgain(room, TAKEN));
      return;
    }
    const asked =
      reinit === undefined &&
      removed.some((one) => room.isOwn(one) && this.#before.leavers.has(one.leafIndex));
    const left = asked || room.wishes.some(({ kind }) => kind === "leave");
    this.record = { ...this.record, state: left ? "left" : "removed" };
    for (const { number } of room.wishes) this.#changes.set(KEYS.wish(room.id, number), undefined);
    for (const item of this.#outbox.items) this.#changes.set(KEYS.item(room.id, item.number), undefined);
    this.waiting.endAll();
    this.#effects.push(() => room.ended());
  }

  #rejected(entry: LogEntry, error: MlsError): void {
    const { code } = error;
    if (code === "duplicate" || code === "removed" || code === "closed") {
      this.waiting.end(entry);
      if (code === "duplicate" && entry.kind === "handshake") this.#repeated(entry);
      return;
    }
    if (entry.kind === "handshake") this.#refusedCommit(entry, error);
    else this.#refusedMessage(entry, error);
  }

  /** A commit that was taken before: it comes twice, or somebody has submitted it once more, and it is a handshake like others. */
  #repeated(entry: LogEntry): void {
    if (this.#handshakes.has(entry.cursor) || this.#room.handshakes.has(entry.cursor)) return;
    this.#passed(entry, false);
    this.refused ??= "by-all";
    this.#report("junk", `a commit of epoch ${entry.epoch} was submitted again`, undefined);
  }

  #refusedMessage(entry: LogEntry, error: MlsError): void {
    if (error.code === "future-epoch") {
      this.keep(entry);
      return;
    }
    this.waiting.end(entry);
    const item = this.#outbox.find(entry.id);
    if (item !== undefined) {
      // It came so late that nobody has its keys any more.
      this.#renew([item]);
      return;
    }
    // Late proposals, and, before it has joined, what isn't for this client.
    if (error.code === "past-epoch" || error.code === "pending") return;
    if (error.code === "crypto" || error.code === "authentication") this.isDoubtful = true;
    const code = error.code === "forgotten" ? "unreadable" : "junk";
    this.#report(code, `a message of epoch ${entry.epoch} is refused: ${error.message}`, undefined, error);
  }

  #refusedCommit(entry: LogEntry, error: MlsError): void {
    if (error.code === "pending") return;
    const isBefore = (one: Early) => one.kind === "handshake" && one.epoch < entry.epoch;
    const follows = error.code === "future-epoch" && this.waiting.all.some(isBefore);
    if (error.code === "proposal-missing" || follows) {
      this.#passed(entry, false);
      this.#keepCommit(entry);
      return;
    }
    this.waiting.end(entry);
    // One of an epoch that is over: of somebody who has refused what this client has taken.
    this.#passed(entry, false);
    this.refused = error.alone === true ? "alone" : (this.refused ?? "by-all");
    if (error.leadsTo !== undefined) {
      const { epoch = this.#before.epoch, leadsTo } = error;
      const one = this.#room.trust.expect(epoch + 1n, leadsTo);
      this.#changes.set(one.key, one.value);
      this.record = { ...this.record, alone: String(epoch) };
    }
    const message = `the commit of epoch ${entry.epoch} is refused: ${error.message}`;
    this.#report("junk", message, this.#room.memberAt(error.sender), error);
  }

  /** Keeps a commit until its proposals come, or the commit that it follows. */
  #keepCommit(entry: LogEntry): void {
    if (this.#isRetry) return;
    const commits = this.waiting.all.filter(({ kind }) => kind === "handshake");
    const [first] = commits;
    if (first !== undefined && commits.length >= MAX_COMMITS) {
      this.waiting.end(first);
      this.refused ??= "by-all";
      this.#report("junk", `a commit of epoch ${first.epoch} refers to proposals that never came`, undefined);
    }
    this.keep(entry);
  }

  /** Keeps an entry until its time comes. One that was read before stays. */
  keep(entry: LogEntry): void {
    if (!this.#isRetry) this.waiting.keep(entry);
  }

  #person(member: Member): Person {
    return this.#room.host.people.person(member);
  }

  #report(code: "junk" | "unreadable", message: string, who: Person | undefined, cause?: unknown): void {
    this.#effects.push(() => this.#room.problem(code, message, { who, cause }));
  }
}
