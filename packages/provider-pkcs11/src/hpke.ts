// RFC 9180 §4.1: DHKEM with the private key in the token, and everything else of HPKE by the inner provider.
import {
  type CipherSuiteProvider,
  CryptoError,
  type HpkePart,
  type HpkePrivateKey,
  MlsError,
} from "@copse/core/provider";
import { type DhKeyPair, type DhPrimitives, dhkem, hpke } from "@copse/provider-kit";
import type { Curve, Variant } from "./curves.js";
import { deriveWith, destroyKey, generateKey, hasKey, type PointForm, type TokenKey } from "./keys.js";
import { readReference, writeReference } from "./reference.js";
import type { Store } from "./store.js";
import type { Token } from "./token.js";

/** HPKE with keys in the token: what opens with them, and their handles. */
export interface HpkeInToken {
  readonly part: Pick<HpkePart, "open" | "receiveExport">;
  handleOf(key: TokenKey): HpkePrivateKey;
}

export function hpkeInToken(suite: CipherSuiteProvider, token: Token, way: AgreementWay): HpkeInToken {
  const { kdf, aead } = suite;
  const { curve, form } = way;
  let next: TokenKey | undefined;
  const never = (): never => {
    throw new CryptoError("keys of a token are neither imported nor exported");
  };
  const group: DhPrimitives<TokenKey> = {
    algorithm: suite.suite.kem,
    // The kit makes handles of what a group generates: here, of the key that handleOf was given.
    generateKeyPair(): DhKeyPair<TokenKey> {
      const privateKey = next as TokenKey;
      return { publicKey: privateKey.publicKey, privateKey };
    },
    importPrivateKey: never,
    exportPrivateKey: never,
    validatePublicKey: (publicKey) => suite.hpke.validatePublicKey(publicKey),
    async dh(key, publicKey) {
      const point = publicKey.slice();
      // No token is trusted to refuse a point off the curve, by which its key could be found out.
      await suite.hpke.validatePublicKey(point);
      return deriveWith(token, key, curve, form, point);
    },
  };
  const kem = dhkem(group, kdf);
  return {
    part: hpke({ kem, kdf, aead }),
    handleOf(key) {
      next = key;
      const { privateKey } = kem.generateKeyPair() as { privateKey: HpkePrivateKey };
      next = undefined;
      return privateKey;
    },
  };
}

/**
 * The suite's HPKE: `generateKeyPair` makes keys in the token. Keys that are derived from a secret, or
 * imported, were never the token's alone; they stay with the inner provider, as do ephemeral ones.
 */
export function hpkePart(
  inner: CipherSuiteProvider,
  token: Token,
  way: AgreementWay,
  store: Store,
  label: string,
  sweep: (saved: readonly Uint8Array[]) => Promise<number>,
): HpkePart {
  const { hpke: soft, suite } = inner;
  const { part, handleOf } = hpkeInToken(inner, token, way);
  const partOf = (key: HpkePrivateKey): Pick<HpkePart, "open" | "receiveExport"> =>
    store.keyOf(key, suite.kem) === undefined ? soft : part;

  function adopt(key: TokenKey): HpkePrivateKey {
    const handle = handleOf(key);
    store.add(handle, key, suite.kem);
    return handle;
  }

  /** @throws MlsError `try-again` if the token doesn't answer */
  async function isThere(key: TokenKey): Promise<boolean> {
    try {
      return await hasKey(token, key);
    } catch (cause) {
      throw new MlsError("try-again", `the token "${token.label}" doesn't answer now`, { cause });
    }
  }

  return {
    algorithm: soft.algorithm,
    async generateKeyPair() {
      const { curve, variant } = way;
      const id = inner.random(16);
      const request = { curve, variant, use: "derive", id, isOwnId: true, label, persistent: true } as const;
      return store.make(id, async () => {
        const key = await generateKey(token, request);
        return { publicKey: key.publicKey.slice(), privateKey: adopt(key) };
      });
    },
    deriveKeyPair: (ikm) => soft.deriveKeyPair(ikm),
    validatePublicKey: (publicKey) => soft.validatePublicKey(publicKey),
    importPrivateKey: (bytes) => soft.importPrivateKey(bytes),
    exportPrivateKey(handle) {
      if (store.keyOf(handle, suite.kem) === undefined) return soft.exportPrivateKey(handle);
      throw new MlsError("key-not-extractable", `the private key never leaves the token "${token.label}"`);
    },
    async destroyPrivateKey(handle) {
      const key = store.keyOf(handle, suite.kem);
      if (key === undefined) await soft.destroyPrivateKey(handle);
      else await destroyKey(token, key);
    },
    async savePrivateKey(handle) {
      const key = store.keyOf(handle, suite.kem);
      if (key !== undefined) return writeReference(suite.kem, key);
      const saved = await (soft.savePrivateKey?.(handle) ?? soft.exportPrivateKey(handle));
      const tagged = new Uint8Array(1 + saved.length);
      tagged.set(saved, 1);
      saved.fill(0);
      return tagged;
    },
    isStored: (handle) =>
      store.keyOf(handle, suite.kem) !== undefined ||
      (soft.savePrivateKey !== undefined && soft.isStored?.(handle) !== false),
    async loadPrivateKey(saved) {
      const reference = readReference(suite.kem, saved);
      if (reference !== undefined) {
        const key = store.alive(reference.id) ?? { ...reference, keyType: way.variant.keyType };
        if (!(await isThere(key))) {
          throw new MlsError(
            "state",
            `the token "${token.label}" doesn't have the private key of this state`,
          );
        }
        return adopt(key);
      }
      if (saved[0] !== 0) throw new CryptoError(`${suite.kem.name}: invalid saved private key`);
      const bytes = saved.slice(1);
      try {
        return soft.loadPrivateKey !== undefined
          ? await soft.loadPrivateKey(bytes)
          : (await soft.importPrivateKey(bytes)).privateKey;
      } finally {
        bytes.fill(0);
      }
    },
    // Of the inner provider too, if that has a key store: a 0 comes before what it saves.
    async sweepPrivateKeys(saved) {
      return (await sweep(saved)) + ((await soft.sweepPrivateKeys?.(saved)) ?? 0);
    },
    seal: (publicKey, info, aad, plaintext) => soft.seal(publicKey, info, aad, plaintext),
    ...(soft.sealAll === undefined ? {} : { sealAll: soft.sealAll.bind(soft) }),
    sendExport: (publicKey, info, context, length) => soft.sendExport(publicKey, info, context, length),
    open: (key, kemOutput, info, aad, ciphertext) => partOf(key).open(key, kemOutput, info, aad, ciphertext),
    receiveExport: (key, kemOutput, info, context, length) =>
      partOf(key).receiveExport(key, kemOutput, info, context, length),
  };
}

/** How this token generates keys on a curve and does ECDH. */
export interface AgreementWay {
  readonly curve: Curve;
  readonly variant: Variant;
  readonly form: PointForm;
}
