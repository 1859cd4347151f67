// A client's state in IndexedDB.
import { checkOptions, MlsError, type OptionShape } from "@copse/core/provider";
import type { ClientStorage, StorageChange, StoredEntry, VersionStep } from "@copse/core/storage";
import { Connection, type Store, type Value } from "./connection.js";
import { otherOpeners } from "./other-openers.js";

/** The options of {@link indexedDbStorage}. */
export interface IndexedDbStorageOptions {
  /** The name of the database. Each client has one of its own; all who open the same client use the same name. */
  readonly name: string;
}

/** A storage in IndexedDB. Its calls reject with an `IndexedDbError`. */
export interface IndexedDbStorage extends ClientStorage {
  /** Entries may have a `CryptoKey` beside their bytes. */
  readonly handles: true;
  /**
   * A key for `sealedStorage`, for HKDF, of 256 bits, which can't be exported. It is made when it is first asked for, is the
   * same for all openers, and ends with the database.
   */
  masterKey(): Promise<CryptoKey>;
  /** Closes the connection. Calls that are being made end as they would have; all later ones are refused. */
  close(): Promise<void>;
  /**
   * Deletes the whole database, with the master key. Other openers are told: their later calls are refused with `deleted`.
   * @throws IndexedDbError `blocked` if somebody has it open who doesn't give way: it will be deleted when they are gone
   */
  delete(): Promise<void>;
}

const OPTIONS: OptionShape<IndexedDbStorageOptions> = { name: ["string", "!"] };

/**
 * A storage in the IndexedDB of this page, worker, service worker or extension. Nothing is opened before it is used.
 * @throws MlsError `usage`
 * @example
 * const storage = indexedDbStorage({ name: "alice" });
 * const client = await openClient({ storage, crypto, credential: "alice", authentication });
 */
export function indexedDbStorage(options: IndexedDbStorageOptions): IndexedDbStorage {
  const { name } = checkOptions(options, OPTIONS);
  if (name === "")
    throw new MlsError("usage", "expected options.name: the name of a database, got an empty one");
  const connection = new Connection(name);
  const { tell, silence, ...others } = otherOpeners(name);
  return {
    handles: true,
    get: (key) => connection.read("entries", async (store) => entryOf(key, await store.get(key))?.value),
    list: (prefix) => connection.read("entries", (store) => list(store, prefix)),
    async write(changes, steps) {
      const isMade = await connection.write("entries", (store) => write(store, changes, steps));
      if (isMade) tell();
      return isMade;
    },
    ...others,
    masterKey: () => masterKey(connection),
    close() {
      silence();
      return connection.close();
    },
    delete() {
      silence();
      return connection.delete();
    },
  };
}

const isBytes = (value: Value): value is Uint8Array => value instanceof Uint8Array;

function entryOf(key: string, value: Value | undefined): StoredEntry | undefined {
  return value && (isBytes(value) ? { key, value } : { key, ...value });
}

async function list(store: Store<"entries", "readonly">, prefix: string): Promise<readonly StoredEntry[]> {
  // Keys are ASCII: what begins so comes before the last code unit, and their order is that of bytes.
  const range = IDBKeyRange.bound(prefix, `${prefix}\uffff`);
  const [keys, values] = await Promise.all([store.getAllKeys(range), store.getAll(range)]);
  return keys.map((key, i) => entryOf(key, values[i]) as StoredEntry);
}

async function write(
  store: Store<"entries", "readwrite">,
  changes: readonly StorageChange[],
  steps: readonly VersionStep[],
): Promise<boolean> {
  const found = await Promise.all(steps.map(({ key }) => store.get(key)));
  if (!steps.every(({ key, from }, i) => isSame(from, entryOf(key, found[i])?.value))) return false;
  const put = (key: string, given: Uint8Array, handle?: object) => {
    // A view would be stored with all the buffer that it is of. The copy has been read when `put` returns.
    const value = new Uint8Array(given);
    const done = store.put(handle === undefined ? value : { value, handle }, key);
    value.fill(0);
    return done;
  };
  await Promise.all<unknown>([
    ...changes.map(({ key, value, handle }) =>
      value === undefined ? store.delete(key) : put(key, value, handle),
    ),
    ...steps.map(({ key, to }) => (to === undefined ? store.delete(key) : put(key, to))),
  ]);
  return true;
}

function isSame(from: Uint8Array | undefined, found: Uint8Array | undefined): boolean {
  if (from === undefined || found === undefined) return from === found;
  return found.length === from.length && from.every((byte, i) => byte === found[i]);
}

const MASTER = "master-key";

async function masterKey(connection: Connection): Promise<CryptoKey> {
  const find = () => connection.read("own", (store) => store.get(MASTER));
  const found = await find();
  if (found !== undefined) return found as CryptoKey;
  const { crypto } = globalThis;
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const made = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
  secret.fill(0);
  // Another opener may have been faster: all have the key of who was first.
  return connection.write("own", async (store) => {
    const first = await store.get(MASTER);
    if (first !== undefined) return first as CryptoKey;
    await store.put(made, MASTER);
    return made;
  });
}
