// The storages in which Alice's state is.
import { type ClientStorage, memoryStorage, sealedStorage } from "@copse/core/storage";
import { nodeStorageCipher } from "@copse/provider-node/storage";
import { fileStorage } from "@copse/storage-conformance/file";
import { sqliteStorage } from "@copse/storage-sqlite";

export interface Place {
  /** `early` is one with a fault: it answers before it has written. */
  readonly kind: "sqlite" | "files" | "sealed" | "early";
  readonly path: string;
}

/** The same in each process. */
const MASTER_KEY = new Uint8Array(32).fill(1);

export async function openPlace({ kind, path }: Place): Promise<ClientStorage & { close?(): void }> {
  if (kind === "files") return fileStorage(path);
  if (kind === "early") return early(fileStorage(path));
  const storage = await sqliteStorage(path);
  if (kind === "sqlite") return storage;
  return { ...sealedStorage(storage, nodeStorageCipher(MASTER_KEY)), close: () => storage.close() };
}

/** In milliseconds: so long after its answer a write is made. */
const LATE = 20;

/** Keeps the state in memory, and writes it down a little later. */
async function early(files: ClientStorage): Promise<ClientStorage & { close(): void }> {
  const memory = memoryStorage();
  await memory.write(await files.list(""), []);
  const write = async () => {
    const now = await memory.list("");
    const there = new Set(now.map(({ key }) => key));
    const gone = (await files.list("")).filter(({ key }) => !there.has(key));
    await files.write([...now, ...gone.map(({ key }) => ({ key, value: undefined }))], []);
  };
  let isDue = false;
  const writeLate = () => {
    isDue = false;
    void write();
  };
  return {
    get: memory.get,
    list: memory.list,
    write(...changes) {
      if (!isDue) setTimeout(writeLate, LATE);
      isDue = true;
      return memory.write(...changes);
    },
    close: () => void write(),
  };
}
