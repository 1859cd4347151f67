// Where the clients that are measured keep their state, and how many bytes they write there.
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ClientStorage, memoryStorage, sealedStorage } from "@copse/core/storage";
import { nodeStorageCipher } from "@copse/provider-node/storage";

/** What is written to a storage is counted: the values, without the keys. */
export interface Counted {
  readonly storage: ClientStorage;
  readonly written: number;
}

/** A way to keep the state, and what it leaves behind when it is over. */
export interface Keeping {
  readonly name: string;
  /** `undefined`: nowhere, or wherever `save` is called for. */
  readonly counted: Counted | undefined;
  readonly end: () => Promise<void>;
}

export function counting(inner: ClientStorage): Counted {
  const counted = {
    written: 0,
    storage: {
      get: (key: string) => inner.get(key),
      list: (prefix: string) => inner.list(prefix),
      write: (...[changes, steps]: Parameters<ClientStorage["write"]>) => {
        for (const { value } of changes) counted.written += value?.length ?? 0;
        for (const { to } of steps) counted.written += to?.length ?? 0;
        return inner.write(changes, steps);
      },
    },
  };
  return counted;
}

const none = (name: string): Keeping => ({ name, counted: undefined, end: async () => {} });

/** In memory, sealed: what is written is what the memory gets. */
function sealed(): Keeping {
  const below = counting(memoryStorage());
  const storage = sealedStorage(below.storage, nodeStorageCipher(randomBytes(32)));
  return {
    ...none("sealed"),
    counted: {
      storage,
      get written() {
        return below.written;
      },
    },
  };
}

/** In a file of a new directory, durable: each write is on the disk before it is answered. */
async function sqlite(): Promise<Keeping> {
  const { sqliteStorage } = await import("@copse/storage-sqlite");
  const directory = await mkdtemp(join(tmpdir(), "copse-bench-"));
  const storage = await sqliteStorage(join(directory, "state.sqlite"));
  const end = async () => {
    storage.close();
    await rm(directory, { recursive: true });
  };
  return { name: "sqlite", counted: counting(storage), end };
}

/** All of them; of those that aren't there, why not. */
export async function keepings(): Promise<{ all: Keeping[]; absent: string[] }> {
  const memory: Keeping = { ...none("memory"), counted: counting(memoryStorage()) };
  const all = [none("none"), none("save()"), memory, sealed()];
  try {
    return { all: [...all, await sqlite()], absent: [] };
  } catch (error) {
    return { all, absent: [`sqlite isn't measured: ${error instanceof Error ? error.message : error}`] };
  }
}
