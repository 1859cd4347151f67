// RFC 9180 §4.1: DHKEM, a key encapsulation mechanism from a Diffie-Hellman group.
import {
  type Awaitable,
  ascii,
  CryptoError,
  chain,
  concat,
  EMPTY,
  type HpkeKeyPair,
  type HpkePart,
  type HpkePrivateKey,
  isPromise,
  type KdfPart,
  type KemAlgorithm,
  MlsError,
  useSecret,
  withCleanup,
} from "@copse/core/provider";
import { expectLength, isZero } from "./bytes.js";
import { labeledKdf } from "./hkdf.js";
import { PrivateKeyHandle } from "./private-key.js";
import { isScalar, type ScalarRange } from "./scalars.js";

/** A KEM's key management, the same as that of an {@link HpkePart} with this KEM. */
export type KeyManagement = Pick<
  HpkePart,
  | "algorithm"
  | "generateKeyPair"
  | "deriveKeyPair"
  | "validatePublicKey"
  | "importPrivateKey"
  | "exportPrivateKey"
  | "savePrivateKey"
  | "loadPrivateKey"
  | "isStored"
  | "exportHandle"
  | "importHandle"
  | "sweepPrivateKeys"
  | "destroyPrivateKey"
>;

/** A KEM with its key management: what {@link hpke} needs beside a KDF and an AEAD. */
export interface Kem extends KeyManagement {
  /** `Nsecret` bytes that the caller may wipe, and `Nenc` bytes to send. @throws CryptoError */
  encap(publicKey: Uint8Array): Awaitable<Encapsulated>;
  /** The same `Nsecret` bytes. @throws CryptoError */
  decap(kemOutput: Uint8Array, privateKey: HpkePrivateKey): Awaitable<Uint8Array>;
}

/** What `Encap` of RFC 9180 §4.1 gives. */
export interface Encapsulated {
  readonly sharedSecret: Uint8Array;
  readonly kemOutput: Uint8Array;
}

/** A private key in the provider's own type, with its public key's `Npk` bytes. */
export interface DhKeyPair<Key> {
  readonly publicKey: Uint8Array;
  readonly privateKey: Key;
}

/** A Diffie-Hellman group, with private keys of the provider's own type, which the kit wraps in handles. */
export interface DhPrimitives<Key> {
  readonly algorithm: KemAlgorithm;
  /**
   * The range of private keys, for the NIST curves. Without it every string of `Nsk` bytes is a private key, as for
   * X25519 and X448.
   */
  readonly scalars?: ScalarRange;
  generateKeyPair(): Awaitable<DhKeyPair<Key>>;
  /** A private key and its public key. The kit has checked length and range; the bytes must not be kept. */
  importPrivateKey(bytes: Uint8Array): Awaitable<DhKeyPair<Key>>;
  /** `Nsk` bytes. @throws MlsError `key-not-extractable` */
  exportPrivateKey(privateKey: Key): Awaitable<Uint8Array>;
  /** The kit has checked the length. @throws CryptoError unless it is a public key (RFC 9180 §7.1.4) */
  validatePublicKey(publicKey: Uint8Array): Awaitable<void>;
  /** The shared point as RFC 9180 §4.1 encodes it: its x-coordinate, in bytes that the kit may wipe. @throws CryptoError */
  dh(privateKey: Key, publicKey: Uint8Array): Awaitable<Uint8Array>;
  /** Overwrites a key that is no longer needed, such as an ephemeral one after use; deletes one that is stored. */
  destroyPrivateKey?(privateKey: Key): Awaitable<void>;
  /**
   * The key pair for one message to somebody else. Default: that of {@link generateKeyPair}; for a group whose keys are made
   * in a token or a key store, where these must not be.
   */
  generateEphemeralKeyPair?(): Awaitable<DhKeyPair<Key>>;
  /**
   * Bytes for a saved state, from which {@link loadPrivateKey} finds the key again: a reference, where the key can't be
   * exported. A reference to a key alone isn't enough where its public key can't be computed: save that too.
   */
  savePrivateKey?(privateKey: Key, publicKey: Uint8Array): Awaitable<Uint8Array>;
  /**
   * The key that {@link savePrivateKey} saved, and its public key. A group has both functions or neither.
   * @throws CryptoError or MlsError `state` if the bytes were never saved, or the key is gone; `try-again` if that can't be
   *   told now
   */
  loadPrivateKey?(saved: Uint8Array): Awaitable<DhKeyPair<Key>>;
  /** Whether destroying the key makes what was saved of it useless. Default: all that can be saved are such. */
  isStored?(privateKey: Key): boolean;
  /** As in {@link HpkePart.sweepPrivateKeys}. */
  sweepPrivateKeys?(saved: readonly Uint8Array[]): Awaitable<number>;
  /** The key as an object that a storage keeps; `undefined` if its bytes can be exported. See {@link HpkePart.exportHandle}. */
  exportHandle?(privateKey: Key): object | undefined;
  /** The key of {@link exportHandle}. A group has both functions or neither. @throws CryptoError if it is none of this group */
  importHandle?(handle: object): Awaitable<Key>;
}

const EAE_PRK = /* @__PURE__ */ ascii("eae_prk");
const SHARED_SECRET = /* @__PURE__ */ ascii("shared_secret");
const DKP_PRK = /* @__PURE__ */ ascii("dkp_prk");
const CANDIDATE = /* @__PURE__ */ ascii("candidate");
const SK = /* @__PURE__ */ ascii("sk");

/** Ends an ephemeral key. What is sent with it doesn't depend on whether that works. */
function forget<Key>(group: DhPrimitives<Key>, privateKey: Key): void {
  try {
    const ended = group.destroyPrivateKey?.(privateKey);
    if (isPromise(ended)) ended.catch(() => undefined);
  } catch {
    // As above.
  }
}

/** How a KEM saves and loads the keys of its group, if that does. */
function savedKeys<Key>(
  group: DhPrimitives<Key>,
  open: (privateKey: HpkePrivateKey) => DhKeyPair<Key>,
  handle: (pair: DhKeyPair<Key>) => HpkeKeyPair,
): Pick<KeyManagement, "savePrivateKey" | "loadPrivateKey" | "isStored" | "sweepPrivateKeys"> {
  const { name, Npk } = group.algorithm;
  const [saves, loads] = [group.savePrivateKey, group.loadPrivateKey].map((one) => one !== undefined);
  if (saves !== loads) {
    throw new MlsError("usage", `${name}: expected both savePrivateKey and loadPrivateKey, or neither`);
  }
  if (group.savePrivateKey === undefined || group.loadPrivateKey === undefined) return {};
  const { savePrivateKey, loadPrivateKey, isStored, sweepPrivateKeys } = group;
  return {
    ...(sweepPrivateKeys && { sweepPrivateKeys: (saved) => sweepPrivateKeys.call(group, saved) }),
    savePrivateKey(privateKey) {
      const own = open(privateKey);
      return savePrivateKey.call(group, own.privateKey, own.publicKey.slice());
    },
    loadPrivateKey: (saved) =>
      chain(loadPrivateKey.call(group, saved), (pair) => {
        expectLength(pair.publicKey, Npk, `${name} public key of a saved private key`);
        return handle(pair).privateKey;
      }),
    ...(isStored && { isStored: (privateKey) => isStored.call(group, open(privateKey).privateKey) }),
  };
}

/** How a KEM hands the keys of its group over to a storage, if that does. */
function handedKeys<Key>(
  group: DhPrimitives<Key>,
  open: (privateKey: HpkePrivateKey) => DhKeyPair<Key>,
  handle: (pair: DhKeyPair<Key>) => HpkeKeyPair,
): Pick<KeyManagement, "exportHandle" | "importHandle"> {
  const { name, Npk } = group.algorithm;
  if ((group.exportHandle === undefined) !== (group.importHandle === undefined))
    throw new MlsError("usage", `${name}: expected both exportHandle and importHandle, or neither`);
  if (group.exportHandle === undefined) return {};
  return {
    exportHandle(privateKey) {
      const own = open(privateKey);
      const made = group.exportHandle?.(own.privateKey);
      return made && { handle: made, publicKey: own.publicKey.slice() };
    },
    importHandle(given, publicKey) {
      expectLength(publicKey, Npk, `${name} public key of a private key's handle`);
      const own = publicKey.slice();
      return chain(
        (group.importHandle as NonNullable<typeof group.importHandle>)(given),
        (privateKey) => handle({ publicKey: own, privateKey }).privateKey,
      );
    },
  };
}

/**
 * DHKEM over a group, whose keys it saves, loads and destroys as the group does. `kdf` is the one in the KEM's name, which
 * may differ from the HPKE suite's. Refuses an all-zero shared secret of X25519 and X448, even if the provider doesn't.
 * @throws MlsError `usage` for a group with only one of `savePrivateKey` and `loadPrivateKey`
 */
export function dhkem<Key>(group: DhPrimitives<Key>, kdf: KdfPart): Kem {
  const { algorithm, scalars } = group;
  const { id, name, Nenc, Npk, Nsk, Nsecret } = algorithm;
  const labeled = labeledKdf(kdf, concat(ascii("KEM"), Uint8Array.of(id >> 8, id)));

  const handle = ({ publicKey, privateKey }: DhKeyPair<Key>): HpkeKeyPair => ({
    publicKey,
    // The handle keeps a copy, because the caller may change the array it gets.
    privateKey: new PrivateKeyHandle(group, {
      publicKey: publicKey.slice(),
      privateKey,
    }) as object as HpkePrivateKey,
  });
  const open = (privateKey: HpkePrivateKey): DhKeyPair<Key> => PrivateKeyHandle.open(privateKey, group, name);

  /** RFC 9180 §4.1 `ExtractAndExpand`. Overwrites `dh`. */
  function sharedSecret(dh: Uint8Array, kemContext: Uint8Array): Awaitable<Uint8Array> {
    if (scalars === undefined && isZero(dh)) {
      throw new CryptoError(`${name}: the public key is a point of low order`);
    }
    return chain(
      useSecret(dh, () => labeled.extract(EMPTY, EAE_PRK, dh)),
      (prk) => useSecret(prk, () => labeled.expand(prk, SHARED_SECRET, kemContext, Nsecret)),
    );
  }

  /** RFC 9180 §7.1.3: candidates until one is in range. The chance of a second is below 2^-32. */
  function candidate(prk: Uint8Array, range: ScalarRange, counter: number): Awaitable<DhKeyPair<Key>> {
    if (counter > 255) throw new CryptoError(`${name}: no private key can be derived`);
    return chain(labeled.expand(prk, CANDIDATE, Uint8Array.of(counter), Nsk), (bytes) => {
      bytes[0] = (bytes[0] as number) & range.bitmask;
      return isScalar(bytes, range)
        ? useSecret(bytes, () => group.importPrivateKey(bytes))
        : candidate(prk, range, counter + 1);
    });
  }

  return {
    ...savedKeys(group, open, handle),
    ...handedKeys(group, open, handle),
    algorithm,
    generateKeyPair: () => chain(group.generateKeyPair(), handle),
    deriveKeyPair: (ikm) =>
      chain(labeled.extract(EMPTY, DKP_PRK, ikm), (prk) =>
        useSecret(prk, () =>
          chain(
            scalars !== undefined
              ? candidate(prk, scalars, 0)
              : chain(labeled.expand(prk, SK, EMPTY, Nsk), (bytes) =>
                  useSecret(bytes, () => group.importPrivateKey(bytes)),
                ),
            handle,
          ),
        ),
      ),
    validatePublicKey(publicKey) {
      expectLength(publicKey, Npk, `${name} public key`);
      return group.validatePublicKey(publicKey);
    },
    importPrivateKey(bytes) {
      expectLength(bytes, Nsk, `${name} private key`);
      if (scalars !== undefined && !isScalar(bytes, scalars)) {
        throw new CryptoError(`${name}: the private key is out of range`);
      }
      return chain(group.importPrivateKey(bytes), handle);
    },
    exportPrivateKey: (privateKey) => group.exportPrivateKey(open(privateKey).privateKey),
    destroyPrivateKey(handle) {
      const own = PrivateKeyHandle.take<DhKeyPair<Key>>(handle, group, name);
      return own && group.destroyPrivateKey?.(own.privateKey);
    },
    encap(publicKey) {
      expectLength(publicKey, Npk, `${name} public key`);
      const made = group.generateEphemeralKeyPair?.() ?? group.generateKeyPair();
      return chain(made, (ephemeral) => {
        const kemOutput = ephemeral.publicKey;
        const kemContext = concat(kemOutput, publicKey);
        return chain(
          withCleanup(
            () => group.dh(ephemeral.privateKey, publicKey),
            () => forget(group, ephemeral.privateKey),
          ),
          (dh) => chain(sharedSecret(dh, kemContext), (secret) => ({ sharedSecret: secret, kemOutput })),
        );
      });
    },
    decap(kemOutput, privateKey) {
      expectLength(kemOutput, Nenc, `${name} encapsulated key`);
      const own = open(privateKey);
      const kemContext = concat(kemOutput, own.publicKey);
      return chain(group.dh(own.privateKey, kemOutput), (dh) => sharedSecret(dh, kemContext));
    },
  };
}
