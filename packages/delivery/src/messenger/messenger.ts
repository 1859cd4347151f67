// The conversations of one client: begun, joined, and gone on with after a restart.
import { type AbortSignalLike, MlsError, type OperationOptions, toHex } from "@copse/core";
import type { StoredClient } from "@copse/core/storage";
import { GroupConversation, needUsers } from "../conversation/conversation.js";
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
import { MessengerError } from "./errors.js";
import { Inbox } from "./inbox.js";
import { KeyPackages } from "./key-packages.js";
import { MAX_NAME, nameExtension } from "./name.js";
import {
  type AbortControllerLike,
  deferred,
  newAbortController,
  orAborted,
  pause,
  Turns,
  unlessAborted,
} from "./platform.js";
import type { Conversation, Invitation, Messenger, MessengerEvent, MessengerOptions } from "./types.js";
import { utf8 } from "./wire.js";

/** The bytes of a group ID. */
const GROUP_ID_SIZE = 16;

/** What is known before the messenger is. */
export type Base = Omit<Host, "tell" | "report" | "settles" | "reached" | "replenish" | "over" | "forget">;

export class ClientMessenger implements Messenger {
  readonly #host: Host;
  readonly #abort: AbortControllerLike;
  readonly #end: () => Promise<void>;
  readonly #all = new Map<string, GroupConversation>();
  readonly #listeners = new Set<(event: MessengerEvent) => void>();
  readonly #inbox: Inbox;
  readonly #keyPackages: KeyPackages;
  readonly #settling = new Set<() => void>();
  /** One after the other: nobody joins a group twice at a time. */
  readonly #joins = new Turns();
  #connected = false;
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
      tell: (event) => this.#tell(event),
      report: (problem, conversation) => this.#tell({ kind: "problem", conversation, problem }),
      reached: (connected) => this.#reached(connected),
      settles: () => this.#lookAll(),
      replenish: () => this.#keyPackages.wake(),
      over: (id) => this.#inbox.over(id),
      forget: (id) => void this.#all.delete(id),
    };
    this.#keyPackages = new KeyPackages(this.#host);
    this.#inbox = new Inbox(this.#host, accept, {
      isActive: (id) => !this.#isOver(id),
      prepare: (id) => this.#prepare(id),
      enter: (id, record) => this.#enterJoined(id, record),
    });
  }

  /** Reads what the storage has, and goes on with it. */
  async resume(): Promise<void> {
    for (const { key } of await this.#host.client.listEntries(KEYS.conversations)) {
      const id = key.slice(KEYS.conversations.length);
      const value = await this.#host.client.getEntry(KEYS.conversation(id));
      if (value !== undefined) this.#all.set(id, new GroupConversation(this.#host, id, readRecord(value)));
    }
    await Promise.all([...this.#all.values()].map((one) => one.resume()));
    await this.#inbox.start();
    this.#keyPackages.wake();
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
    return this.#connected;
  }

  conversation(id: string): Conversation | undefined {
    return this.#all.get(id);
  }

  async start(
    users: readonly string[],
    { name, signal }: OperationOptions & { readonly name?: string } = {},
  ): Promise<Conversation> {
    const all = needUsers(users);
    this.#needRoom();
    if (name !== undefined && utf8(name).length > MAX_NAME)
      throw new MessengerError("usage", `expected a name of at most ${MAX_NAME} bytes of UTF-8`);
    const { client, provider, now } = this.#host;
    const groupId = provider.random(GROUP_ID_SIZE);
    const id = toHex(groupId);
    const record = newRecord("starting", "", now(), name);
    const conversation = new GroupConversation(this.#host, id, record);
    const { wish, change } = conversation.wishToStart(all);
    const extensions = name === undefined ? [] : [nameExtension(name)];
    const alongside = () => [...beginning(id, record), change];
    const group = await orAborted(signal, () =>
      client.createGroup({ groupId, extensions, signal, alongside }),
    );
    this.#all.set(id, conversation);
    const done = conversation.begin(group, wish);
    try {
      await unlessAborted(done ?? Promise.resolve(), signal, () => void conversation.giveUp(wish));
    } catch (error) {
      const isClosed =
        error instanceof MessengerError && (error.code === "closed" || error.code === "aborted");
      if (!isClosed) await conversation.erase();
      throw error;
    }
    this.#tell({ kind: "conversation", conversation });
    return conversation;
  }

  async join(id: string, { signal }: OperationOptions = {}): Promise<Conversation> {
    if (!/^([0-9a-f]{2})+$/.test(id) || groupIdOf(id).length > MAX_GROUP_ID)
      throw new MessengerError("usage", "expected the ID of a conversation in hexadecimal");
    const conversation = await this.#joins.run(() => this.#beginToJoin(id, signal));
    const joined = conversation.joinAnew();
    try {
      await unlessAborted(joined, signal, () => void conversation.erase());
    } catch (error) {
      if (error instanceof MessengerError && error.code === "refused") await conversation.erase();
      throw error;
    }
    this.#tell({ kind: "conversation", conversation });
    return conversation;
  }

  async #beginToJoin(id: string, signal: AbortSignalLike | undefined): Promise<GroupConversation> {
    this.#needOpen();
    if (!this.#isOver(id)) throw new MessengerError("usage", "this client is in the conversation already");
    const record = { ...newRecord("joining", "", this.#host.now()), ...(await this.#prepare(id)) };
    const { client } = this.#host;
    await orAborted(signal, () => client.writeEntries(beginning(id, record), [], { signal }));
    const conversation = new GroupConversation(this.#host, id, record);
    this.#all.set(id, conversation);
    return conversation;
  }

  on(listener: (event: MessengerEvent) => void): () => void {
    const one = (event: MessengerEvent) => listener(event);
    this.#listeners.add(one);
    return () => void this.#listeners.delete(one);
  }

  async settled({ signal }: { readonly signal?: AbortSignalLike | undefined } = {}): Promise<void> {
    const stop = newAbortController();
    const end = () => stop.abort();
    this.#abort.signal.addEventListener("abort", end);
    try {
      await unlessAborted(this.#settle(stop.signal), signal, end);
    } finally {
      this.#abort.signal.removeEventListener("abort", end);
      end();
    }
  }

  async #settle(signal: AbortSignalLike): Promise<void> {
    const isClosed = () => this.#abort.signal.aborted || signal.aborted;
    while (!isClosed()) {
      await this.#locallySettled(signal);
      try {
        // What came a moment ago isn't read yet, perhaps: the service is asked.
        const all = [this.#inbox, ...this.#all.values()].map((one) => one.isUpToDate(signal));
        if ((await Promise.all(all)).every(Boolean)) return;
      } catch {
        // Who reads it tells what is wrong.
      }
      await pause(this.#host.limits.firstWait, signal);
    }
    throw new MessengerError("closed", "the messenger was closed");
  }

  /** Waits until nothing is to be done, as far as this client knows. */
  async #locallySettled(signal: AbortSignalLike): Promise<void> {
    const done = deferred<void>();
    const look = () => {
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

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#abort.abort(new MessengerError("closed", "the messenger was closed"));
    this.#lookAll();
    await Promise.all([...this.#all.values()].map((one) => one.close()));
    await this.#inbox.close();
    await this.#keyPackages.close();
    for (const { group } of this.#all.values()) await group?.close();
    this.#reached(false);
    this.#listeners.clear();
    await this.#end();
  }

  #needOpen(): void {
    if (this.#abort.signal.aborted) throw new MessengerError("closed", "the messenger was closed");
  }

  #needRoom(): void {
    this.#needOpen();
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

  async #enterJoined(id: string, record: ConversationRecord): Promise<Conversation> {
    const conversation = new GroupConversation(this.#host, id, record);
    this.#all.set(id, conversation);
    const group = await this.#host.client.group(groupIdOf(id));
    if (group === undefined) throw new MlsError("state", "the group that was joined isn't there");
    void conversation.begin(group);
    this.#tell({ kind: "conversation", conversation });
    return conversation;
  }

  #tell(event: MessengerEvent): void {
    for (const listener of [...this.#listeners]) {
      try {
        // Listeners may be asynchronous.
        void Promise.resolve(listener(event)).catch(() => undefined);
      } catch {
        // Theirs.
      }
    }
    this.#lookAll();
  }

  #lookAll(): void {
    for (const look of [...this.#settling]) look();
  }

  #reached(connected: boolean): void {
    if (connected === this.#connected) return;
    this.#connected = connected;
    this.#tell({ kind: "connection", connected });
  }
}
