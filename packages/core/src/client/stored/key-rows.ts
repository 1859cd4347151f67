// RFC 9420 §9.2, §16.2: private keys that can't be exported, as entries of a storage that keeps the platform's objects.
import { concat, fromHex, toHex } from "../../bytes.js";
import { importLater } from "../../crypto/index.js";
import { MlsError } from "../../errors.js";
import type { CipherSuiteProvider, HpkePrivateKey } from "../../provider/index.js";
import type { StorageChange, StoredEntry } from "./client-storage.js";

/** The size of a name in bytes. A reference is one byte more: so it is never as long as a private key. */
const NAME_SIZE = 16;
const MARK = Uint8Array.of(1);

/**
 * The rows of one owner, a group or a key package. The same key may be in rows of two owners: the platform's objects are
 * copied. So a row goes with the write of its owner by which nothing in it refers to the key any more, and nobody counts.
 */
export class KeyRows {
  readonly #prefix: string;
  readonly #random: (length: number) => Uint8Array;
  readonly #names = new WeakMap<HpkePrivateKey, string>();
  /** Those in the storage. */
  #rows: ReadonlyMap<string, StoredEntry> = new Map();
  /** Those that were made since. */
  readonly #made = new Map<string, StoredEntry>();

  /** @param prefix before the names of the rows */
  constructor(prefix: string, random: (length: number) => Uint8Array) {
    this.#prefix = prefix;
    this.#random = random;
  }

  /** Takes the rows out of entries that were found. @returns the other ones */
  take(entries: readonly StoredEntry[]): readonly StoredEntry[] {
    const prefix = this.#prefix;
    const isRow = ({ key }: StoredEntry) => key.startsWith(prefix);
    const rows = entries.filter(isRow);
    this.#rows = new Map(rows.map((row) => [row.key.slice(prefix.length), row]));
    return rows.length === 0 ? entries : entries.filter((entry) => !isRow(entry));
  }

  /** The provider, which saves references to rows where there are handles of keys, and loads keys from them. */
  provider(provider: CipherSuiteProvider): CipherSuiteProvider {
    const { hpke } = provider;
    const { exportHandle, importHandle } = hpke;
    if (exportHandle === undefined || importHandle === undefined || hpke.savePrivateKey !== undefined)
      return provider;
    const savePrivateKey = async (privateKey: HpkePrivateKey): Promise<Uint8Array> => {
      const known = this.#names.get(privateKey);
      if (known !== undefined) return referenceTo(known);
      const made = await exportHandle(privateKey);
      if (made === undefined) return hpke.exportPrivateKey(privateKey);
      const name = toHex(this.#random(NAME_SIZE));
      this.#names.set(privateKey, name);
      this.#made.set(name, { key: `${this.#prefix}${name}`, value: made.publicKey, handle: made.handle });
      return referenceTo(name);
    };
    const loadPrivateKey = async (saved: Uint8Array): Promise<HpkePrivateKey> => {
      if (saved.length !== NAME_SIZE + 1)
        return importLater(hpke, saved) ?? (await hpke.importPrivateKey(saved)).privateKey;
      const name = toHex(saved.subarray(1));
      const { handle, value } = this.#rows.get(name) ?? {};
      if (handle === undefined || value === undefined)
        throw new MlsError("state", "the storage doesn't have a private key of this state");
      const privateKey = await importHandle(handle, value);
      this.#names.set(privateKey, name);
      return privateKey;
    };
    return { ...provider, hpke: { ...hpke, savePrivateKey, loadPrivateKey, isStored: () => false } };
  }

  /**
   * What makes the storage have the rows of these keys, and no others.
   * @returns besides, what is called when that is written
   */
  changes(keys: Iterable<HpkePrivateKey>): { changes: StorageChange[]; done: () => void } {
    const rows = new Map<string, StoredEntry>();
    const changes: StorageChange[] = [];
    for (const key of keys) {
      const name = this.#names.get(key);
      const row = name === undefined ? undefined : (this.#rows.get(name) ?? this.#made.get(name));
      if (name === undefined || row === undefined || rows.has(name)) continue;
      rows.set(name, row);
      // A copy: what is written is overwritten.
      if (!this.#rows.has(name)) changes.push({ ...row, value: row.value.slice() });
    }
    for (const [name, { key }] of this.#rows) if (!rows.has(name)) changes.push({ key, value: undefined });
    const done = () => {
      this.#rows = rows;
      this.#made.clear();
    };
    return { changes, done };
  }
}

function referenceTo(name: string): Uint8Array {
  return concat(MARK, fromHex(name));
}
