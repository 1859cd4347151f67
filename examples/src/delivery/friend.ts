// Somebody with a messenger: a client whose state is in a storage, at a delivery service.
import { join } from "node:path";
import { type Awaitable, type CryptoProvider, insecureAcceptAll } from "@copse/core";
import { type ClientStorage, memoryStorage } from "@copse/core/storage";
import { type Conversation, type Messenger, openMessenger } from "@copse/delivery";
import { sqliteStorage } from "@copse/storage-sqlite";
import { SessionError } from "../steps.js";
import type { RunningService } from "./services.js";

export const STORAGES = ["memory", "sqlite"] as const;
export type StorageName = (typeof STORAGES)[number];

/** What is waited for comes at once, or something is wrong. */
const PATIENCE = 60_000;

export class Friend {
  readonly name: string;
  readonly #crypto: CryptoProvider;
  readonly #suite: number;
  readonly #service: RunningService;
  readonly #openStorage: () => Promise<ClientStorage & { close?(): void }>;
  #storage: (ClientStorage & { close?(): void }) | undefined;
  #messenger: Messenger | undefined;
  #bytes = 0;

  constructor(options: {
    readonly name: string;
    readonly crypto: CryptoProvider;
    readonly suite: number;
    readonly service: RunningService;
    readonly storage: StorageName;
    /** A folder for databases. */
    readonly data: string;
  }) {
    const { name, crypto, suite, service, storage, data } = options;
    this.name = name;
    this.#crypto = crypto;
    this.#suite = suite;
    this.#service = service;
    const inMemory = memoryStorage();
    this.#openStorage = async () =>
      storage === "memory" ? inMemory : sqliteStorage(join(data, `${name}.db`));
  }

  get messenger(): Messenger {
    if (this.#messenger === undefined) throw new SessionError(`${this.name} isn't there`);
    return this.#messenger;
  }

  /** The one conversation of the story. */
  get conversation(): Conversation {
    const [conversation] = this.messenger.conversations;
    if (conversation === undefined) throw new SessionError(`${this.name} has no conversation`);
    return conversation;
  }

  /** Opens what the storage has, or begins. */
  async open(): Promise<void> {
    this.#storage = await this.#openStorage();
    this.#messenger = await openMessenger({
      storage: this.#storage,
      crypto: this.#crypto,
      suite: this.#suite,
      credential: this.name,
      // For an example: they compare safety numbers.
      authentication: insecureAcceptAll(),
      delivery: (client) => this.#service.connect(this.name, client),
    });
    this.#messenger.on((event) => {
      if (event.kind === "epoch") this.#bytes += event.bytes;
    });
  }

  /** @returns the bytes of the commits that it has taken since it was asked last */
  takeBytes(): number {
    const bytes = this.#bytes;
    this.#bytes = 0;
    return bytes;
  }

  async close(): Promise<void> {
    await this.#messenger?.close();
    this.#storage?.close?.();
    this.#messenger = undefined;
    this.#storage = undefined;
  }

  /** Looks whenever something happens, until there is something to see. @throws SessionError if it takes too long */
  async until<T>(what: string, look: () => Awaitable<T | undefined | false>): Promise<T> {
    let wake: () => void = () => undefined;
    let isAwake = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new SessionError(`${this.name} never saw ${what}`)), PATIENCE);
    });
    const stop = this.messenger.on(() => {
      isAwake = true;
      wake();
    });
    try {
      for (;;) {
        isAwake = false;
        const seen = await look();
        if (seen) return seen;
        const next = new Promise<void>((resolve) => {
          wake = resolve;
        });
        // Something may have happened while it looked.
        if (!isAwake) await Promise.race([next, late]);
      }
    } finally {
      clearTimeout(timer);
      stop();
    }
  }

  /** What was said, in order. */
  async heard(): Promise<string[]> {
    const entries = await this.conversation.history({ limit: 1000 });
    return entries.flatMap((entry) => (entry.kind === "message" ? [entry.text] : []));
  }
}
