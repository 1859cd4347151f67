// NIST SP 800-38D: a part of a storage, whose values are sealed, and all of them together.
import { ascii, type Bytes, concat } from "../../../bytes.js";
import { MlsError } from "../../../errors.js";
import type { StorageCipher } from "../../../provider/index.js";
import type { StorageChange, StoredEntry, VersionStep } from "../client-storage.js";
import { GROUP } from "../entries.js";
import { type OpenValue, PartKeys, tagOf } from "./part-keys.js";
import { TagList } from "./tag-list.js";

/** The part that a key, or a prefix of keys, belongs to: one for the client, one for each group and each name below `app/`. */
export function partOf(key: string): string {
  return /^(?:client\/|(?:group|app)\/(?:[^/]{1,200}\/)?)/.exec(key)?.[0] ?? "";
}

/** What a part is after one of its writes. */
export interface PartState {
  /** The value that it has in the storage, in the place of its version; `undefined` if the part isn't there. */
  readonly seal: Uint8Array | undefined;
  /** How many writes it has had. */
  readonly writes: number;
  /** Its version, as the one who writes it gave it. */
  readonly version: Uint8Array | undefined;
  readonly tags: TagList;
}

/** The keys of entries, each character a byte. */
const KEY = /^[a-z0-9/-]+$/;

/** The size of the number of writes in a seal, in bytes. */
const WRITES_SIZE = 6;

/** A write of a part, before it is made. */
export interface PartWrite {
  readonly part: Part;
  readonly state: PartState;
  readonly changes: readonly StorageChange[];
  /** None if nothing is left of the part. */
  readonly step: VersionStep | undefined;
}

/** What isn't what was written. */
export const damaged = (message: string): MlsError => new MlsError("state", message);

export class Part {
  readonly name: string;
  /**
   * The entry of its seal: the number of writes and the version, sealed with the names and tags of all values as associated
   * data. So it fits one set of values alone, and the storage compares it as the version that it replaces.
   */
  readonly versionKey: string;
  /** When nothing of it is there. */
  readonly #nothing: PartState;
  readonly #keys: PartKeys;

  constructor(name: string, cipher: StorageCipher, valuesPerKey: number) {
    this.name = name;
    this.versionKey = `${name}version`;
    this.#nothing = { seal: undefined, writes: 0, version: undefined, tags: TagList.of(name) };
    this.#keys = new PartKeys(cipher, name, valuesPerKey);
  }

  /** Whether it may be deleted, as groups are: others keep their seal, even when nothing else is left of them. */
  get canEnd(): boolean {
    return this.name.startsWith(GROUP);
  }

  opener(): OpenValue {
    return this.#keys.opener();
  }

  /**
   * Checks that entries are all those of one write.
   * @param entries all of the part, in the byte order of their keys, as the storage has them
   * @throws MlsError `state`
   */
  async check(entries: readonly StoredEntry[], open: OpenValue): Promise<PartState> {
    if (entries.length === 0) return this.#nothing;
    const values = entries.filter(({ key }) => key !== this.versionKey);
    const seal = entries.find(({ key }) => key === this.versionKey)?.value;
    const tags = this.#nothing.tags.with(values.map(({ key, value }) => [key, tagOf(value)]));
    // A key with other characters, or one that is there twice, could be taken for another.
    const areKeys = tags.size === values.length && values.every(({ key }) => KEY.test(key));
    const opened = areKeys && seal && (await open(seal, tags.bytes));
    if (!seal || !opened || opened.length < WRITES_SIZE) {
      // To say which, if it can be told.
      for (const entry of values) await this.open(entry, open);
      throw damaged(`the entries of ${this.shown} aren't those of one write: changed, put back or left out`);
    }
    const writes = opened.subarray(0, WRITES_SIZE).reduce((number, byte) => number * 256 + byte, 0);
    const version = opened.length === WRITES_SIZE ? undefined : opened.slice(WRITES_SIZE + 1);
    return { seal, writes, version, tags };
  }

  /** @throws MlsError `state` */
  async open({ key, value }: StoredEntry, open: OpenValue): Promise<Uint8Array> {
    const opened = await open(value, ascii(key));
    if (opened === undefined)
      throw damaged(
        `${key} isn't what was sealed there with this master key: the key is another one, or the value is damaged, of another place, or not sealed`,
      );
    return opened;
  }

  /** The write that makes changes, from a state of the part. @param changes those of its version too */
  async next(state: PartState, changes: readonly StorageChange[]): Promise<PartWrite> {
    let { version } = state;
    const tags: [string, Uint8Array | undefined][] = [];
    const sealed: StorageChange[] = [];
    const seal = this.#keys.sealer(changes.length + 1);
    const sealOne = async (change: StorageChange): Promise<StorageChange> => {
      const { key, value } = change;
      return value === undefined ? change : { ...change, value: await seal(value, ascii(key)) };
    };
    for (const change of await Promise.all(
      changes.filter(({ key }) => key !== this.versionKey).map(sealOne),
    )) {
      tags.push([change.key, change.value && tagOf(change.value)]);
      sealed.push(change);
    }
    const own = changes.find(({ key }) => key === this.versionKey);
    if (own !== undefined) version = own.value?.slice();
    const list = state.tags.with(tags);
    const writes = state.writes + 1;
    if (version === undefined && list.size === 0 && (this.canEnd || state.seal === undefined))
      return {
        part: this,
        state: { ...this.#nothing, writes },
        changes: sealed,
        step: state.seal && { key: this.versionKey, from: state.seal, to: undefined },
      };
    const plaintext = concat(sixBytes(writes), ...(version === undefined ? [] : [Uint8Array.of(1), version]));
    const to = await seal(plaintext, list.bytes);
    return {
      part: this,
      state: { seal: to, writes, version, tags: list },
      changes: sealed,
      step: { key: this.versionKey, from: state.seal, to },
    };
  }

  /** For errors. */
  get shown(): string {
    return this.name === "" ? "the storage" : this.name;
  }
}

function sixBytes(number: number): Bytes {
  const bytes = new Uint8Array(WRITES_SIZE);
  for (let i = WRITES_SIZE - 1, rest = number; i >= 0; i--, rest = Math.floor(rest / 256))
    bytes[i] = rest % 256;
  return bytes;
}
