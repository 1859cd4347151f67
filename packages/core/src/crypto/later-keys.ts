// RFC 9420 §16.2: private keys whose bytes are in a saved state, imported when they are first used: a member has a key for
// each node above its leaf, and most groups are restored to read or send a few messages, which need none of them.
import { type CopySecret, copySecret, wipe } from "../bytes.js";
import { CryptoError } from "../errors.js";
import { type Awaitable, chain, type HpkePart, type HpkePrivateKey, isPromise } from "../provider/index.js";
import { wrapFunctions } from "./wrap.js";

/** Keys of HPKE, some of which are imported later. */
export interface HpkeWithLaterKeys extends HpkePart {
  /**
   * A private key that is imported when it is first used. What fails then is that call.
   * @param bytes as {@link HpkePart.importPrivateKey} takes them. They are taken over, and overwritten when it is imported
   */
  importLater?(bytes: Uint8Array): HpkePrivateKey;
}

/** A key until it is imported, and then the provider's. It is its own handle: a map of handles would be among old objects. */
class LaterKey {
  readonly #hpke: HpkePart;
  #bytes: Uint8Array | undefined;
  #key: Awaitable<HpkePrivateKey> | undefined;

  /** @param hpke which imports it */
  constructor(hpke: HpkePart, bytes: Uint8Array) {
    this.#hpke = hpke;
    this.#bytes = bytes;
  }

  /** The key with this handle, if it is one of `hpke`. */
  static of(hpke: HpkePart, handle: unknown): LaterKey | undefined {
    return handle instanceof LaterKey && handle.#hpke === hpke ? handle : undefined;
  }

  /** Its bytes, as long as it isn't imported. */
  get bytes(): Uint8Array | undefined {
    return this.#bytes;
  }

  /** Whether the provider has it, or is about to. */
  get isImported(): boolean {
    return this.#key !== undefined;
  }

  import(): Awaitable<HpkePrivateKey> {
    if (this.#key !== undefined) return this.#key;
    if (this.#bytes === undefined) throw new CryptoError("the private key has ended");
    const key = chain(this.#hpke.importPrivateKey(this.#bytes), ({ privateKey }) => {
      this.end();
      this.#key = privateKey;
      return privateKey;
    });
    if (isPromise(key)) {
      this.#key = key;
      // The next call tries again.
      key.catch(() => {
        this.#key = undefined;
      });
    }
    return key;
  }

  end(): void {
    wipe(this.#bytes);
    this.#bytes = undefined;
  }
}

/** As {@link HpkeWithLaterKeys.importLater} with a copy of the bytes, where that can be. */
export function importLater(
  hpke: HpkePart,
  bytes: Uint8Array,
  copy: CopySecret = copySecret,
): HpkePrivateKey | undefined {
  return (hpke as HpkeWithLaterKeys).importLater?.(copy(bytes));
}

/** Functions for HPKE that import a key before they use it. */
export function withLaterKeys(hpke: HpkePart): HpkeWithLaterKeys {
  const find = (handle: unknown) => LaterKey.of(hpke, handle);
  const wrapped = wrapFunctions(hpke, (work) => (first, ...rest) => {
    const later = find(first);
    return later === undefined ? work(first, ...rest) : chain(later.import(), (key) => work(key, ...rest));
  });
  return {
    ...wrapped,
    // Nobody sees more of it than of another handle: its fields are private.
    importLater: (bytes) => new LaterKey(hpke, bytes) as object as HpkePrivateKey,
    exportPrivateKey(key) {
      const bytes = find(key)?.bytes;
      return bytes === undefined ? wrapped.exportPrivateKey(key) : copySecret(bytes);
    },
    destroyPrivateKey(key) {
      const later = find(key);
      later?.end();
      return later?.isImported === false ? undefined : wrapped.destroyPrivateKey(key);
    },
  };
}
