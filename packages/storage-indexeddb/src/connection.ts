// A connection to a database that other openers may want to end.
import { type DBSchema, deleteDB, type IDBPDatabase, type IDBPObjectStore, openDB } from "idb";
import { IndexedDbError, saidError } from "./errors.js";

/** An entry: its bytes, and perhaps a key that can't be exported. */
export type Value = Uint8Array | { readonly value: Uint8Array; readonly handle: object };

interface Schema extends DBSchema {
  /** What the client writes. */
  entries: { key: string; value: Value };
  /** What the storage keeps for itself: `id`, which is new in each database, and `master-key`. */
  own: { key: string; value: Uint8Array | CryptoKey };
}

type StoreName = "entries" | "own";
type Mode = "readonly" | "readwrite";
export type Store<N extends StoreName, M extends Mode> = IDBPObjectStore<Schema, [N], N, M>;
type Database = IDBPDatabase<Schema>;

const VERSION = 1;
const ID_SIZE = 16;

/**
 * The connection of one opener. It is made when it is first needed, and again when the browser has ended it. It gives way to
 * who deletes the database or has a newer one, and is of no use after that: the client would go on with a state that is gone.
 */
export class Connection {
  readonly #name: string;
  #database: Promise<Database> | undefined;
  /** The `id` of the database that was opened first. */
  #id: string | undefined;
  /** Why there will be no connection any more. */
  #ended: IndexedDbError | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  /** Reads in one transaction. @param work waits for nothing but its requests @throws IndexedDbError */
  read<T, N extends StoreName>(name: N, work: (store: Store<N, "readonly">) => Promise<T>): Promise<T> {
    return this.#run(name, "readonly", work);
  }

  /**
   * Writes in one transaction, which is safe on the disk when this answers.
   * @param work waits for nothing but its requests @throws IndexedDbError, then nothing is written
   */
  write<T, N extends StoreName>(name: N, work: (store: Store<N, "readwrite">) => Promise<T>): Promise<T> {
    return this.#run(name, "readwrite", work);
  }

  async close(): Promise<void> {
    this.#ended ??= new IndexedDbError("closed");
    const open = await this.#database?.catch(() => undefined);
    open?.close();
  }

  /** @throws IndexedDbError `unavailable`, `blocked`, `failed` */
  async delete(): Promise<void> {
    await this.close();
    this.#ended = new IndexedDbError("deleted");
    try {
      await new Promise<void>((resolve, reject) => {
        needIndexedDb();
        const blocked = () => reject(new IndexedDbError("blocked"));
        deleteDB(this.#name, { blocked }).then(resolve, reject);
      });
    } catch (error) {
      throw saidError(error);
    }
  }

  async #run<T, N extends StoreName, M extends Mode>(
    name: N,
    mode: M,
    work: (store: Store<N, M>) => Promise<T>,
  ): Promise<T> {
    try {
      const transaction = await this.#transaction(name, mode);
      // Whoever is refused gets the error of its request. Without one, it is that of the whole.
      const done = transaction.done;
      done.catch(() => undefined);
      try {
        const result = await work(transaction.store as Store<N, M>);
        await done;
        return result;
      } catch (error) {
        // What threw before any request failed leaves a transaction that would be made in part.
        await undone(transaction);
        throw error;
      }
    } catch (error) {
      throw this.#ended ?? saidError(error);
    }
  }

  async #transaction<N extends StoreName, M extends Mode>(name: N, mode: M) {
    const begin = (database: Database) =>
      database.transaction<[N], M>([name], mode, { durability: "strict" });
    const opened = await this.#opened();
    try {
      return begin(opened);
    } catch (error) {
      if (this.#ended !== undefined || (error as Error).name !== "InvalidStateError") throw error;
      // The browser has ended it: nothing was begun.
      this.#database = undefined;
      return begin(await this.#opened());
    }
  }

  #opened(): Promise<Database> {
    if (this.#ended !== undefined) throw this.#ended;
    if (this.#database === undefined) {
      const connecting = this.#connect().catch((error) => {
        if (this.#database === connecting) this.#database = undefined;
        throw error;
      });
      this.#database = connecting;
    }
    return this.#database;
  }

  async #connect(): Promise<Database> {
    needIndexedDb();
    const database = await openDB<Schema>(this.#name, VERSION, {
      upgrade(made) {
        made.createObjectStore("entries");
        const id = globalThis.crypto.getRandomValues(new Uint8Array(ID_SIZE));
        void made.createObjectStore("own").put(id, "id");
      },
      blocking: (_, version, { target }) => {
        this.#ended ??= new IndexedDbError(version === null ? "deleted" : "newer");
        (target as IDBDatabase).close();
      },
      terminated: () => {
        this.#database = undefined;
      },
    }).catch((error: Error) => {
      // Firefox's, where it allows no database.
      throw error.name === "InvalidStateError" ? new IndexedDbError("unavailable", error) : error;
    });
    const id = String(await database.get("own", "id"));
    this.#id ??= id;
    if (this.#id !== id) this.#ended ??= new IndexedDbError("deleted");
    if (this.#ended === undefined) return database;
    database.close();
    throw this.#ended;
  }
}

function needIndexedDb(): void {
  const { indexedDB } = globalThis as { readonly indexedDB?: unknown };
  if (indexedDB === undefined || indexedDB === null) throw new IndexedDbError("unavailable");
}

/** Ends a transaction, if it hasn't ended by itself, and waits for that. */
async function undone(transaction: { abort(): void; readonly done: Promise<void> }): Promise<void> {
  try {
    transaction.abort();
  } catch {
    // It has ended.
  }
  await transaction.done.catch(() => undefined);
}
