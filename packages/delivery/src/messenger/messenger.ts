// The conversations of one client: begun, joined, and gone on with after a restart.
import { type AbortSignalLike, MlsError, type OperationOptions, toHex } from "@copse/core";
import type { StoredClient } from "@copse/core/storage";
import { GroupConversation } from "../conversation/conversation.js";
import type { Host } from "../conversation/host.js";
import {
  beginning,
  type ConversationRecord,
  groupIdOf,
  type HistoryPlaces,
  idOf,
  KEYS,
  MAX_GROUP_ID,
  newRecord,
  readRecord,
} from "../conversation/record.js";
import { needUsers } from "../conversation/users.js";
import { closed, endOf, MessengerError, needOpen } from "./errors.js";
import { Inbox } from "./inbox.js";
import { KeyPackages } from "./key-packages.js";
import { MAX_NAME, nameExtension } from "./name.js";
import {
  type AbortControllerLike,
  called,
  deferred,
  later,
  newAbortController,
  pause,
  TurnsByName,
  unlessAborted,
} from "./platform.js";
import { Teller } from "./teller.js";
import type {
  Conversation,
  Invitation,
  MembersEntry,
  Messenger,
  MessengerEvent,
  MessengerOptions,
} from "./types.js";
import { utf8 } from "./wire.js";

/** What the service may refuse for good. */
interface Refusable {
  refusal: MessengerError | undefined;
}

/** The bytes of a group ID. */
const GROUP_ID_SIZE = 16;

/** What is known before the messenger is. */
export type Base = Omit<
  Host,
  "turn" | "tell" | "report" | "settles" | "reached" | "failed" | "replenish" | "over" | "has" | "forget"
>;

export class ClientMessenger implements Messenger {
  readonly #host: Host;
  readonly #abort: AbortControllerLike;
  readonly #end: () => Promise<void>;
  readonly #all = new Map<string, GroupConversation>();
  readonly #teller = new Teller();
  readonly #inbox: Inbox;
  readonly #keyPackages: KeyPackages;
  readonly #settling = new Set<() => void>();
  /** One after the other: nobody joins a group twice at a time, or while what was there before is deleted. */
  readonly #turns = new TurnsByName();
  #closed: Promise<void> | undefined;

  /** @param end is called when all has ended */
  constructor(
    base: Base,
    abort: AbortControllerLike,
    accept: MessengerOptions["accept"],
    end: () => Promise<void>,
  ) {
    this.#abort = abort;
    this.#end = end;
    this.#host = {
      ...base,
      turn: (id, work) => this.#turns.run(id, work),
      tell: (event) => this.#tell(event),
      report: (problem, conversation) => this.#tell({ kind: "problem", conversation, problem }),
      reached: (connected, cause) => this.#teller.reached(connected, cause),
      failed: (...told) => this.#teller.failed(...told),
      settles: () => this.#lookAll(),
      replenish: () => this.#keyPackages.wake(),
      over: (id) => this.#inbox.over(id),
      has: (one) => this.#all.get(one.id) === one,
      forget: (id) => void this.#all.delete(id),
    };
    this.#keyPackages = new KeyPackages(this.#host);
    this.#inbox = new Inbox(this.#host, accept, {
      isKnown: (id) => this.#all.has(id),
      isActive: (id) => !this.#isOver(id),
      prepare: (id) => this.#prepare(id),
      enter: (id, record, joined) => this.#enterJoined(id, record, joined),
    });
  }

  /** Reads what the storage has, and goes on with it. */
  async resume(): Promise<void> {
    for (const { key } of await this.#host.client.listEntries(KEYS.conversations)) {
      const id = key.slice(KEYS.conversations.length);
      const value = await this.#host.client.getEntry(KEYS.conversation(id));
      if (value === undefined) continue;
      const conversation = new GroupConversation(this.#host, id, readRecord(value));
      this.#all.set(id, conversation);
      this.#teller.know(conversation);
    }
    await Promise.all([...this.#all.values()].map((one) => one.resume()));
    await this.#inbox.start();
    this.#keyPackages.wake();
    // Whoever opens it has listeners by then.
    later(0, () => this.#teller.tellEarly());
  }

  get user(): string {
    return this.#host.user;
  }

  get client(): StoredClient {
    return this.#host.client;
  }

  get conversations(): readonly Conversation[] {
    return [...this.#all.values()];
  }

  get invitations(): readonly Invitation[] {
    return this.#inbox.invitations;
  }

  get connected(): boolean {
    return this.#teller.connected;
  }

  conversation(id: string): Conversation | undefined {
    return this.#all.get(id);
  }

  async start(
    users: readonly string[],
    { name, signal }: OperationOptions & { readonly name?: string } = {},
  ): Promise<Conversation> {
    let giveUp: () => void = () => undefined;
    const onBegun = (how: () => void) => {
      giveUp = how;
      if (signal?.aborted) how();
    };
    return called(this.#host, { signal, giveUp: () => giveUp() }, () =>
      this.#start(users, name, signal, onBegun),
    );
  }

  /** @param onBegun gets what gives it up once it has begun */
  async #start(
    users: readonly string[],
    name: string | undefined,
    signal: AbortSignalLike | undefined,
    onBegun: (giveUp: () => void) => void,
  ): Promise<Conversation> {
    const all = needUsers(users);
    this.#needRoom();
    if (name !== undefined && (typeof name !== "string" || utf8(name).length > MAX_NAME))
      throw new MessengerError("usage", `expected a name, a text of at most ${MAX_NAME} bytes of UTF-8`);
    const { client, provider, now } = this.#host;
    const groupId = provider.random(GROUP_ID_SIZE);
    const id = toHex(groupId);
    const record = newRecord("starting", "", now(), name);
    const conversation = new GroupConversation(this.#host, id, record);
    const { wish, change } = conversation.wishToStart(all);
    const extensions = name === undefined ? [] : [nameExtension(name)];
    const alongside = () => [...beginning(id, record), change];
    const group = await client.createGroup({ groupId, extensions, signal, alongside });
    this.#all.set(id, conversation);
    const done = conversation.begin(group, wish);
    onBegun(() => void conversation.giveUp(wish));
    try {
      await done;
    } catch (error) {
      // One that is closed goes on after the next start.
      if (!this.#abort.signal.aborted) await conversation.discard();
      throw error;
    }
    // It was given up before it began.
    if (conversation.state === "starting") throw new MessengerError("gone", "it was given up");
    this.#teller.announce(conversation);
    return conversation;
  }

  async join(id: string, { signal }: OperationOptions = {}): Promise<Conversation> {
    if (!/^([0-9a-f]{2})+$/.test(id) || groupIdOf(id).length > MAX_GROUP_ID)
      throw new MessengerError(
        "usage",
        `expected the ID of a conversation, of 1 to ${MAX_GROUP_ID} bytes in hexadecimal, got ${JSON.stringify(id)?.slice(0, 100)}`,
      );
    let begun: GroupConversation | undefined;
    const giveUp = () => void begun?.discard();
    return called(this.#host, { signal, giveUp }, async () => {
      begun = await this.#turns.run(id, () => this.#beginToJoin(id, signal));
      if (signal?.aborted) giveUp();
      needOpen(this.#abort.signal);
      try {
        await begun.joinAnew();
      } catch (error) {
        if (!this.#abort.signal.aborted) await begun.discard();
        throw error;
      }
      this.#teller.announce(begun);
      return begun;
    });
  }

  async #beginToJoin(id: string, signal: AbortSignalLike | undefined): Promise<GroupConversation> {
    needOpen(this.#abort.signal);
    if (!this.#isOver(id)) throw new MessengerError("usage", "this client is in the conversation already");
    const record = { ...newRecord("joining", "", this.#host.now()), ...(await this.#prepare(id)) };
    const { client } = this.#host;
    await client.writeEntries(beginning(id, record), [], { signal });
    const conversation = new GroupConversation(this.#host, id, record);
    this.#all.set(id, conversation);
    return conversation;
  }

  on(listener: (event: MessengerEvent) => void): () => void {
    return this.#teller.on(listener);
  }

  async settled({ signal }: { readonly signal?: AbortSignalLike | undefined } = {}): Promise<void> {
    const stop = newAbortController();
    const end = () => stop.abort();
    this.#abort.signal.addEventListener("abort", end);
    try {
      await called(this.#host, { signal, giveUp: end }, () => this.#settle(stop.signal));
    } finally {
      this.#abort.signal.removeEventListener("abort", end);
      end();
    }
  }

  async #settle(signal: AbortSignalLike): Promise<void> {
    // What was refused before, the service is asked again.
    const parts = () => [this.#inbox, this.#keyPackages, ...this.#all.values()];
    for (const one of this.#all.values()) one.refusal = undefined;
    this.#keyPackages.look();
    await this.#inbox.look(signal);
    while (!signal.aborted) {
      await this.#locallySettled(signal, parts);
      try {
        // What came a moment ago isn't read yet, perhaps: the service is asked.
        const all = [this.#inbox, ...this.#all.values()].map((one) => one.isUpToDate(signal));
        if ((await Promise.all(all)).every(Boolean)) return;
      } catch {
        // Who reads it tells what is wrong.
      }
      await pause(this.#host.limits.firstWait, signal);
    }
    throw endOf(this.#abort.signal);
  }

  /** Waits until nothing is to be done, as far as this client knows. @throws MessengerError `refused` */
  async #locallySettled(signal: AbortSignalLike, parts: () => readonly Refusable[]): Promise<void> {
    const done = deferred<void>();
    const look = () => {
      const refusal = parts().find((one) => one.refusal !== undefined)?.refusal;
      if (refusal !== undefined) done.reject(refusal);
      const isDone = [...this.#all.values()].every((one) => one.isSettled) && this.#keyPackages.isPublished;
      if (isDone || signal.aborted || this.#abort.signal.aborted) done.resolve();
    };
    this.#settling.add(look);
    signal.addEventListener("abort", look);
    look();
    try {
      await done.promise;
    } finally {
      signal.removeEventListener("abort", look);
      this.#settling.delete(look);
    }
  }

  close({ signal }: OperationOptions = {}): Promise<void> {
    this.#closed ??= this.#close(closed());
    return unlessAborted(this.#closed, signal);
  }

  /** Another messenger has the storage: this one ends, and says why. @internal */
  taken(error: MessengerError): void {
    if (this.#closed !== undefined) return;
    const problem = { code: "storage", message: error.message, who: undefined, retry: false } as const;
    this.#tell({ kind: "problem", conversation: undefined, problem: { ...problem, cause: error } });
    this.#closed = this.#close(error);
    this.#closed.catch(() => undefined);
  }

  async #close(reason: MessengerError): Promise<void> {
    this.#abort.abort(reason);
    this.#lookAll();
    await Promise.all([...this.#all.values()].map((one) => one.close()));
    await this.#inbox.close();
    await this.#turns.idle();
    await this.#keyPackages.close();
    for (const { group } of this.#all.values()) await group?.close();
    this.#teller.end();
    await this.#end();
  }

  #needRoom(): void {
    needOpen(this.#abort.signal);
    const { conversations } = this.#host.limits;
    if (this.#all.size >= conversations)
      throw new MessengerError("limit", `expected at most ${conversations} conversations`);
  }

  #isOver(id: string): boolean {
    const state = this.#all.get(id)?.state;
    return state === undefined || state === "left" || state === "removed";
  }

  /** Ends a conversation that is over, and deletes groups that no conversation has. @returns what its history has */
  async #prepare(id: string): Promise<HistoryPlaces | undefined> {
    const before = this.#all.get(id);
    if (before === undefined) this.#needRoom();
    const places = await before?.retire();
    const stray = this.#host.client.knownGroups().filter(({ groupId }) => idOf(groupId) === id);
    for (const one of stray) await this.#host.client.deleteGroup(one);
    return places;
  }

  async #enterJoined(
    id: string,
    record: ConversationRecord,
    joined: MembersEntry | undefined,
  ): Promise<Conversation> {
    const conversation = new GroupConversation(this.#host, id, record);
    this.#all.set(id, conversation);
    const group = await this.#host.client.group(groupIdOf(id));
    if (group === undefined) throw new MlsError("state", "the group that was joined isn't there");
    void conversation.begin(group);
    this.#teller.announce(conversation);
    if (joined !== undefined) this.#tell({ kind: "members", conversation, entry: joined });
    return conversation;
  }

  #tell(event: MessengerEvent): void {
    this.#teller.tell(event);
    this.#lookAll();
  }

  #lookAll(): void {
    for (const look of [...this.#settling]) look();
  }
}
