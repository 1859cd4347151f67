// A conversation: a group, with what is to be sent, what is wished, and what was said.
import {
  type AbortSignalLike,
  type Bytes,
  type Group,
  MlsError,
  type OperationOptions,
  toHex,
} from "@copse/core";
import { endOf, isUndecided, MessengerError } from "../messenger/errors.js";
import { groupNumber, safetyNumber } from "../messenger/people.js";
import { called } from "../messenger/platform.js";
import type {
  Conversation,
  ConversationState,
  HistoryEntry,
  HistoryOptions,
  MessageEntry,
  Outgoing,
  Participant,
} from "../messenger/types.js";
import { utf8 } from "../messenger/wire.js";
import { Doubt } from "./doubt.js";
import { Driver } from "./driver.js";
import { MAX_HISTORY, partOf, readHistory } from "./history.js";
import type { Host } from "./host.js";
import { Joiner } from "./joiner.js";
import { Outbox } from "./outbox.js";
import { joinAgain, missing, unread } from "./reach.js";
import { Reader } from "./reader.js";
import { type ConversationRecord, type HistoryPlaces, KEYS, type Wish } from "./record.js";
import { Room } from "./room.js";
import type { Follower } from "./settling.js";
import { type Client, needClients, needUsers } from "./users.js";
import { Wishes } from "./wishes.js";

/** How many entries are deleted in one write. */
const AT_ONCE = 1000;

type Follow = (room: Room, outbox: Outbox, wishes: Wishes) => Follower;

export class GroupConversation implements Conversation {
  readonly #room: Room;
  readonly #outbox: Outbox;
  readonly #wishes: Wishes;
  readonly #joiner: Joiner;
  readonly #driver: Driver;
  readonly #doubt: Doubt;
  readonly #reader: Reader;
  readonly #follower: Follower | undefined;

  constructor(host: Host, id: string, record: ConversationRecord) {
    const room = new Room(host, id, record);
    this.#room = room;
    this.#outbox = new Outbox(room);
    this.#wishes = new Wishes(room);
    this.#driver = new Driver(room, this.#outbox, this.#wishes, () => this.#doubt.raise(false));
    this.#joiner = new Joiner(room, (error) => this.#refuse(error));
    this.#doubt = new Doubt(room);
    const caughtUp = () => {
      // Where nobody orders, what isn't there may still come.
      if (this.#follower !== undefined) {
        room.wake();
        return;
      }
      this.#outbox.recheck();
      this.#driver.recheck();
    };
    const doubt = (isRefused: boolean) => this.#doubt.raise(isRefused);
    const follow = host.settling?.follow as Follow | undefined;
    this.#follower = follow?.(room, this.#outbox, this.#wishes);
    this.#reader = new Reader(room, this.#outbox, this.#joiner, doubt, caughtUp, this.#follower);
    room.begin(this, [this.#outbox, this.#driver], () => this.#reader.start());
    room.wishEnded = (done, isLost, pending) => this.#driver.merged(done, isLost, pending);
    room.ended = () => this.#ended();
    room.reloaded = (before) => this.#reloaded(before);
  }

  get id(): string {
    return this.#room.id;
  }

  get groupId(): Bytes {
    return this.#room.groupId.slice();
  }

  get name(): string | undefined {
    return this.#room.record.name;
  }

  get state(): ConversationState {
    return this.#room.state;
  }

  get epoch(): bigint {
    return this.group?.epoch ?? 0n;
  }

  get members(): readonly Participant[] {
    return this.#room.participants();
  }

  get group(): Group | undefined {
    return this.#room.group;
  }

  async send(content: string | Uint8Array, { signal }: OperationOptions = {}): Promise<Outgoing> {
    this.#room.needMember();
    const isText = typeof content === "string";
    if (!isText && !(content instanceof Uint8Array))
      throw new MessengerError("usage", `expected a text or bytes, got ${typeof content}`);
    return this.#outbox.add(isText ? utf8(content) : content.slice(), signal);
  }

  outbox(): readonly MessageEntry[] {
    return this.#outbox.entries();
  }

  async invite(users: readonly string[], { signal }: OperationOptions = {}): Promise<void> {
    await this.#wishes.fulfil({ kind: "invite", users: needUsers(users) }, signal);
  }

  async remove(who: readonly (string | Client)[], { signal }: OperationOptions = {}): Promise<void> {
    const { users, clients } = needClients(who);
    this.#room.needMember();
    const known = this.group?.active ? this.members : undefined;
    const isThere = (found: (one: Participant) => boolean) => known?.some(found) ?? true;
    const missing = [
      ...users.filter((name) => !isThere(({ user }) => user === name)),
      ...clients.filter((key) => !isThere(({ signatureKey }) => toHex(signatureKey) === key)),
    ];
    if (missing.length > 0)
      throw new MessengerError(
        "unknown-user",
        `expected members of the conversation, got ${missing.join(", ")}`,
      );
    await this.#wishes.fulfil({ kind: "remove", users, clients }, signal);
  }

  async update({ signal }: OperationOptions = {}): Promise<void> {
    await this.#wishes.fulfil({ kind: "update" }, signal);
  }

  async leave({ signal }: OperationOptions = {}): Promise<void> {
    await this.#wishes.fulfil({ kind: "leave" }, signal);
  }

  async history(options: HistoryOptions = {}): Promise<readonly HistoryEntry[]> {
    const part = partOf(options);
    const { host, id, record } = this.#room;
    return called(host, options, () => readHistory(host.client, id, record, part));
  }

  async safetyNumber(
    person?: Client & { readonly user: string },
    options: OperationOptions = {},
  ): Promise<string> {
    const { host } = this.#room;
    const { hash } = host.provider;
    return called(host, options, async () => {
      if (person !== undefined) return safetyNumber(hash, this.#room.ownPerson(), person);
      const { group } = this.#room;
      if (group === undefined) throw new MessengerError("usage", "this client isn't in the group now");
      return groupNumber(hash, group.epochAuthenticator);
    });
  }

  async delete(options: OperationOptions = {}): Promise<void> {
    const { host } = this.#room;
    const work = async () => {
      if (!this.#room.isOver) throw new MessengerError("usage", "expected a conversation that is over");
      if (!host.has(this)) throw new MessengerError("gone", "it was deleted, or goes on as another one");
      await this.erase();
    };
    await called(host, options, () => host.turn(this.id, work));
  }

  /** As `settled` finds it. @internal */
  get refusal(): MessengerError | undefined {
    return this.#room.refusal;
  }

  set refusal(refusal: MessengerError | undefined) {
    this.#room.refusal = refusal;
  }

  // What the messenger does with it.

  /** Makes it so that commits of `users` begin it. @internal */
  wishToStart(users: readonly string[]) {
    return this.#wishes.make("start", users);
  }

  /** Takes a group that was made or joined just now. @internal */
  begin(group: Group, wish?: Wish): Promise<void> | undefined {
    this.#room.group = group;
    const done = wish && this.#wishes.enter(wish);
    if (wish === undefined) this.#reader.start();
    else this.#driver.wake();
    return done;
  }

  /** Gives up to begin it, unless that is too late. @internal */
  async giveUp(wish: Wish): Promise<void> {
    await this.#wishes.withdraw(wish);
    if (!this.#room.wishes.includes(wish) && this.#room.record.state === "starting") await this.discard();
  }

  /** Deletes one that came to nothing. @internal */
  async discard(): Promise<void> {
    const { host } = this.#room;
    const work = async () => {
      if (host.has(this)) await this.erase();
    };
    await host.turn(this.id, work).catch((cause) => {
      this.#room.problem("storage", "a conversation that came to nothing can't be deleted", { cause });
      host.forget(this.id);
    });
  }

  /** Joins a group that this client isn't in. @returns resolves when it is a member @internal */
  joinAnew(): Promise<void> {
    this.#joiner.isNew = true;
    this.#room.lost = "it isn't a member yet";
    this.#reader.start();
    return this.#joiner.joined.promise;
  }

  /** Goes on after a restart. @internal */
  async resume(): Promise<void> {
    const room = this.#room;
    await room.load();
    await this.#outbox.load();
    if (room.isOver) {
      room.group = await this.#find().catch(() => undefined);
      return;
    }
    try {
      if (room.record.state === "joining") room.joining = await this.#find(true);
      // While that one is open, the one whose place it takes can't be.
      if (room.joining === undefined) room.group = await this.#find();
    } catch (cause) {
      // Nothing is decided about it: to join again would lose what came meanwhile.
      if (!(cause instanceof MlsError) || isUndecided(cause)) throw cause;
      room.problem("storage", "the state of the group can't be read", { retry: true, cause });
    }
    const { state } = room.record;
    if (state === "starting" && !room.wishes.some(({ kind }) => kind === "start")) return this.erase();
    if (state === "starting" && room.group !== undefined) {
      this.#driver.wake();
      return;
    }
    room.lost = missing(room);
    this.#reader.start();
    this.#doubt.resume();
  }

  async #find(joining = false): Promise<Group | undefined> {
    const known = this.#room.known(joining);
    return known && this.#room.host.client.group(known);
  }

  /** Ends it, to begin again as another one. @returns where its history goes on @internal */
  async retire(): Promise<HistoryPlaces> {
    const room = this.#room;
    const { next, first } = room.record;
    await this.close();
    await room.turn(async () => {
      const left = await this.#leftovers();
      await room.host.client.writeEntries(left.map((key) => ({ key, value: undefined })));
    });
    return { next, first };
  }

  /** The keys of what is to be done. */
  async #leftovers(): Promise<string[]> {
    const { id, host } = this.#room;
    const kinds = [KEYS.outbox, KEYS.wishes, KEYS.early, KEYS.branches, KEYS.announcements];
    const lists = kinds.map((prefix) => host.client.listEntries(prefix(id)));
    return [KEYS.trust(id), ...(await Promise.all(lists)).flatMap((list) => list.map(({ key }) => key))];
  }

  /** Deletes all that is stored of it. @internal */
  async erase(): Promise<void> {
    const room = this.#room;
    room.isDeleted = true;
    this.#stop();
    this.#rejectAll(new MessengerError("gone", "the conversation was deleted"));
    await this.#reader.end();
    await room.turn(async () => {
      const { client } = room.host;
      const { id, record } = room;
      const keys: string[] = [];
      for (let place = record.first; place < record.next; place++) keys.push(KEYS.history(id, place));
      keys.push(...(await this.#leftovers()));
      for (const joining of [false, true]) await room.deleteKnown(joining);
      // Last: until then it is there, to be deleted again.
      keys.push(KEYS.since(id), KEYS.conversation(id), KEYS.listed(id));
      for (let i = 0; i < keys.length; i += AT_ONCE)
        await client.writeEntries(keys.slice(i, i + AT_ONCE).map((key) => ({ key, value: undefined })));
    });
    room.group = undefined;
    room.host.forget(room.id);
  }

  /** Resolves when there is nothing to do. @internal */
  get isSettled(): boolean {
    const { record, caughtUp, isInDoubt, isOver, wishes } = this.#room;
    const waits = wishes.some(({ kind }) => kind !== "leave");
    const finishes = record.unfinished !== undefined && (this.#driver.isSubmitting || this.#doubt.isLooking);
    const isIdle = this.#outbox.isEmpty && record.pending === undefined && !waits && !finishes;
    return isOver || (caughtUp && !isInDoubt && isIdle);
  }

  /** Whether all is read that the service has now. @internal */
  async isUpToDate(signal: AbortSignalLike): Promise<boolean> {
    if (this.#room.isOver) return true;
    const { entries, behind } = await unread(this.#room, signal);
    return entries.length + behind === 0 && this.isSettled;
  }

  /** @internal */
  async close(): Promise<void> {
    this.#stop();
    this.#rejectAll(endOf(this.#room.host.signal));
    await this.#reader.end();
    await Promise.all([this.#outbox.idle(), this.#driver.idle(), this.#doubt.idle()]);
    await this.#room.turn(async () => undefined);
  }

  /** Tells what was written though the storage said that it failed. */
  async #reloaded(before: ConversationRecord): Promise<void> {
    const room = this.#room;
    await this.#outbox.load();
    this.#follower?.reset();
    const entries = await this.history({ after: before.next - 1, limit: MAX_HISTORY });
    for (const entry of entries)
      room.host.tell(
        entry.kind === "message"
          ? { kind: "message", conversation: this, entry }
          : { kind: "members", conversation: this, entry },
      );
    this.#outbox.senders.found(entries);
    this.#wishes.found();
    room.tellState();
    if (room.isOver && before.state !== room.record.state) this.#ended();
    if (room.isEnded) return;
    // What follows the write wasn't done.
    if (before.state === "joining" && room.record.state === "active") this.#joiner.done();
    const lacks = missing(room);
    if (lacks !== undefined && room.lost === undefined) joinAgain(room, lacks);
    this.#doubt.resume();
  }

  #stop(): void {
    this.#room.end();
    this.#doubt.end();
  }

  /** All that is open is given up, and answered. */
  async #refuse(error: MessengerError): Promise<void> {
    const room = this.#room;
    await room.turn(async () => {
      const refused = room.wishes.length + this.#outbox.items.length;
      for (const wish of room.wishes) await this.#wishes.end(wish, error);
      await this.#outbox.refuse(error);
      if (refused > 0) room.tellState();
    });
  }

  #rejectAll(error: MessengerError): void {
    this.#joiner.joined.reject(error);
    this.#outbox.end(error);
    this.#wishes.close(error);
  }

  #ended(): void {
    const room = this.#room;
    const { state } = room.record;
    this.#stop();
    const error = new MessengerError(
      state === "left" ? "left" : "removed",
      "this client is no member any more",
    );
    const leave = room.wishes.filter(({ kind }) => kind === "leave").map(({ number }) => number);
    this.#wishes.ended(leave);
    this.#driver.end();
    this.#rejectAll(error);
    room.wishes = [];
    this.#outbox.items = [];
    room.tellState();
    room.host.over(room.id);
  }
}
