// RFC 9420 §12.4.3.1: Welcomes: each is kept as an invitation until the application, or its user, has decided.
import {
  type AbortSignalLike,
  MlsError,
  type OperationOptions,
  type StagedWelcome,
  toHex,
} from "@copse/core";
import { historyChange } from "../conversation/history.js";
import type { Host } from "../conversation/host.js";
import {
  beginning,
  type ConversationRecord,
  type HistoryPlaces,
  idOf,
  KEYS,
  MAX_GROUP_ID,
  newRecord,
} from "../conversation/record.js";
import { type Batch, type Cursor, DeliveryError, type InboxEntry } from "../service.js";
import { Decisions } from "./decisions.js";
import { isUndecided, MessengerError, needOpen, refusedBy } from "./errors.js";
import { type Answers, joiningOf, type SavedInvitation, type Seen, WaitingInvitation } from "./invitation.js";
import { nameIn } from "./name.js";
import { groupNumber } from "./people.js";
import { abortedBy, Backoff, called, pause } from "./platform.js";
import type { Conversation, Invitation, MembersEntry, MessengerOptions, Person } from "./types.js";
import { Undecided } from "./undecided.js";
import { pack, unpack } from "./wire.js";

/** Among how many users the room for invitations is shared. */
const SHARES = 10;

/** A Welcome that wasn't read yet. */
interface Unread {
  readonly saved: SavedInvitation;
  readonly welcome: Uint8Array;
  /** Whether it came just now: one that was kept before has its room. */
  readonly isNew: boolean;
}

/** What the messenger does with a group that it has joined. */
export interface Joined {
  /** Whether there is or was such a conversation here. */
  isKnown(conversationId: string): boolean;
  /** Whether this client is in the conversation now. */
  isActive(conversationId: string): boolean;
  /** Makes room for the group: ends a conversation that is over, whose history goes on. */
  prepare(conversationId: string): Promise<HistoryPlaces | undefined>;
  /** @param joined the entry of the history that says so */
  enter(conversationId: string, record: ConversationRecord, joined: MembersEntry): Promise<Conversation>;
}

export class Inbox {
  readonly #host: Host;
  readonly #decisions: Decisions;
  readonly #joined: Joined;
  readonly #all = new Map<string, WaitingInvitation>();
  /** Those of which isn't known yet what they are. */
  readonly #undecided: Undecided<Unread>;
  /** Why the service doesn't let this client read it. */
  refusal: MessengerError | undefined;
  #cursor: Cursor = "";
  #running: Promise<void> | undefined;

  constructor(host: Host, accept: MessengerOptions["accept"], joined: Joined) {
    this.#host = host;
    this.#joined = joined;
    this.#undecided = new Undecided(host, (one) => this.#decide(one));
    const waits = (one: WaitingInvitation) => this.#all.has(one.id) && !joined.isActive(one.conversationId);
    this.#decisions = new Decisions(host, accept, waits);
  }

  /** Those that can be accepted now. */
  get invitations(): readonly Invitation[] {
    return [...this.#all.values()].filter(({ conversationId }) => !this.#joined.isActive(conversationId));
  }

  /** Whether all is read that the service has now, and answered that is to be answered at once. */
  async isUpToDate(signal: AbortSignalLike): Promise<boolean> {
    if (this.#decisions.asking > 0) return false;
    for await (const { entries, behind } of this.#host.service.inbox(this.#cursor, { signal }))
      return entries.length + behind + this.#decisions.asking === 0;
    return false;
  }

  /** Asks the service once more if it has refused. */
  async look(signal: AbortSignalLike): Promise<void> {
    if (this.refusal === undefined) return;
    this.refusal = undefined;
    try {
      await this.isUpToDate(signal);
    } catch (error) {
      if (!signal.aborted) this.#refused(error);
    }
  }

  #refused(error: unknown): void {
    if (!(error instanceof DeliveryError) || error.retry !== "never") return;
    // A service that has lost what it had begins anew.
    const isLost = error.code === "expired" || error.code === "invalid";
    if (isLost && this.#cursor !== "") this.#cursor = "";
    else this.refusal = refusedBy("to let this client read its inbox", error);
    this.#host.settles();
  }

  /** Reads what the storage has, and begins to follow the inbox. */
  async start(): Promise<void> {
    const { client } = this.#host;
    const saved = await client.getEntry(KEYS.inbox);
    if (saved !== undefined) this.#cursor = unpack<{ cursor: Cursor }>(saved).header.cursor;
    for (const { value } of await client.listEntries(KEYS.invitations)) {
      const { header: saved, parts } = unpack<SavedInvitation>(value);
      const found = await this.#readOrWait({ saved, welcome: parts[0] ?? new Uint8Array(), isNew: false });
      if (found instanceof WaitingInvitation) this.#all.set(found.id, found);
      else if (found !== undefined) this.#undecided.add(saved.id, found);
      else await this.#forget(saved.id);
    }
    this.#running = this.#run();
    for (const one of this.#all.values()) void this.#decisions.ask(one, false);
  }

  async close(): Promise<void> {
    await this.#running;
    await this.#undecided.close();
    await this.#decisions.close();
  }

  /** A conversation is over: what waits for it can be shown. */
  over(conversationId: string): void {
    for (const one of this.#all.values()) if (one.conversationId === conversationId) this.#show(one);
  }

  #show(one: WaitingInvitation): void {
    if (!this.#host.signal.aborted) void this.#decisions.ask(one, true);
  }

  async #run(): Promise<void> {
    const { service, signal, limits } = this.#host;
    const backoff = new Backoff(limits);
    while (!signal.aborted) {
      try {
        for await (const batch of service.inbox(this.#cursor, { signal })) {
          this.#host.reached(true);
          this.refusal = undefined;
          await this.#take(batch);
          backoff.reset();
          if (signal.aborted) return;
        }
        throw new DeliveryError("unavailable", "the service ended the subscription");
      } catch (error) {
        if (signal.aborted) return;
        if (backoff.count === 0) this.#host.failed("the inbox can't be read", error, true);
        else if (error instanceof DeliveryError && error.code === "unavailable")
          this.#host.reached(false, error);
        this.#refused(error);
        await pause(backoff.next(error), signal);
      }
    }
  }

  async #take({ entries }: Batch<InboxEntry>): Promise<void> {
    const last = entries.at(-1);
    if (last === undefined) return;
    for (const entry of entries) await this.#takeOne(entry);
    // What is cleared comes no more; what isn't, because this fails, is known.
    await this.#host.service.clearInbox(last.cursor, { signal: this.#host.signal });
    this.#host.replenish();
  }

  async #takeOne(entry: InboxEntry): Promise<void> {
    const { client, limits } = this.#host;
    const { id, isKnown } = this.#nameOf(entry);
    const { handshake, time, welcome } = entry;
    const saved: SavedInvitation = { id, handshake, time, groupId: idOf(entry.groupId) };
    const cursor = { key: KEYS.inbox, value: pack({ cursor: entry.cursor }) };
    const count = this.#all.size + this.#undecided.size;
    let added: WaitingInvitation | Unread | undefined;
    if (count >= limits.invitations)
      this.#problem("dropped", `${count} invitations wait: there was no room for another one`);
    else if (!isKnown) added = await this.#readOrWait({ saved, welcome, isNew: true });
    if (
      added !== undefined &&
      !(added instanceof WaitingInvitation) &&
      this.#undecided.size >= limits.invitations / 2
    ) {
      this.#problem("dropped", "too many invitations wait of which can't be told yet whether they are valid");
      added = undefined;
    }
    const kept = { key: KEYS.invitation(id), value: pack(saved, welcome) };
    await client.writeEntries(added === undefined ? [cursor] : [cursor, kept]);
    this.#cursor = entry.cursor;
    if (added instanceof WaitingInvitation) this.#add(added);
    else if (added !== undefined) this.#undecided.add(id, added);
  }

  #add(one: WaitingInvitation): void {
    this.#all.set(one.id, one);
    if (!this.#joined.isActive(one.conversationId)) this.#show(one);
  }

  /** One of which couldn't be told what it is. @throws MlsError if it still can't */
  async #decide(one: Unread): Promise<void> {
    const found = await this.#read(one);
    if (found !== undefined) this.#add(found);
    else await this.#forget(one.saved.id);
  }

  /** @returns as {@link #read}; what was passed, if it can't be told yet what it is */
  async #readOrWait(one: Unread): Promise<WaitingInvitation | Unread | undefined> {
    try {
      return await this.#read(one);
    } catch (error) {
      if (!isUndecided(error)) throw error;
      const message = "it can't be told yet whether an invitation is valid";
      this.#host.report({ code: "delivery", message, who: undefined, retry: true, cause: error });
      return one;
    }
  }

  async #forget(id: string): Promise<void> {
    await this.#host.client.writeEntries([{ key: KEYS.invitation(id), value: undefined }]);
  }

  /** How many wait by a user. */
  #by({ user }: Person): number {
    return [...this.#all.values()].filter(({ by }) => by.user === user).length;
  }

  /** When half of the room is taken, each user has a share of it: nobody takes that of all others. */
  #hasRoomFor({ by }: Invitation): boolean {
    const { invitations } = this.#host.limits;
    return this.#all.size < invitations / 2 || this.#by(by) < invitations / SHARES;
  }

  /**
   * The ID of an invitation. One key package of last resort has those to several groups, and, if this client was removed meanwhile,
   * several to one.
   */
  #nameOf({ reference, groupId, handshake }: InboxEntry): { readonly id: string; readonly isKnown: boolean } {
    const name = `${toHex(reference).slice(0, 32)}-${idOf(groupId).slice(0, 64)}`;
    for (let i = 0; ; i++) {
      const id = i === 0 ? name : `${name}-${i}`;
      const known = this.#all.get(id) ?? this.#undecided.get(id)?.saved;
      if (known === undefined || known.handshake === handshake) return { id, isKnown: known !== undefined };
    }
  }

  /** Reads a Welcome. @returns `undefined` if it is refused @throws MlsError if it can't be told yet */
  async #read({ saved, welcome, isNew }: Unread): Promise<WaitingInvitation | undefined> {
    const one = await this.#verify(saved, welcome);
    if (one === undefined) return undefined;
    if (saved.groupId !== undefined && one.conversationId !== saved.groupId) {
      // Its place in the log would be one of another group.
      this.#problem("junk", "a Welcome is refused: it leads to another group than the service says");
      return undefined;
    }
    if (!isNew || this.#hasRoomFor(one)) return one;
    const message = `${this.#by(one.by)} invitations by one user wait: there was no room for another one`;
    this.#problem("dropped", message, undefined, one.by);
    return undefined;
  }

  async #verify(saved: SavedInvitation, welcome: Uint8Array): Promise<WaitingInvitation | undefined> {
    const { groupId } = saved;
    const { client, provider, people } = this.#host;
    let staged: StagedWelcome;
    try {
      staged = await client.readWelcome(welcome);
    } catch (error) {
      if (isUndecided(error)) throw error;
      const isUsed =
        error instanceof MlsError && (error.code === "not-invited" || error.code === "duplicate");
      if (!isUsed) this.#problem("junk", `a Welcome is refused: ${(error as Error).message}`, error);
      // One that was used before comes again if the inbox wasn't cleared: its conversation is known.
      else if (groupId !== undefined && !this.#joined.isKnown(groupId))
        this.#problem(
          "dropped",
          "an invitation is lost: this client hasn't the key package any more that it is for",
          error,
        );
      return undefined;
    }
    if (staged.groupId.length > MAX_GROUP_ID) {
      await staged.discard();
      this.#problem("junk", `a Welcome is refused: its group ID has more than ${MAX_GROUP_ID} bytes`);
      return undefined;
    }
    const seen: Seen = {
      conversationId: idOf(staged.groupId),
      name: nameIn(staged.extensions),
      by: people.person(staged.committer),
      members: staged.members.map((one) => people.person(one)),
      number: await groupNumber(provider.hash, staged.epochAuthenticator),
      epoch: staged.epoch,
    };
    await staged.discard();
    const answers: Answers = {
      accept: (options: OperationOptions) =>
        called(this.#host, options, () =>
          this.#host.turn(seen.conversationId, () => this.#join(one, saved, seen, welcome, options)),
        ),
      decline: (options: OperationOptions) =>
        called(this.#host, options, () =>
          this.#host.turn(seen.conversationId, async () => {
            this.#needThere(one, options);
            await this.#drop(one, options);
          }),
        ),
    };
    const one: WaitingInvitation = new WaitingInvitation(this.#host, saved, seen, answers);
    return one;
  }

  /** @throws MessengerError `closed`, `gone`; what the signal gave up while it waited for its turn changes nothing */
  #needThere(one: WaitingInvitation, { signal }: OperationOptions): void {
    needOpen(this.#host.signal);
    if (signal?.aborted) throw abortedBy(signal);
    if (!this.#all.has(one.id)) throw new MessengerError("gone", "the invitation was answered already");
  }

  #need(one: WaitingInvitation, options: OperationOptions): void {
    this.#needThere(one, options);
    if (this.#joined.isActive(one.conversationId))
      throw new MessengerError("usage", "this client is in the conversation already");
  }

  async #join(
    one: WaitingInvitation,
    { handshake, time }: SavedInvitation,
    seen: Seen,
    welcome: Uint8Array,
    options: OperationOptions,
  ): Promise<Conversation> {
    this.#need(one, options);
    const { signal } = options;
    const { client } = this.#host;
    const id = one.conversationId;
    const places = await this.#joined.prepare(id);
    const record = {
      ...newRecord("active", handshake, this.#host.now(), one.name),
      ...places,
      joined: time,
      // Where nobody orders, what follows the handshake may stand before it.
      ...(this.#host.settling && { cursor: "" }),
    };
    const joined = joiningOf(seen, record.next, time);
    const begun = { ...record, next: record.next + 1 };
    const alongside = () => [
      ...beginning(id, begun),
      historyChange(id, joined.place, joined),
      { key: KEYS.invitation(one.id), value: undefined },
    ];
    const enter = () => this.#joined.enter(id, begun, joined);
    try {
      await client.join(welcome, { replace: true, signal, alongside });
    } catch (error) {
      if (await this.#hasJoined(one, error)) return enter();
      // It was used meanwhile, or its lifetime is over: nobody can accept it any more.
      if (error instanceof MlsError && error.retry === "never" && error.code !== "closed")
        await this.#drop(one);
      throw error;
    }
    this.#all.delete(one.id);
    this.#host.replenish();
    return enter();
  }

  /** Whether the storage has it all the same, which said that it failed. */
  async #hasJoined(one: WaitingInvitation, error: unknown): Promise<boolean> {
    const { client } = this.#host;
    if (!(error instanceof MlsError && error.code === "storage")) return false;
    await client.refresh();
    if ((await client.getEntry(KEYS.invitation(one.id))) !== undefined) return false;
    return this.#all.delete(one.id);
  }

  async #drop(one: WaitingInvitation, options?: OperationOptions): Promise<void> {
    const change = { key: KEYS.invitation(one.id), value: undefined };
    await this.#host.client.writeEntries([change], [], options);
    this.#all.delete(one.id);
  }

  #problem(code: "junk" | "dropped" | "delivery", message: string, cause?: unknown, who?: Person): void {
    this.#host.report({ code, message, who, retry: false, cause });
  }
}
