// The storages that processes are killed with.
import { type ClientStorage, sealedStorage } from "@copse/core/storage";
import { nodeStorageCipher } from "@copse/provider-node/storage";
import { fileStorage } from "@copse/storage-conformance/file";
import { sqliteStorage } from "@copse/storage-sqlite";
import type { Place } from "./orders.js";

/** The same in each process. */
const MASTER_KEY = new Uint8Array(32).fill(1);

export async function storageAt({ kind, path }: Place): Promise<ClientStorage & { close?(): void }> {
  if (kind === "files") return fileStorage(path);
  const storage = await sqliteStorage(path);
  if (kind === "sqlite") return storage;
  return { ...sealedStorage(storage, nodeStorageCipher(MASTER_KEY)), close: () => storage.close() };
}
