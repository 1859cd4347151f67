// A place for a client's state, small enough that any database can be one.
import type { Awaitable } from "../../provider/index.js";

/** An entry of a storage. */
export interface StoredEntry {
  readonly key: string;
  readonly value: Uint8Array;
  /** What was put with it, as an object that is of as much use; see {@link ClientStorage.handles}. */
  readonly handle?: object | undefined;
}

/** A change of an entry. */
export interface StorageChange {
  readonly key: string;
  /** `undefined` deletes the entry, if it is there. */
  readonly value: Uint8Array | undefined;
  /** Is kept with the bytes, and deleted with them; see {@link ClientStorage.handles}. Not with a `value` of `undefined`. */
  readonly handle?: object | undefined;
}

/** A step from one version to the next: an entry that is compared, and replaced or deleted, in the same write. */
export interface VersionStep {
  readonly key: string;
  /** What the entry must be for the write to take place: at most 64 bytes; `undefined`: it must not be there. */
  readonly from: Uint8Array | undefined;
  /** What it is afterwards: at most 64 bytes; `undefined` deletes it. */
  readonly to: Uint8Array | undefined;
}

/**
 * Where a client keeps its state: entries, each a key and bytes. One client has a storage to itself; several openers of
 * that client (tabs, processes) may have one at the same time.
 *
 * Keys have 1 to 255 characters, of `a` to `z`, `0` to `9`, `-` and `/`. Values have 0 to 2^31 - 1 bytes; a group of 10,000
 * members takes a few megabytes. A storage copies the values that it gets before `write` is done, and what it returns
 * belongs to the caller: the core overwrites both.
 *
 * What a call throws or rejects with says nothing about the state: after a `write` that failed, the core reads again what is
 * there. `@copse/storage-conformance` checks a storage.
 */
export interface ClientStorage {
  /** The value of an entry; `undefined` if it isn't there. */
  get(key: string): Awaitable<Uint8Array | undefined>;
  /**
   * All entries whose key begins with `prefix`, in the byte order of their keys. They are those of one moment: of each
   * write all or nothing.
   */
  list(prefix: string): Awaitable<readonly StoredEntry[]>;
  /**
   * Makes all changes and steps together, or none. When it is done, they outlast a crash of the process, and each later
   * `get` and `list` of any opener sees them. No key is in a call twice.
   * @returns `true` if they were made; `false` if the entry of a step isn't what the step comes from: then nothing has changed
   */
  write(changes: readonly StorageChange[], steps: readonly VersionStep[]): Awaitable<boolean>;
  /**
   * Whether an entry may have a handle beside its bytes: a private key that the platform keeps and doesn't give away, such as
   * a CryptoKey, which IndexedDB stores as it is. It comes and goes with the bytes, in the same write, and `list` returns
   * it. Default: no, and then none is given.
   */
  readonly handles?: boolean;
  /**
   * Runs `work` while no other opener's work with the same name runs, in the order of the calls, and settles as it does: by
   * Web Locks, for example. Without it, openers that write at once are told so by `write`, and the core tries again; with
   * it, each gets its turn. The name is like a key. A turn that ends early ends nothing that has begun.
   */
  turn?(name: string, work: () => Promise<void>): Promise<void>;
  /**
   * Calls `listener` soon after another opener has written something: by a BroadcastChannel, for example.
   * @returns what ends that
   */
  changes?(listener: () => void): () => void;
}
