// One client of the run: a messenger, what it is told to do, and what it tells.
import { generateSigner, insecureAcceptAll, type Signer, toHex } from "@copse/core";
import { type ClientStorage, memoryStorage } from "@copse/core/storage";
import { type Conversation, type Messenger, type MessengerEvent, openMessenger } from "@copse/delivery";
import type { DeliveryService } from "@copse/delivery/service";
import { sqliteStorage } from "@copse/storage-sqlite";
import { type ClientEvent, type FinalEntry, type FinalView, nameIn, nameOf } from "../model/events.js";
import { restoreOlder } from "./faults.js";
import type { Cast, Deed } from "./orders.js";
import { watchedProvider } from "./watch.js";

export const SUITE = 1;
/** How much of a history is read at once. */
const PAGE = 1000;
/** Waits are short: the run has minutes, not days. */
const LIMITS = {
  firstWait: 20,
  longestWait: 1000,
  proposalWait: 300,
  keyPackages: 8,
  updateAfterCommits: 30,
};

const usersOf = (people: readonly { readonly user: string }[]) => people.map(({ user }) => user).sort();

const authenticatorOf = ({ group }: Conversation) =>
  group?.active === true ? toHex(group.epochAuthenticator) : "none";

export class Device {
  readonly name: string;
  readonly messenger: Messenger;
  readonly #tell: (event: ClientEvent) => void;
  readonly #storage: ClientStorage & { close?(): void };

  private constructor(
    cast: Cast,
    messenger: Messenger,
    storage: ClientStorage,
    tell: (event: ClientEvent) => void,
  ) {
    this.name = cast.name;
    this.messenger = messenger;
    this.#storage = storage;
    this.#tell = tell;
  }

  /**
   * @param connect to the service, as this client
   * @param signer of one whose keys are in the hands of somebody dishonest
   */
  static async open(
    cast: Cast,
    connect: (client: Messenger["client"]) => Promise<DeliveryService>,
    tell: (event: ClientEvent) => void,
    signer?: Signer,
  ): Promise<Device> {
    const { name: client, folder } = cast;
    restoreOlder(cast);
    const storage =
      folder === undefined ? memoryStorage() : await sqliteStorage(`${folder}/${client}.sqlite`);
    const messenger = await openMessenger({
      storage,
      crypto: watchedProvider(SUITE, (seen) => tell({ kind: "twice", client, ...seen })),
      suite: SUITE,
      credential: client,
      authentication: insecureAcceptAll(),
      ...(signer === undefined ? {} : { signer }),
      delivery: connect,
      accept: () => true,
      limits: LIMITS,
    });
    const device = new Device(cast, messenger, storage, tell);
    messenger.on((event) => device.#on(event));
    for (const conversation of messenger.conversations) device.#enter(conversation);
    return device;
  }

  #enter(conversation: Conversation): void {
    const { id, group, epoch, members } = conversation;
    if (group?.active !== true) return;
    this.#tell({
      kind: "epoch",
      client: this.name,
      group: id,
      epoch: Number(epoch),
      authenticator: toHex(group.epochAuthenticator),
      members: usersOf(members),
    });
  }

  #on(event: MessengerEvent): void {
    if (event.kind === "epoch" || event.kind === "conversation" || event.kind === "state")
      this.#enter(event.conversation);
    if (event.kind !== "problem") return;
    const { conversation, problem } = event;
    const { code, message, cause } = problem;
    const text = cause instanceof Error ? `${message}: ${cause.message}` : message;
    this.#tell({ kind: "problem", client: this.name, group: conversation?.id ?? "", code, text });
  }

  conversation(id: string): Conversation {
    const found = this.messenger.conversation(id);
    if (found === undefined) throw new Error(`${this.name} doesn't know the group`);
    return found;
  }

  /** @returns the group of a conversation that it starts */
  async do(deed: Deed): Promise<string | undefined> {
    if (deed.kind === "start") return (await this.messenger.start(deed.users, { name: deed.name })).id;
    const conversation = this.conversation(deed.group);
    if (deed.kind === "send") await this.#send(conversation, deed.n, deed.size);
    else if (deed.kind === "invite") await conversation.invite(deed.users);
    else if (deed.kind === "remove") await conversation.remove(deed.users);
    else if (deed.kind === "update") await conversation.update();
    else if (deed.kind === "leave") await conversation.leave();
    else throw new Error(`${this.name} is honest: it doesn't ${deed.kind}`);
    return undefined;
  }

  async #send(conversation: Conversation, n: number, size: number): Promise<void> {
    const message = nameOf(this.name, n);
    const { id, sent } = await conversation.send(`${message} ${"x".repeat(size)}`);
    const { epoch = 0n } = await sent;
    const [client, group] = [this.name, conversation.id];
    this.#tell({ kind: "acknowledged", client, group, message, id, epoch: Number(epoch) });
  }

  async #history(conversation: Conversation): Promise<FinalEntry[]> {
    const found: FinalEntry[] = [];
    for (let after = -1; ; ) {
      const page = await conversation.history({ after, limit: PAGE });
      for (const entry of page) {
        after = Math.max(after, entry.place ?? after);
        if (entry.kind === "members")
          found.push({
            epoch: Number(entry.epoch),
            rejoined: usersOf(entry.rejoined),
            removesIt: entry.removed.some(({ own }) => own),
          });
        else if (entry.place !== undefined)
          found.push({
            message: nameIn(entry.text),
            sender: entry.sender.user,
            epoch: Number(entry.epoch),
          });
      }
      if (page.length < PAGE) return found;
    }
  }

  /** What it has of all groups in which it ever was. @param wholly with their histories */
  async look(wholly: boolean): Promise<FinalView[]> {
    return Promise.all(
      this.messenger.conversations.map(async (conversation) => ({
        client: this.name,
        group: conversation.id,
        isMember: conversation.state !== "left" && conversation.state !== "removed",
        epoch: Number(conversation.epoch),
        authenticator: authenticatorOf(conversation),
        members: usersOf(conversation.members),
        history: wholly ? await this.#history(conversation) : [],
        waiting: conversation.outbox().length,
      })),
    );
  }

  async close(): Promise<void> {
    await this.messenger.close();
    this.#storage.close?.();
  }
}

export const newSigner = () =>
  generateSigner(
    watchedProvider(SUITE, () => {}),
    SUITE,
  );
