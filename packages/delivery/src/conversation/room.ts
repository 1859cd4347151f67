// What the parts of a conversation share: its record, its group, and one turn for all that changes them.
import { type AbortSignalLike, equalBytes, type Group, type Member, MlsError, toHex } from "@copse/core";
import type { KnownGroup } from "@copse/core/storage";
import { MessengerError, needOpen, refusedBy } from "../messenger/errors.js";
import {
  type AbortControllerLike,
  Backoff,
  later,
  newAbortController,
  pause,
  Turns,
} from "../messenger/platform.js";
import type {
  Conversation,
  ConversationState,
  MessageEntry,
  Participant,
  Person,
  Problem,
} from "../messenger/types.js";
import { unpack } from "../messenger/wire.js";
import type { Cursor, DeliveryError, LogEntry } from "../service.js";
import { ownMessages, Remembered } from "./history.js";
import type { Host, JudgedGroupInfo } from "./host.js";
import { RoomKeys } from "./keys.js";
import { Out } from "./out.js";
import {
  type ConversationRecord,
  type EntryChange,
  groupIdOf,
  KEYS,
  type Pending,
  readRecord,
  recordChange,
  type SavedEarly,
  type Wish,
} from "./record.js";
import { isHere, type Refusal, Trust } from "./trust.js";

/** An entry of the log that waits. */
export interface Early extends LogEntry {
  readonly number: number;
}

/** Is woken when there may be something to do. */
interface Duty {
  wake(): void;
}

/** How many handshakes are known again if they come twice. */
const MOST_HANDSHAKES = 10_000;

export class Room {
  readonly host: Host;
  readonly id: string;
  readonly groupId: Uint8Array;
  readonly turns = new Turns();
  readonly trust: Trust;
  readonly keys = new RoomKeys(this);
  readonly out = new Out(this);
  record: ConversationRecord;
  /** The group that this client is in. */
  group: Group | undefined;
  /** The group that it joins by an external commit. */
  joining: Group | undefined;
  /** Whether all is read that the service had when it was asked last. */
  caughtUp = false;
  /** Why it is to join anew; `undefined` if it isn't. */
  lost: string | undefined;
  /** Whether others may be in another epoch: nothing is sent before that is settled. */
  isInDoubt = false;
  /** The submission that was answered, and whose entry, or that of the one before it, must come in the log. */
  answered: Pending | undefined;
  wishes: Wish[] = [];
  /** In their order in the log. */
  early: Early[] = [];
  since = new Map<string, number>();
  isDeleted = false;
  /** Why the service lets this client neither read the group's log nor join it again. */
  refusal: MessengerError | undefined;
  /** The last handshakes that are over, in the order in which they came: they may come again. */
  readonly handshakes = new Set<Cursor>();
  /** Where the next number of an entry comes from. */
  #numbers = 0;
  #remembered: Promise<Remembered> | undefined;
  #refusalTold: string | undefined;
  #told: ConversationState | undefined;
  #timer: (() => void) | undefined;
  readonly #ending: AbortControllerLike = newAbortController();
  readonly #onClose = () => this.#ending.abort(this.host.signal.reason);
  #conversation!: Conversation;
  #duties: readonly Duty[] = [];
  /** Reads the log from the record's cursor again. */
  readAgain: () => void = () => undefined;
  /** Goes on from what the storage has. */
  reloaded: (before: ConversationRecord) => Promise<void> = async () => undefined;
  /** A commit is in force, and wishes came true by it. @param isLost whether one of this client came too late: `pending` */
  wishEnded: (done: readonly number[], isLost: boolean, pending: Pending | undefined) => void = () =>
    undefined;
  /** This client is no member any more. */
  ended: () => void = () => undefined;

  constructor(host: Host, id: string, record: ConversationRecord) {
    this.host = host;
    this.id = id;
    this.groupId = groupIdOf(id);
    this.record = record;
    this.trust = new Trust(host.provider.hash, id);
    host.signal.addEventListener("abort", this.#onClose);
    if (host.signal.aborted) this.#onClose();
  }

  /** Is aborted when the messenger is closed, or this conversation is over: nothing of it waits any more. */
  get signal(): AbortSignalLike {
    return this.#ending.signal;
  }

  get conversation(): Conversation {
    return this.#conversation;
  }

  begin(conversation: Conversation, duties: readonly Duty[], readAgain: () => void): void {
    this.#conversation = conversation;
    this.#duties = duties;
    this.readAgain = readAgain;
    this.#told = this.state;
  }

  /** Reads what the storage has besides the record. */
  async load(): Promise<void> {
    const { client } = this.host;
    const read = async <T>(prefix: string) => {
      const found = await client.listEntries(prefix);
      return found.map(({ value }) => unpack<T>(value));
    };
    this.wishes = (await read<Wish>(KEYS.wishes(this.id))).map(({ header }) => header);
    const early = await read<SavedEarly>(KEYS.early(this.id));
    this.early = early.map(({ header, parts: [message = new Uint8Array()] }) => ({
      ...header,
      epoch: BigInt(header.epoch),
      message,
    }));
    const since = await client.getEntry(KEYS.since(this.id));
    this.since = new Map(since && unpack<{ since: [string, number][] }>(since).header.since);
    for (const { number } of [...this.wishes, ...this.early]) this.used(number);
    this.#remembered = undefined;
    await this.trust.load(client);
  }

  /** Keeps who the members are now. Call it in a turn. @param gone those who were removed since */
  async learn(gone: readonly Member[] = []): Promise<void> {
    const { group } = this;
    if (group?.active !== true) return;
    const change = await this.trust.learn(group.members, gone);
    if (change !== undefined) await this.host.client.writeEntries([change]);
  }

  /** Why this client doesn't join by a GroupInfo; `undefined` if it may. Then its members are known from now on. */
  async refuses(judged: JudgedGroupInfo): Promise<Refusal | undefined> {
    const highest = BigInt(this.record.highest ?? this.group?.epoch ?? 0n);
    const before = this.record;
    const refusal = await this.#refusal(judged, highest);
    const change = refusal === undefined ? await this.trust.vouch(judged, highest) : undefined;
    if (change !== undefined || this.record !== before)
      await this.write(this.record, change === undefined ? [] : [change]);
    return refusal;
  }

  async #refusal(judged: JudgedGroupInfo, highest: bigint): Promise<Refusal | undefined> {
    if (!equalBytes(judged.groupId, this.groupId)) return { reason: "expected one of this group" };
    const { group } = this;
    // Who has no state doesn't know what came meanwhile.
    if (group !== undefined && !isHere(group, judged) && this.trust.isExpected(judged) === false)
      return { reason: "expected the epoch that the commit starts which this client couldn't take" };
    const refusal = await this.trust.refusal(judged, group?.members, highest);
    const isFinal = refusal !== undefined && refusal.isForNow !== true;
    return isFinal ? refusal : this.out.refusal(judged, refusal);
  }

  /** What this client said in epochs after one. */
  ownMessages(fork: bigint): Promise<MessageEntry[]> {
    return ownMessages(this.host.client, this.id, this.record, fork);
  }

  /** A handshake is over. */
  passed(handshake: Cursor): void {
    this.handshakes.add(handshake);
    const [oldest] = this.handshakes;
    if (this.handshakes.size > MOST_HANDSHAKES) this.handshakes.delete(oldest as Cursor);
  }

  refusedToFollow({ reason, member }: Refusal): void {
    const who = member && this.host.people.person(member);
    const message = `the newest GroupInfo isn't one to join the group by: ${reason}`;
    if (this.#refusalTold === message) return;
    this.#refusalTold = message;
    this.problem("rejoined", message, { who, retry: true });
  }

  /**
   * Reads again what the storage has, if an error says that nobody knows what was written. Until that is known, nothing goes by
   * what is in memory.
   */
  async recover(error: unknown): Promise<void> {
    if (!(error instanceof MlsError && error.code === "storage")) return;
    const backoff = new Backoff(this.host.limits);
    const before = this.record;
    await this.turn(async () => {
      while (!this.host.signal.aborted && !this.isDeleted) {
        try {
          return await this.#reload(before);
        } catch (cause) {
          const isDamaged = cause instanceof MlsError && cause.code === "state";
          if (backoff.count === 0 || isDamaged)
            this.problem("storage", "what the storage has can't be read", { retry: true, cause });
          if (isDamaged) return this.#isDamaged();
          await pause(backoff.next(), this.host.signal);
        }
      }
    });
  }

  async #reload(before: ConversationRecord): Promise<void> {
    const { client } = this.host;
    const value = await client.getEntry(KEYS.conversation(this.id));
    if (value !== undefined) this.record = readRecord(value);
    await this.load();
    // They show what they were until they are read again.
    await client.refresh();
    const joining = this.known(true);
    // Of two states of a group, one can be opened: as after a restart.
    if (joining !== undefined) await this.group?.close();
    const known = joining === undefined ? this.known(false) : undefined;
    this.group = known && (await client.group(known));
    this.joining = joining && (await client.group(joining));
    await this.reloaded(before);
  }

  /** Nobody can read the state of the group any more: it joins again. */
  #isDamaged(): void {
    this.group = undefined;
    this.joining = undefined;
    this.lost = "its state was lost";
    this.tellState();
    this.readAgain();
  }

  nextNumber(): number {
    return ++this.#numbers;
  }

  used(number: number): void {
    this.#numbers = Math.max(this.#numbers, number);
  }

  get isOver(): boolean {
    return this.isDeleted || this.record.state === "left" || this.record.state === "removed";
  }

  /** Whether it is closed or over: nothing is done any more. */
  get isEnded(): boolean {
    return this.host.signal.aborted || this.isOver;
  }

  /** Whether commits and messages may be made now. */
  get isReady(): boolean {
    const { record, group, caughtUp, isInDoubt, lost } = this;
    const isHere = caughtUp && !isInDoubt && lost === undefined;
    return !this.isEnded && isHere && record.state === "active" && group?.active === true;
  }

  get state(): ConversationState {
    const { state } = this.record;
    if (state !== "active") return state;
    if (this.lost !== undefined) return "joining";
    if (this.wishes.some(({ kind }) => kind === "leave")) return "leaving";
    return this.caughtUp && !this.isInDoubt ? "active" : "catching-up";
  }

  /** Tells the state, if it is another one. */
  tellState(): void {
    const { state } = this;
    if (state === this.#told) return;
    this.#told = state;
    this.host.tell({ kind: "state", conversation: this.#conversation, state });
  }

  turn<T>(work: () => Promise<T>): Promise<T> {
    return this.turns.run(work);
  }

  wake(): void {
    if (!this.isEnded) for (const duty of this.#duties) duty.wake();
  }

  /** Wakes it later, if not sooner. */
  wakeIn(time: number): void {
    this.#timer?.();
    // What runs when it ends sets no timer any more.
    this.#timer = this.isEnded ? undefined : later(time, () => this.wake());
  }

  end(): void {
    this.#timer?.();
    this.keys.end();
    this.host.signal.removeEventListener("abort", this.#onClose);
    this.#ending.abort(this.host.signal.reason);
  }

  /** Writes entries by themselves, with the record. */
  async write(record: ConversationRecord, changes: readonly EntryChange[] = []): Promise<void> {
    await this.host.client.writeEntries([recordChange(this.id, record), ...changes]);
    this.record = record;
  }

  problem(
    code: Problem["code"],
    message: string,
    details: Partial<Pick<Problem, "who" | "retry" | "cause">> = {},
  ): void {
    const { who, retry = false, cause } = details;
    this.host.report({ code, message, who, retry, cause }, this.#conversation);
  }

  /** Tells what a call of the service failed with. @param retry whether it is made again */
  failed(message: string, cause: unknown, retry: boolean): void {
    this.host.failed(message, cause, retry, this.#conversation);
  }

  /** The service refuses this client, however often it has asked. */
  refused(cause: DeliveryError): void {
    this.refusal = refusedBy("to let this client into the group", cause);
    this.host.settles();
  }

  remembered(): Promise<Remembered> {
    this.#remembered ??= Remembered.of(this.host.client, this.id, this.record).catch((error: unknown) => {
      // The next one reads again.
      this.#remembered = undefined;
      throw error;
    });
    return this.#remembered;
  }

  participants(): Participant[] {
    const group = this.joining === undefined ? this.group : undefined;
    return (group?.members ?? []).map((member) => this.participant(member));
  }

  participant(member: Member): Participant {
    const since = this.since.get(toHex(member.signatureKey)) ?? this.record.joined;
    return { ...this.host.people.person(member), leafIndex: member.leafIndex, since };
  }

  /** @throws MessengerError `removed`, `left`, `closed`, `taken`, `gone` */
  needMember(): void {
    needOpen(this.host.signal);
    if (this.isDeleted) throw new MessengerError("gone", "the conversation was deleted");
    const { state } = this.record;
    if (state === "left" || state === "removed")
      throw new MessengerError(state, "this client is no member of the conversation any more");
  }

  ownPerson(): Person {
    const { group, host } = this;
    const own = group?.member(group.ownLeafIndex);
    if (own !== undefined) return { ...host.people.person(own), own: true };
    return { user: host.user, signatureKey: host.client.signatureKey, own: true };
  }

  memberAt(leafIndex: number | undefined): Person | undefined {
    const member = leafIndex === undefined ? undefined : this.group?.member(leafIndex);
    return member && this.host.people.person(member);
  }

  /** The group as the storage has it. @param joining whether that is meant which this client joins */
  known(joining: boolean): KnownGroup | undefined {
    const all = this.host.client.knownGroups();
    return all.find(
      ({ groupId, status }) => equalBytes(groupId, this.groupId) && (status === "joining") === joining,
    );
  }

  /** Deletes a group from the storage, if it is there. */
  async deleteKnown(joining: boolean): Promise<void> {
    const known = this.known(joining);
    if (known !== undefined) await this.host.client.deleteGroup(known);
  }

  /** Whether a member is this client. */
  isOwn({ signatureKey }: Pick<Member, "signatureKey">): boolean {
    return equalBytes(signatureKey, this.host.client.signatureKey);
  }
}
