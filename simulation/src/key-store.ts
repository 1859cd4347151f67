// RFC 9420 §16.2: where a device keeps private keys that its provider never hands out: records have references.
import { MlsError } from "@copse/core";
import type { Awaitable } from "@copse/core/provider";
import type { DhKeyPair, DhPrimitives } from "@copse/provider-kit";
import type { Entropy } from "./crypto.js";
import { latin1 } from "./numbers.js";

interface StoredKey {
  readonly reference: Uint8Array;
  readonly bytes: Uint8Array;
}

/** Outlasts a crash, as a token does. */
export class KeyStore {
  readonly #entropy: Entropy;
  readonly #keepsKeys: boolean;
  /** By the reference. */
  #keys = new Map<string, StoredKey>();

  /** @param keepsKeys a fault: it destroys none */
  constructor(entropy: Entropy, keepsKeys = false) {
    this.#entropy = entropy;
    this.#keepsKeys = keepsKeys;
  }

  get references(): readonly Uint8Array[] {
    return Array.from(this.#keys.values(), ({ reference }) => reference);
  }

  copy(): KeyStore {
    const copy = new KeyStore(this.#entropy);
    copy.#keys = new Map(this.#keys);
    return copy;
  }

  /** The group, with its keys in this store. @param pair makes one that isn't */
  keeping<Key>(group: DhPrimitives<Key>, pair: () => Awaitable<DhKeyPair<Key>>): DhPrimitives<unknown> {
    // All libraries answer at once.
    type Own = { readonly key: Key; readonly stored?: StoredKey };
    const keep = (bytes: Uint8Array): DhKeyPair<Own> => {
      const { publicKey, privateKey: key } = group.importPrivateKey(bytes) as DhKeyPair<Key>;
      const stored = { reference: this.#entropy(16), bytes: bytes.slice() };
      this.#keys.set(latin1(stored.reference), stored);
      return { publicKey, privateKey: { key, stored } };
    };
    const kept: DhPrimitives<Own> = {
      algorithm: group.algorithm,
      generateKeyPair: () => keep(this.#entropy(group.algorithm.Nsk)),
      generateEphemeralKeyPair: () => {
        const { publicKey, privateKey: key } = pair() as DhKeyPair<Key>;
        return { publicKey, privateKey: { key } };
      },
      importPrivateKey: keep,
      exportPrivateKey: () => {
        throw new MlsError("key-not-extractable", "the key store exports no keys");
      },
      validatePublicKey: (publicKey) => group.validatePublicKey(publicKey),
      dh: ({ key }, publicKey) => group.dh(key, publicKey),
      destroyPrivateKey: ({ key, stored }) => {
        if (stored !== undefined && !this.#keepsKeys) this.#keys.delete(latin1(stored.reference));
        return group.destroyPrivateKey?.(key);
      },
      savePrivateKey: ({ stored }) => {
        if (stored === undefined) throw new Error("expected no ephemeral key to be saved");
        return stored.reference.slice();
      },
      loadPrivateKey: (saved) => {
        const stored = this.#keys.get(latin1(saved));
        if (stored === undefined) throw new MlsError("state", "the key is gone");
        const { publicKey, privateKey: key } = group.importPrivateKey(stored.bytes) as DhKeyPair<Key>;
        return { publicKey, privateKey: { key, stored } };
      },
      isStored: ({ stored }) => stored !== undefined,
    };
    return kept as DhPrimitives<unknown>;
  }
}
