// NIST SP 800-38D §8.3: the keys of a part of a storage, one for each generation.
import { ascii, type Bytes, concat, mapKey } from "../../../bytes.js";
import { MlsError } from "../../../errors.js";
import { type Awaitable, isPromise, type StorageCipher, type StorageKey } from "../../../provider/index.js";
import { TAG_SIZE } from "./tag-list.js";

/** Far from the numbers of the other formats. */
const FORMAT = 0xc5;
/** Names the generation of a value's key. */
const SALT_SIZE = 8;
const NONCE_SIZE = 12;
const HEADER_SIZE = 1 + SALT_SIZE;
/** How much longer a sealed value is, in bytes. */
const OVERHEAD = HEADER_SIZE + NONCE_SIZE + TAG_SIZE;

/** A key that seals, until it has sealed enough. */
interface Generation {
  /** The format, and the salt. */
  readonly header: Uint8Array;
  readonly key: Awaitable<StorageKey>;
  sealed: number;
}

/** Opens values of one part. @returns `undefined` for what wasn't sealed there with this master key */
export type OpenValue = (sealed: Uint8Array, associatedData: Uint8Array) => Promise<Uint8Array | undefined>;

/** Seals a value of a part. */
export type SealValue = (plaintext: Uint8Array, associatedData: Uint8Array) => Promise<Bytes>;

/** The tag of a sealed value: different for each. */
export const tagOf = (sealed: Uint8Array): Uint8Array => sealed.subarray(sealed.length - TAG_SIZE);

export class PartKeys {
  readonly #cipher: StorageCipher;
  readonly #info: Uint8Array;
  readonly #valuesPerKey: number;
  /** The generation of this opener: each has its own. */
  #own: Generation | undefined;

  constructor(cipher: StorageCipher, part: string, valuesPerKey: number) {
    this.#cipher = cipher;
    this.#info = ascii(`Copse storage 1 ${part}`);
    this.#valuesPerKey = valuesPerKey;
  }

  /** @returns a function that seals as many values: their nonces are drawn at once */
  sealer(count: number): SealValue {
    const nonces = this.#random(count * NONCE_SIZE);
    let at = 0;
    return async (plaintext, associatedData) => {
      const { header, key } = this.#next();
      const nonce = nonces.subarray(at, at + NONCE_SIZE);
      at += NONCE_SIZE;
      return concat(header, nonce, await (await key).seal(nonce, plaintext, associatedData));
    };
  }

  #random(length: number): Uint8Array {
    const bytes = this.#cipher.random(length);
    if (bytes.length === length) return bytes;
    throw new MlsError(
      "crypto",
      `expected ${length} random bytes of the storage cipher, got ${bytes.length}`,
    );
  }

  /** @returns a function for one moment: it keeps the keys that it has derived */
  opener(): OpenValue {
    const keys = new Map<string, Awaitable<StorageKey>>();
    return async (sealed, associatedData) => {
      if (sealed.length < OVERHEAD || sealed[0] !== FORMAT) return undefined;
      const salt = sealed.slice(1, HEADER_SIZE);
      const name = mapKey(salt);
      const key = keys.get(name) ?? this.#keyOf(salt);
      keys.set(name, key);
      const start = HEADER_SIZE + NONCE_SIZE;
      return (await key).open(sealed.subarray(HEADER_SIZE, start), sealed.subarray(start), associatedData);
    };
  }

  #keyOf(salt: Uint8Array): Awaitable<StorageKey> {
    const own = this.#own;
    const isOwn = own?.header.subarray(1).every((byte, i) => byte === salt[i]);
    return isOwn ? (own as Generation).key : this.#cipher.deriveKey(salt, this.#info);
  }

  #next(): Generation {
    let own = this.#own;
    if (own === undefined || own.sealed >= this.#valuesPerKey) {
      const salt = this.#random(SALT_SIZE);
      const made: Generation = {
        header: concat(Uint8Array.of(FORMAT), salt),
        key: this.#cipher.deriveKey(salt, this.#info),
        sealed: 0,
      };
      if (isPromise(made.key)) {
        // One that failed is tried again.
        made.key.catch(() => {
          if (this.#own === made) this.#own = undefined;
        });
      }
      this.#own = made;
      own = made;
    }
    own.sealed++;
    return own;
  }
}
