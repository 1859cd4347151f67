// RFC 9420 §16.2: clients with storages for tests, and storages that fail, wait and crash.
import { type Group, insecureAcceptAll } from "@copse/core";
import { type ClientStorage, memoryStorage, openClient, type StoredClient } from "@copse/core/storage";
import { nodeProvider } from "@copse/provider-node";
import { type Party, type PartyOptions, party } from "@copse/test-support/clients";

export const SUITE = 1;

/** Opens a client that has its signer in the storage. */
export function opened(
  storage: ClientStorage,
  name = "alice",
  options: Partial<PartyOptions> = {},
): Promise<StoredClient> {
  const common = { crypto: nodeProvider(), suite: SUITE, authentication: insecureAcceptAll() };
  return openClient({ ...common, credential: name, ...options, storage });
}

/** What a write does: `refused` isn't made, `lost` isn't made and `late` is made, and both fail; `silent` is made. */
export type Fate = "made" | "refused" | "lost" | "late" | "silent";

/** Writes that wait, until they are let go. */
export interface Hold {
  /** When the first of them waits. */
  readonly reached: Promise<void>;
  /** Lets them go on, and those that follow. */
  open(): void;
}

/** A storage whose calls can be looked at and made to fail or wait. */
export class TestStorage implements ClientStorage {
  readonly #inner: ClientStorage;
  /** How many writes were made, and how many bytes they had. */
  writes = 0;
  bytes = 0;
  /** The fate of the next writes. */
  readonly fates: Fate[] = [];
  #gate: { readonly opened: Promise<void>; readonly arrive: () => void } | undefined;
  readonly #slow: Promise<void>[] = [];
  /** Whether reading fails. */
  isDown = false;

  constructor(inner: ClientStorage = memoryStorage()) {
    this.#inner = inner;
  }

  #read<T>(work: () => T): T {
    if (this.isDown) throw new Error("the disk is gone");
    return work();
  }

  async get(key: string) {
    const wait = this.#slow.shift();
    const value = await this.#read(() => this.#inner.get(key));
    await wait;
    return value;
  }

  list(prefix: string) {
    return this.#read(() => this.#inner.list(prefix));
  }

  async write(...write: Parameters<ClientStorage["write"]>): Promise<boolean> {
    const fate = this.fates.shift() ?? "made";
    this.#gate?.arrive();
    await this.#gate?.opened;
    if (fate === "refused") return false;
    if (fate === "lost") throw new Error("the disk is full");
    const isMade = await this.#inner.write(...write);
    if (isMade) this.writes++;
    for (const { value } of write[0]) this.bytes += value?.length ?? 0;
    for (const { to } of write[1]) this.bytes += to?.length ?? 0;
    if (fate === "late") throw new Error("the connection was lost");
    return fate === "silent" ? (undefined as unknown as boolean) : isMade;
  }

  /** Lets the writes that follow wait. */
  hold(): Hold {
    let arrive = () => {};
    const reached = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    let go = () => {};
    const opened = new Promise<void>((resolve) => {
      go = resolve;
    });
    const gate = { opened, arrive };
    this.#gate = gate;
    const open = () => {
      if (this.#gate === gate) this.#gate = undefined;
      go();
    };
    return { reached, open };
  }

  /** Lets the next `get` wait with what it has read. @returns what lets it go on */
  slow(): () => void {
    let go = () => {};
    const wait = new Promise<void>((resolve) => {
      go = resolve;
    });
    this.#slow.push(wait);
    return go;
  }

  /** Writes that follow go on. Those that wait are never let go. */
  release(): void {
    this.#gate = undefined;
  }

  /** All entries, as text and in their order. */
  async all(): Promise<[key: string, value: string][]> {
    return (await this.#inner.list("")).map(({ key, value }) => [key, Buffer.from(value).toString("hex")]);
  }
}

/** The functions of a storage, each by itself. */
export function bound(storage: ClientStorage): ClientStorage {
  return {
    get: (key) => storage.get(key),
    list: (prefix) => storage.list(prefix),
    write: (changes, steps) => storage.write(changes, steps),
  };
}

/** The group as a client finds it that is opened anew, as after a crash. */
export async function found(storage: ClientStorage, groupId: Uint8Array, name = "alice"): Promise<Group> {
  const group = await (await opened(storage, name)).group(groupId);
  if (group === undefined) throw new Error("the group isn't there");
  return group;
}

/** The ID of {@link team}. */
export const ID: Uint8Array = new TextEncoder().encode("team");

interface Team {
  readonly storage: TestStorage;
  readonly alice: StoredClient;
  readonly bob: Party;
  readonly a: Group;
  readonly b: Group;
}

/** Alice, with a storage, and Bob, without one, in a group. */
export async function team(storage: TestStorage = new TestStorage()): Promise<Team> {
  const alice = await opened(storage);
  const bob = await party("bob", { suite: SUITE });
  const a = await alice.createGroup({ groupId: ID });
  const { welcome } = await a.add(await bob.client.createKeyPackage());
  await a.mergePendingCommit();
  const b = await bob.client.join(welcome as Uint8Array);
  return { storage, alice, bob, a, b };
}
