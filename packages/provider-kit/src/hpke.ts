// RFC 9180 §5, §6: HPKE in base mode, from a KEM, a KDF and an AEAD.
import {
  type AeadAlgorithm,
  type AeadPart,
  type Awaitable,
  all,
  ascii,
  CryptoError,
  chain,
  concat,
  EMPTY,
  equalBytes,
  type HashAlgorithm,
  type HpkePart,
  type HpkeSealed,
  isPromise,
  type KdfPart,
  UnsupportedError,
  useSecret,
} from "@copse/core/provider";
import type { Kem, KeyManagement } from "./dhkem.js";
import { type LabeledKdf, labeledKdf } from "./hkdf.js";

/** The three parts of an HPKE suite. */
export interface HpkeParts {
  readonly kem: Kem;
  readonly kdf: KdfPart;
  readonly aead: AeadPart;
}

/** An {@link HpkePart} that names its KDF and AEAD, so that a suite can check them. */
export interface ComposedHpke extends HpkePart {
  readonly kdf: HashAlgorithm;
  readonly aead: AeadAlgorithm;
  /** For other suites with the same KEM: {@link kemOf}. */
  readonly kem: Kem;
}

/**
 * The KEM of a provider's HPKE, for another suite with the same KEM. Private keys of the one are keys of the
 * other.
 * @throws UnsupportedError if this HPKE isn't made by {@link hpke}
 */
export function kemOf(part: HpkePart): Kem {
  const { kem } = part as Partial<ComposedHpke>;
  if (kem === undefined) {
    throw new UnsupportedError(`the HPKE with ${part.algorithm.name} doesn't expose its KEM`);
  }
  return kem;
}

const PSK_ID_HASH = /* @__PURE__ */ ascii("psk_id_hash");
const INFO_HASH = /* @__PURE__ */ ascii("info_hash");
const SECRET = /* @__PURE__ */ ascii("secret");
const KEY = /* @__PURE__ */ ascii("key");
const BASE_NONCE = /* @__PURE__ */ ascii("base_nonce");
const EXP = /* @__PURE__ */ ascii("exp");
const SEC = /* @__PURE__ */ ascii("sec");
const MODE_BASE = /* @__PURE__ */ Uint8Array.of(0);

/** What a suite derives from a KEM's shared secret. The shared secret is wiped after use. */
interface KeySchedule {
  /** `key_schedule_context` of RFC 9180 §5.1: depends on `info` alone. */
  contextOf(info: Uint8Array): Awaitable<Uint8Array>;
  /** `key` and `base_nonce` of RFC 9180 §5.1, handed to `use` and wiped after it. */
  withKey<T>(
    sharedSecret: Uint8Array,
    context: Uint8Array,
    use: (key: Uint8Array, nonce: Uint8Array) => Awaitable<T>,
  ): Awaitable<T>;
  /** RFC 9180 §5.3. The length is one that {@link checkExportLength} takes. */
  exportSecret(
    sharedSecret: Uint8Array,
    info: Uint8Array,
    exporterContext: Uint8Array,
    length: number,
  ): Awaitable<Uint8Array>;
}

/** RFC 9180 §5.1 in base mode. */
function keySchedule(labeled: LabeledKdf, { Nk, Nn }: AeadAlgorithm): KeySchedule {
  // The hash of the empty psk_id, computed once.
  let pskIdHash: Uint8Array | undefined;
  const keepPskIdHash = (hash: Uint8Array): Uint8Array => {
    pskIdHash = hash;
    return hash;
  };

  function contextOf(info: Uint8Array): Awaitable<Uint8Array> {
    return chain(pskIdHash ?? chain(labeled.extract(EMPTY, PSK_ID_HASH, EMPTY), keepPskIdHash), (idHash) =>
      chain(labeled.extract(EMPTY, INFO_HASH, info), (infoHash) => concat(MODE_BASE, idHash, infoHash)),
    );
  }

  /** `secret` of RFC 9180 §5.1, handed to `use` and wiped after it, as is the shared secret. */
  function withSecret<T>(sharedSecret: Uint8Array, use: (secret: Uint8Array) => Awaitable<T>): Awaitable<T> {
    return chain(
      useSecret(sharedSecret, () => labeled.extract(sharedSecret, SECRET, EMPTY)),
      (secret) => useSecret(secret, () => use(secret)),
    );
  }

  function withKey<T>(
    sharedSecret: Uint8Array,
    context: Uint8Array,
    use: (key: Uint8Array, nonce: Uint8Array) => Awaitable<T>,
  ): Awaitable<T> {
    return withSecret(sharedSecret, (secret) =>
      chain(labeled.expand(secret, KEY, context, Nk), (key) =>
        useSecret(key, () =>
          chain(labeled.expand(secret, BASE_NONCE, context, Nn), (nonce) =>
            useSecret(nonce, () => use(key, nonce)),
          ),
        ),
      ),
    );
  }

  function exportSecret(
    sharedSecret: Uint8Array,
    info: Uint8Array,
    exporterContext: Uint8Array,
    length: number,
  ): Awaitable<Uint8Array> {
    return withSecret(sharedSecret, (secret) =>
      chain(contextOf(info), (context) =>
        chain(labeled.expand(secret, EXP, context, labeled.Nh), (exporterSecret) =>
          useSecret(exporterSecret, () => labeled.expand(exporterSecret, SEC, exporterContext, length)),
        ),
      ),
    );
  }

  return { contextOf, withKey, exportSecret };
}

/**
 * RFC 9180 §5.3: what may be exported, checked before any secret is made, so that none is left behind.
 * @param Nh of the suite's hash
 * @throws CryptoError unless `length` is from 0 to `255 * Nh` bytes
 */
export function checkExportLength(length: number, Nh: number): void {
  if (!Number.isInteger(length) || length < 0 || length > 255 * Nh) {
    throw new CryptoError(`HPKE export: expected a length of 0 to ${255 * Nh} bytes, got ${length}`);
  }
}

/** The KEM's own management of its keys, as a part of HPKE has it. */
function keyManagement(kem: Kem): KeyManagement {
  const { savePrivateKey, loadPrivateKey, isStored, exportHandle, importHandle, sweepPrivateKeys } = kem;
  return {
    algorithm: kem.algorithm,
    generateKeyPair: () => kem.generateKeyPair(),
    deriveKeyPair: (ikm) => kem.deriveKeyPair(ikm),
    validatePublicKey: (publicKey) => kem.validatePublicKey(publicKey),
    importPrivateKey: (bytes) => kem.importPrivateKey(bytes),
    exportPrivateKey: (privateKey) => kem.exportPrivateKey(privateKey),
    destroyPrivateKey: (privateKey) => kem.destroyPrivateKey(privateKey),
    ...(savePrivateKey && loadPrivateKey
      ? { savePrivateKey: savePrivateKey.bind(kem), loadPrivateKey: loadPrivateKey.bind(kem) }
      : {}),
    ...(isStored && { isStored: isStored.bind(kem) }),
    ...(exportHandle && { exportHandle: exportHandle.bind(kem) }),
    ...(importHandle && { importHandle: importHandle.bind(kem) }),
    ...(sweepPrivateKeys && { sweepPrivateKeys: sweepPrivateKeys.bind(kem) }),
  };
}

/** `suite_id` of RFC 9180 §5.1. */
function suiteId({ kem, kdf, aead }: HpkeParts): Uint8Array {
  const ids = [kem.algorithm.id, kdf.algorithm.kdfId, aead.algorithm.id];
  return concat(ascii("HPKE"), Uint8Array.from(ids.flatMap((id) => [id >> 8, id])));
}

/**
 * HPKE in base mode. Answers at once if its parts do. Each call makes a context for one message, so the
 * sequence number is always 0 and the nonce the base nonce.
 */
export function hpke(parts: HpkeParts): ComposedHpke {
  const { kem, kdf, aead } = parts;
  const labeled = labeledKdf(kdf, suiteId(parts));
  const { Nh } = labeled;
  const { contextOf, withKey, exportSecret } = keySchedule(labeled, aead.algorithm);

  function sealWith(
    publicKey: Uint8Array,
    context: Awaitable<Uint8Array>,
    aad: Uint8Array,
    plaintext: Uint8Array,
  ): Awaitable<HpkeSealed> {
    return chain(kem.encap(publicKey), ({ sharedSecret, kemOutput }) =>
      chain(
        chain(context, (ready) =>
          withKey(sharedSecret, ready, (key, nonce) => aead.seal(key, nonce, aad, plaintext)),
        ),
        (ciphertext) => ({ kemOutput, ciphertext }),
      ),
    );
  }

  return {
    ...keyManagement(kem),
    kdf: kdf.algorithm,
    aead: aead.algorithm,
    kem,
    seal: (publicKey, info, aad, plaintext) =>
      chain(contextOf(info), (context) => sealWith(publicKey, context, aad, plaintext)),
    sealAll(requests) {
      // A path secret goes to many with the same `info`: it is hashed once.
      let info: Uint8Array | undefined;
      let context: Awaitable<Uint8Array> = EMPTY;
      const sealed: Awaitable<HpkeSealed>[] = [];
      try {
        for (const request of requests) {
          if (info === undefined || !equalBytes(info, request.info)) {
            info = request.info;
            context = contextOf(info);
          }
          sealed.push(sealWith(request.publicKey, context, request.aad, request.plaintext));
        }
      } catch (error) {
        // Those that have begun may fail too, and nobody else would look at them.
        if (!sealed.some(isPromise)) throw error;
        sealed.push(Promise.reject(error));
      }
      return all(sealed);
    },
    open: (privateKey, kemOutput, info, aad, ciphertext) =>
      chain(contextOf(info), (context) =>
        chain(kem.decap(kemOutput, privateKey), (sharedSecret) =>
          withKey(sharedSecret, context, (key, nonce) => aead.open(key, nonce, aad, ciphertext)),
        ),
      ),
    sendExport(publicKey, info, exporterContext, length) {
      checkExportLength(length, Nh);
      return chain(kem.encap(publicKey), ({ sharedSecret, kemOutput }) =>
        chain(exportSecret(sharedSecret, info, exporterContext, length), (secret) => ({ kemOutput, secret })),
      );
    },
    receiveExport(privateKey, kemOutput, info, exporterContext, length) {
      checkExportLength(length, Nh);
      return chain(kem.decap(kemOutput, privateKey), (sharedSecret) =>
        exportSecret(sharedSecret, info, exporterContext, length),
      );
    },
  };
}
