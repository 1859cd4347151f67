// RFC 9420 §9.2, §16.2: private HPKE keys end when no state needs them any more.
import {
  type Awaitable,
  type CipherSuiteProvider,
  chain,
  type HpkeKeyPair,
  type HpkePart,
  type HpkePrivateKey,
  isPromise,
} from "../provider/index.js";
import type { HpkeWithLaterKeys } from "./later-keys.js";

/** The private keys that work makes, until it is known which of them a state needs. All others end. */
export class KeyScope {
  /** The provider. It notes the private keys that it makes here. */
  readonly provider: CipherSuiteProvider;
  readonly #hpke: HpkePart;
  readonly #loose = new Set<HpkePrivateKey>();

  constructor(provider: CipherSuiteProvider) {
    const hpke: HpkeWithLaterKeys = provider.hpke;
    const later = hpke.importLater;
    const note = (pair: Awaitable<HpkeKeyPair>) =>
      chain(pair, (made) => {
        this.#loose.add(made.privateKey);
        return made;
      });
    this.#hpke = hpke;
    this.provider = {
      ...provider,
      hpke: {
        ...hpke,
        generateKeyPair: () => note(hpke.generateKeyPair()),
        deriveKeyPair: (ikm) => note(hpke.deriveKeyPair(ikm)),
        importPrivateKey: (bytes) => note(hpke.importPrivateKey(bytes)),
        importLater:
          later &&
          ((bytes) => {
            const key = later(bytes);
            this.#loose.add(key);
            return key;
          }),
      } as HpkeWithLaterKeys,
    };
  }

  /** Adds keys that were made before, and that a state doesn't need any more. */
  add(...keys: readonly HpkePrivateKey[]): void {
    for (const key of keys) this.#loose.add(key);
  }

  /** Ends all keys except those that are kept, and begins anew. */
  end(kept: () => Iterable<HpkePrivateKey>): void {
    if (this.#loose.size === 0) return;
    for (const key of kept()) this.#loose.delete(key);
    for (const key of this.#loose) destroyKey(this.#hpke, key);
    this.#loose.clear();
  }
}

/** Ends a private key. A provider that fails at it, such as a token that was removed, must not stop a group. */
export function destroyKey(hpke: HpkePart, key: HpkePrivateKey): void {
  try {
    const done = hpke.destroyPrivateKey(key);
    if (isPromise(done)) done.catch(() => undefined);
  } catch {
    // The step that made the key superfluous was made.
  }
}
