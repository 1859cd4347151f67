// What the page asks for, done by a messenger; and what the page shows, told whenever something has changed.
import { type AuthenticationService, isBasicCredential } from "@copse/core";
import type { StoredClient } from "@copse/core/storage";
import {
  type Conversation,
  DeliveryError,
  type Messenger,
  type MessengerEvent,
  openMessenger,
  type Person,
} from "@copse/delivery";
import { webCryptoProvider } from "@copse/provider-webcrypto";
import { indexedDbStorage } from "@copse/storage-indexeddb";
import type {
  Account,
  Actions,
  ConversationState,
  ConversationView,
  DeviceView,
  InvitationView,
  View,
} from "../shared/view.js";
import { Devices, type Knock } from "./devices.js";
import { Line } from "./line.js";
import { Notes } from "./notes.js";
import { keyOf, Room } from "./room.js";
import type { Caller, Service } from "./service.js";
import { lastWords, sentence } from "./words.js";

/** P-256 and AES-GCM: every browser does them itself, and keeps their keys from all scripts. */
const PREFERRED_SUITE = 2;

/** The longest wait, in milliseconds, until a service that doesn't answer is tried again. */
const LONGEST_WAIT = 3000;

/** After so many milliseconds a view is made again that couldn't be made. */
const LOOK_AGAIN = 100;

/** After so many milliseconds one is told that the service doesn't answer. */
const PATIENCE = 20_000;

const STATES: Readonly<Record<Conversation["state"], ConversationState>> = {
  starting: "starting",
  joining: "catching-up",
  "catching-up": "catching-up",
  active: "active",
  leaving: "leaving",
  left: "left",
  removed: "removed",
};

/**
 * Accepts every name: only people can know whose key it is. They compare safety numbers, and the page says of whom they
 * have.
 */
const authentication: AuthenticationService = {
  validate: ({ credential }) => isBasicCredential(credential) && credential.identity.length > 0,
};

/** Makes a connection for a user's client. */
export type Connect = (caller: Caller) => Promise<Service>;

const knockOf = ({ device }: Account, { cipherSuite, signatureKey }: StoredClient): Knock => {
  return { id: crypto.randomUUID(), device, suite: cipherSuite.id, signatureKey };
};

export class Chat implements Actions {
  readonly #connect: Connect;
  readonly #tell: (view: View) => void;
  readonly #rooms = new Map<string, Room>();
  readonly #opening = new Map<string, Promise<Room>>();
  readonly #numbers = new Map<string, string>();
  readonly #knocks = new Map<string, Knock>();
  #devices: Devices | undefined;
  #account: Account | undefined;
  #messenger: Messenger | undefined;
  #notes: Notes | undefined;
  #line: Line | undefined;
  #isOnline = true;
  #isReady = false;
  #open: string | undefined;
  #telling = false;
  #isStale = false;

  constructor(connect: Connect, tell: (view: View) => void) {
    this.#connect = connect;
    this.#tell = tell;
  }

  get #there(): { readonly messenger: Messenger; readonly notes: Notes; readonly line: Line } {
    const [messenger, notes, line] = [this.#messenger, this.#notes, this.#line];
    if (!messenger || !notes || !line) throw new Error("nobody has entered yet");
    return { messenger, notes, line };
  }

  async enter(account: Account): Promise<void> {
    const name = `copse chat ${account.place}: ${account.name}@${account.device}`;
    const crypto = await webCryptoProvider();
    const suite = crypto.suites.find(({ id }) => id === PREFERRED_SUITE)?.id ?? crypto.suites[0]?.id;
    this.#account = account;
    const devices = new Devices(account.place, account.name);
    this.#devices = devices;
    this.#notes = await Notes.open(indexedDbStorage({ name: `${name}, notes` }));
    const messenger = await openMessenger({
      storage: indexedDbStorage({ name }),
      crypto,
      ...(suite !== undefined && { suite }),
      credential: account.name,
      authentication,
      // Somebody looks at it, and the service has few clients.
      limits: { longestWait: LONGEST_WAIT },
      delivery: async (client) => {
        const line = new Line(
          () =>
            this.#connect({
              user: account.name,
              client,
              knock: () => devices.knock(knockOf(account, client)),
            }),
          (passed) => {
            if (passed.group) this.#rooms.get(passed.group)?.passed(passed);
            this.#changed();
          },
        );
        await line.reach();
        this.#line = line;
        return line;
      },
    });
    this.#messenger = messenger;
    for (const conversation of messenger.conversations) await this.#room(conversation);
    messenger.on((event) => void this.#heard(event));
    devices.listen((knock) => {
      this.#knocks.set(knock.id, knock);
      this.#changed();
    });
    this.#changed();
    // Others can invite them as soon as their key packages are there.
    const isReady = messenger.settled().then(() => {
      this.#isReady = true;
      this.#changed();
    });
    isReady.catch(() => undefined);
  }

  /** Each is opened once, though several events ask for it. */
  #room(conversation: Conversation): Promise<Room> {
    const { id } = conversation;
    const known = this.#opening.get(id);
    if (known) return known;
    const opening = Room.open(conversation, this.#there.notes.lastCommit(id)).then((room) => {
      this.#rooms.set(id, room);
      return room;
    });
    this.#opening.set(id, opening);
    // It may be tried again.
    opening.catch(() => this.#opening.delete(id));
    return opening;
  }

  async #heard(event: MessengerEvent): Promise<void> {
    if ("conversation" in event && event.conversation) {
      this.#noteIn(await this.#room(event.conversation), event);
    }
    this.#changed();
  }

  #noteIn(room: Room, event: MessengerEvent): void {
    if (event.kind === "message") room.said(event.entry);
    else if (event.kind === "members") room.membersChanged(event.entry);
    else if (event.kind === "epoch") {
      const commit = room.commit(event.epoch, event.by, event.bytes);
      if (commit) void this.#there.notes.noteCommit(room.conversation.id, commit);
    } else if (event.kind === "problem" && (this.#isOnline || event.problem.code !== "delivery")) {
      room.note("problem", () => sentence(event.problem.message));
    }
  }

  async start(title: string, names: readonly string[]): Promise<string> {
    this.#needOnline();
    const signal = AbortSignal.timeout(PATIENCE);
    try {
      const { id } = await this.#there.messenger.start(names, { name: title, signal });
      return id;
    } finally {
      // One that couldn't be started is gone again, and no event tells that.
      this.#changed();
    }
  }

  async open(id: string | undefined): Promise<void> {
    this.#open = id;
    this.#changed();
  }

  async earlier(): Promise<void> {
    if (this.#open !== undefined) await this.#rooms.get(this.#open)?.earlier();
    this.#changed();
  }

  async send(id: string, text: string): Promise<void> {
    const { sent } = await this.#conversation(id).send(text);
    // It waits in the outbox until it is in the log, however long that takes.
    sent.catch((error: Error) => {
      this.#rooms.get(id)?.note("problem", () => `“${text}” couldn't be sent: ${error.message}.`);
      this.#changed();
    });
    this.#changed();
  }

  invite(id: string, names: readonly string[]): Promise<void> {
    return this.#wish(id, (conversation, signal) => conversation.invite(names, { signal }));
  }

  remove(id: string, name: string): Promise<void> {
    return this.#wish(id, (conversation, signal) => conversation.remove([name], { signal }));
  }

  renewKeys(id: string): Promise<void> {
    return this.#wish(id, (conversation, signal) => conversation.update({ signal }));
  }

  async #wish(
    id: string,
    work: (conversation: Conversation, signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    this.#needOnline();
    await work(this.#conversation(id), AbortSignal.timeout(PATIENCE));
    this.#changed();
  }

  /** Resolves when it was asked for: another member must do it, which may take a while. */
  async leave(id: string): Promise<void> {
    this.#needOnline();
    const conversation = this.#conversation(id);
    const asked = new Promise<void>((resolve) => {
      const end = this.#there.messenger.on((event) => {
        if (event.kind !== "state" || event.conversation.id !== id || event.state !== "leaving") return;
        end();
        resolve();
      });
    });
    const left = conversation.leave();
    left.catch(() => undefined);
    await Promise.race([asked, left]);
  }

  async forget(id: string): Promise<void> {
    await this.#conversation(id).delete();
    this.#rooms.delete(id);
    this.#opening.delete(id);
    if (this.#open === id) this.#open = undefined;
    this.#changed();
  }

  async accept(id: string): Promise<string> {
    this.#needOnline();
    const invitation = this.#invitation(id);
    const { id: joined } = await invitation.accept({ signal: AbortSignal.timeout(PATIENCE) });
    this.#changed();
    return joined;
  }

  async decline(id: string): Promise<void> {
    await this.#invitation(id).decline();
    this.#changed();
  }

  async admit(id: string, isMine: boolean): Promise<void> {
    const knock = this.#knocks.get(id);
    if (knock === undefined) return;
    this.#devices?.answer(knock, isMine ? await this.#there.line.admit(knock) : undefined);
    this.#knocks.delete(id);
    this.#changed();
  }

  async goOnline(wanted: boolean): Promise<void> {
    const { line } = this.#there;
    this.#isOnline = wanted;
    this.#changed();
    if (wanted) line.join();
    else await line.cut();
  }

  async verify({ key, name }: Pick<DeviceView, "name" | "key">, verified: boolean): Promise<void> {
    await this.#there.notes.verify(key, name, verified);
    this.#changed();
  }

  #needOnline(): void {
    if (!this.#isOnline) throw new DeliveryError("unavailable", "you are offline");
  }

  #conversation(id: string): Conversation {
    const found = this.#there.messenger.conversation(id);
    if (found === undefined) throw new Error("there is no such conversation any more");
    return found;
  }

  #invitation(id: string) {
    const found = this.#there.messenger.invitations.find((one) => one.id === id);
    if (found === undefined) throw new Error("the invitation was answered already");
    return found;
  }

  /** Tells the page, once for all that changes meanwhile. */
  #changed(): void {
    this.#isStale = true;
    if (this.#telling || this.#messenger === undefined) return;
    this.#telling = true;
    void this.#tellAll();
  }

  async #tellAll(): Promise<void> {
    while (this.#isStale) {
      this.#isStale = false;
      try {
        this.#tell(await this.#view());
      } catch (error) {
        // A group has moved on while it was looked at. Nothing else may come that tells what this one would have shown.
        console.warn("the view couldn't be made", error);
        this.#isStale = true;
        await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
      }
    }
    this.#telling = false;
  }

  async #view(): Promise<View> {
    const { messenger, notes } = this.#there;
    const { name, device } = this.#account as Account;
    const open = this.#open === undefined ? undefined : this.#rooms.get(this.#open);
    if (open) await notes.markRead(open.conversation.id, open.lastPlace);
    const there = messenger.conversations.flatMap(({ id }) => this.#rooms.get(id) ?? []);
    const rooms = await Promise.all(there.map((room) => this.#conversationView(room)));
    const reached = messenger.connected ? (this.#isReady ? "online" : "connecting") : "unreachable";
    return {
      name,
      device,
      connection: this.#isOnline ? reached : "offline",
      conversations: rooms.sort((a, b) => b.lastTime - a.lastTime),
      invitations: await Promise.all(messenger.invitations.map((one) => this.#invitationView(one))),
      knocks: Array.from(this.#knocks.values(), ({ id, device }) => ({ id, device })),
      open: open && {
        id: open.conversation.id,
        items: open.items(),
        hasEarlier: open.hasEarlier,
        inside: await open.inside(),
      },
    };
  }

  async #conversationView(room: Room): Promise<ConversationView> {
    const { conversation, last } = room;
    const { id, members, name, state } = conversation;
    return {
      id,
      title: name ?? "A group without a name",
      members: await Promise.all(members.map((one) => this.#device(one, conversation))),
      state: STATES[state],
      lastText: lastWords(last),
      lastTime: last?.time ?? 0,
      unread: id === this.#open ? 0 : room.unread(this.#there.notes.readUpTo(id)),
    };
  }

  async #invitationView(one: Messenger["invitations"][number]): Promise<InvitationView> {
    const { id, name, by, members, time } = one;
    return {
      id,
      title: name ?? "a group without a name",
      by: await this.#device(by, one),
      members: await Promise.all(members.map((member) => this.#device(member, one))),
      time,
    };
  }

  /** @param place where they are met, which knows the safety number */
  async #device(person: Person, place: Pick<Conversation, "safetyNumber">): Promise<DeviceView> {
    const { user: name, own: isMe } = person;
    const key = keyOf(person);
    const { notes } = this.#there;
    if (!isMe && !this.#numbers.has(`${key} ${name}`)) {
      this.#numbers.set(`${key} ${name}`, await place.safetyNumber(person));
    }
    const verified = notes.isVerified(key);
    const isNew = !isMe && !verified && notes.knows(name);
    return { name, key, isMe, safetyNumber: this.#numbers.get(`${key} ${name}`), verified, isNew };
  }
}
