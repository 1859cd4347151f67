// RFC 9420 §16.2: private keys in saved records: their bytes, or references to a key store or a token.
import { EMPTY, equalBytes } from "../../bytes.js";
import { MlsError } from "../../errors.js";
import type { CipherSuiteProvider, HpkePart, HpkePrivateKey } from "../../provider/index.js";
import { NO_KEY } from "../../tree/index.js";

/** A private key as bytes. @throws MlsError `key-not-extractable` if the provider neither exports nor saves it */
export async function saveKey({ hpke }: CipherSuiteProvider, key: HpkePrivateKey): Promise<Uint8Array> {
  if (key === NO_KEY) return EMPTY;
  return hpke.savePrivateKey === undefined ? hpke.exportPrivateKey(key) : hpke.savePrivateKey(key);
}

/** A key that was loaded. */
interface Loaded {
  readonly saved: Uint8Array;
  readonly privateKey: HpkePrivateKey;
  /** `undefined` if the provider doesn't tell it. */
  readonly publicKey: Uint8Array | undefined;
}

/**
 * Loads the keys of one saved state that {@link saveKey} saved. A key that stands in several places, such as a leaf key
 * in the present epoch and in a staged commit, gets one handle: of two, the one that isn't needed any more would end the
 * key in its store for the other.
 */
export class KeyLoader {
  readonly #hpke: HpkePart;
  readonly #loaded: Loaded[] = [];

  constructor({ hpke }: CipherSuiteProvider) {
    this.#hpke = hpke;
  }

  /**
   * @param saved is kept as long as this loader
   * @param publicKey the expected public key, checked if the provider imports keys
   * @throws CryptoError, MlsError `state`
   */
  async load(saved: Uint8Array, publicKey: Uint8Array | undefined): Promise<HpkePrivateKey> {
    if (saved.length === 0) return NO_KEY;
    let found = this.#loaded.find((one) => equalBytes(one.saved, saved));
    if (found === undefined) {
      found = { saved, ...(await this.#make(saved)) };
      this.#loaded.push(found);
    }
    const isOther = publicKey && found.publicKey && !equalBytes(found.publicKey, publicKey);
    if (isOther) throw new MlsError("state", "a private key in the saved state doesn't match its public key");
    return found.privateKey;
  }

  async #make(saved: Uint8Array): Promise<Omit<Loaded, "saved">> {
    const hpke = this.#hpke;
    if (hpke.loadPrivateKey === undefined) return hpke.importPrivateKey(saved);
    return { privateKey: await hpke.loadPrivateKey(saved), publicKey: undefined };
  }

  /** The key; none if it has ended since. @throws MlsError `try-again` */
  async loadIfThere(saved: Uint8Array): Promise<HpkePrivateKey[]> {
    try {
      return [await this.load(saved, undefined)];
    } catch (error) {
      if (error instanceof MlsError && (error.code === "state" || error.code === "crypto")) return [];
      throw error;
    }
  }
}
