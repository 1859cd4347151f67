// RFC 9420 §16.6: a client with a sealed storage, and what an attacker makes of that storage.
import type { Group } from "@copse/core";
import {
  type ClientStorage,
  memoryStorage,
  type SealedStorageOptions,
  type StoredClient,
  type StoredEntry,
  sealedStorage,
  type WriteMemory,
} from "@copse/core/storage";
import { nodeStorageCipher } from "@copse/provider-node/storage";
import { type Party, party } from "@copse/test-support/clients";
import { opened, SUITE } from "../storage/stores.js";

export const KEY: Uint8Array = new Uint8Array(32).fill(3);
export const ID: Uint8Array = new TextEncoder().encode("team");

export const sealed = (
  inner: ClientStorage,
  options: SealedStorageOptions = {},
  key: Uint8Array = KEY,
): ClientStorage => sealedStorage(inner, nodeStorageCipher(key), options);

/** All entries of a storage as they are, the values of a sealed one in the form that it has them. */
export type Snapshot = readonly StoredEntry[];
export const snapshot = async (inner: ClientStorage): Promise<Snapshot> => inner.list("");

/** A storage that has what an attacker left in it, and counts the writes that were made after that. */
export interface Attacked extends ClientStorage {
  readonly writes: number;
}

export function attacked(entries: Snapshot): Attacked {
  const inner = memoryStorage();
  void inner.write(entries, []);
  let writes = 0;
  return {
    ...inner,
    write(...write) {
      writes++;
      return inner.write(...write);
    },
    get writes() {
      return writes;
    },
  };
}

/** A snapshot with some entries changed; without those that are `undefined`. */
export function changed(
  entries: Snapshot,
  changes: Readonly<Record<string, Uint8Array | undefined>>,
): Snapshot {
  const all = new Map(entries.map(({ key, value }) => [key, value]));
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) all.delete(key);
    else all.set(key, value);
  }
  return Array.from(all, ([key, value]) => ({ key, value }));
}

export const contentOf = (entries: Snapshot, key: string): Uint8Array | undefined =>
  entries.find((entry) => entry.key === key)?.value;

/** Opens the client, loads its group, and uses both. @returns what it fails with, if it does */
export async function use(inner: ClientStorage, options: SealedStorageOptions = {}): Promise<unknown> {
  try {
    const client = await opened(sealed(inner, options));
    const group = await client.group(ID);
    await group?.encrypt("again");
    await client.createKeyPackage();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** How many writes each part has had, in memory that the attacker doesn't reach. */
export function writeMemory(): WriteMemory & { readonly parts: Map<string, number> } {
  const parts = new Map<string, number>();
  return {
    parts,
    recall: (prefix) => new Map([...parts].filter(([part]) => part.startsWith(prefix))),
    remember: (part, writes) => void parts.set(part, Math.max(writes, parts.get(part) ?? 0)),
  };
}

export interface Scene {
  readonly inner: ClientStorage;
  readonly client: StoredClient;
  readonly group: Group;
  readonly bob: Party;
  readonly bobs: Group;
}

/** Alice with a sealed storage, and Bob, in a group that both have sent to. */
export async function scene(options: SealedStorageOptions = {}, key: Uint8Array = KEY): Promise<Scene> {
  const inner = memoryStorage();
  const client = await opened(sealed(inner, options, key));
  await client.createKeyPackage();
  const bob = await party("bob", { suite: SUITE });
  const group = await client.createGroup({ groupId: ID });
  const { welcome } = await group.add(await bob.client.createKeyPackage());
  await group.mergePendingCommit();
  const bobs = await bob.client.join(welcome as Uint8Array);
  await group.receive(await bobs.encrypt("hello"));
  await bobs.receive(await group.encrypt("hello, too"));
  return { inner, client, group, bob, bobs };
}
