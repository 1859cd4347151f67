// Messengers for tests: each with a storage in memory, over one service.
import { generateSigner, insecureAcceptAll, type Signer } from "@copse/core";
import { type ClientStorage, memoryStorage } from "@copse/core/storage";
import {
  type Conversation,
  type DeliveryService,
  type MemoryDelivery,
  type MemoryDeliveryOptions,
  type MessageEntry,
  type Messenger,
  type MessengerEvent,
  type MessengerOptions,
  memoryDelivery,
  openMessenger,
} from "@copse/delivery";
import { nodeProvider } from "@copse/provider-node";
import { afterEach } from "vitest";

export const crypto = nodeProvider();
export const SUITE = 1;

/** Waits that are short, so that tests are. */
export const QUICK = { firstWait: 5, longestWait: 100, proposalWait: 40 };

export type Limits = NonNullable<MessengerOptions["limits"]>;

/** A user's client, opened as often as wanted. */
export interface Someone {
  readonly name: string;
  readonly storage: ClientStorage;
  readonly messenger: Messenger;
  /** All that it was told. */
  readonly events: MessengerEvent[];
  /** Waits for an event. It may have come already. */
  until(isIt: (event: MessengerEvent) => boolean): Promise<MessengerEvent>;
  /** Closes it, and opens it again. */
  reopen(options?: Partial<MessengerOptions>): Promise<Someone>;
}

export interface WorldOptions extends MemoryDeliveryOptions {
  /** What each client has instead of its connection. */
  readonly wrap?: (service: DeliveryService, name: string) => DeliveryService;
  /** Those of the messengers. */
  readonly engine?: Limits;
}

const open: Messenger[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

/** A service, and people who use it. By default it checks who is a member. */
export class World {
  readonly delivery: MemoryDelivery;
  readonly #options: WorldOptions;

  constructor(options: WorldOptions = {}) {
    this.#options = options;
    const { wrap, engine, ...own } = options;
    this.delivery = memoryDelivery({ members: "checked", crypto, ...own });
  }

  connect(name: string, key: Uint8Array | string): DeliveryService {
    const service = this.delivery.connect(name, key);
    return this.#options.wrap?.(service, name) ?? service;
  }

  async person(name: string, options: Partial<MessengerOptions> = {}): Promise<Someone> {
    const storage = options.storage ?? memoryStorage();
    const signer: Signer = options.signer ?? (await generateSigner(crypto, SUITE));
    const all: MessengerOptions = {
      crypto,
      suite: SUITE,
      credential: name,
      authentication: insecureAcceptAll(),
      accept: () => true,
      delivery: ({ signatureKey }) => this.connect(name, signatureKey),
      ...options,
      storage,
      signer,
      limits: { ...QUICK, ...this.#options.engine, ...options.limits },
    };
    const messenger = await openMessenger(all);
    open.push(messenger);
    const events: MessengerEvent[] = [];
    const waiting = new Set<() => void>();
    messenger.on((event) => {
      events.push(event);
      for (const look of [...waiting]) look();
    });
    return {
      name,
      storage,
      messenger,
      events,
      until: (isIt) =>
        new Promise((resolve) => {
          const look = () => {
            const found = events.find(isIt);
            if (found === undefined) return;
            waiting.delete(look);
            resolve(found);
          };
          waiting.add(look);
          look();
        }),
      reopen: async (changed = {}) => {
        await messenger.close();
        return this.person(name, { ...all, ...changed });
      },
    };
  }

  async people(...names: readonly string[]): Promise<Someone[]> {
    const all = await Promise.all(names.map((name) => this.person(name)));
    // Others find their key packages.
    await Promise.all(all.map(({ messenger }) => messenger.settled()));
    return all;
  }
}

/** Waits until something holds, looking again at each event of somebody. */
export function until(who: readonly Someone[], holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const ends: (() => void)[] = [];
    const look = () => {
      if (!holds()) return;
      for (const end of ends) end();
      resolve();
    };
    for (const { messenger } of who) ends.push(messenger.on(look));
    look();
  });
}

/** Somebody's conversation, when it is there. */
export async function conversationOf(who: Someone, id: string): Promise<Conversation> {
  await until([who], () => who.messenger.conversation(id) !== undefined);
  return who.messenger.conversation(id) as Conversation;
}

/** A conversation of all, begun by the first, as each of them has it, when all are in it. */
export async function together(people: readonly Someone[], name?: string): Promise<Conversation[]> {
  const [first, ...others] = people as readonly [Someone, ...Someone[]];
  const begun = await first.messenger.start(
    others.map((one) => one.name),
    name === undefined ? {} : { name },
  );
  const all = [begun, ...(await Promise.all(others.map((one) => conversationOf(one, begun.id))))];
  await until(people, () => all.every(({ state }) => state === "active"));
  return all;
}

/** The names in a conversation, in their order. */
export const names = ({ members }: Conversation): string[] => members.map(({ user }) => user).sort();

/** Waits until all have the same members in the same epoch. */
export async function agree(people: readonly Someone[], all: readonly Conversation[]): Promise<void> {
  const view = ({ group }: Conversation) =>
    group?.active ? `${group.epoch} ${Buffer.from(group.epochAuthenticator).toString("hex")}` : "";
  await until(people, () => {
    const views = all.map(view);
    return views[0] !== "" && views.every((one) => one === views[0]);
  });
}

/** What was said, from the history. */
export async function said(conversation: Conversation): Promise<string[]> {
  const entries = await conversation.history({ limit: 1000 });
  return entries
    .filter((one): one is MessageEntry => one.kind === "message")
    .map(({ sender, text }) => `${sender.user}: ${text}`);
}

/** Waits until a conversation has so many messages. */
export async function heard(who: Someone, conversation: Conversation, count: number): Promise<string[]> {
  const told = () =>
    who.events.filter((one) => one.kind === "message" && one.conversation.id === conversation.id).length;
  await until([who], () => told() >= count);
  return said(conversation);
}

/** Whether an event tells that this client was removed. */
export const isRemoved = (event: MessengerEvent): boolean =>
  event.kind === "members" && event.entry.removed.some(({ own }) => own);

/** What went wrong for somebody, as it was told. */
export const problems = ({ events }: Someone): string[] =>
  events.flatMap((one) => (one.kind === "problem" ? [`${one.problem.code}: ${one.problem.message}`] : []));
