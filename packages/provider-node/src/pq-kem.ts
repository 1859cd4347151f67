// draft-ietf-hpke-pq §3, §4: ML-KEM (FIPS 203) by node:crypto on OpenSSL 3.5, alone and in a hybrid with a
// Diffie-Hellman group (draft-irtf-cfrg-concrete-hybrid-kems).
import * as crypto from "node:crypto";
import { createHash, type KeyObject, randomFillSync } from "node:crypto";
import {
  CryptoError,
  DHKEM_P256,
  DHKEM_P384,
  DHKEM_X25519,
  type HpkeKeyPair,
  type HpkePrivateKey,
  type KemAlgorithm,
} from "@copse/core/provider";
import {
  consume,
  type Encapsulated,
  expectLength,
  guardSync,
  isMlKemPublicKey,
  isScalar,
  type Kem,
  MLKEM768,
  MLKEM768_P256,
  MLKEM768_X25519,
  MLKEM1024,
  MLKEM1024_P384,
  pqDeriveInput,
} from "@copse/provider-kit";
import { type Group, syncGroup } from "./asymmetric.js";
import { type Curve, own } from "./keys.js";
import { seedKeys } from "./pq-keys.js";

/** Node has them since 24.7. Looked up when they are called: before, there is nothing to look up. */
interface KemFunctions {
  encapsulate(publicKey: KeyObject): { readonly sharedKey: Buffer; readonly ciphertext: Buffer };
  decapsulate(privateKey: KeyObject, ciphertext: Uint8Array): Buffer;
}
const kemFunctions = crypto as object as KemFunctions;

interface MlKem {
  readonly keys: Curve;
  readonly Npk: number;
  readonly Nenc: number;
}

/** The Diffie-Hellman half of a hybrid. */
interface Traditional {
  readonly kem: KemAlgorithm;
  /** Bytes that a private key is made from: several scalars for P-256, to sample from. */
  readonly Nseed: number;
  /** What the combiner ends with. */
  readonly label: string;
}

interface Construction {
  readonly mlkem: MlKem;
  readonly traditional?: Traditional;
}

const mlkem = ({ name, Npk, Nenc, Nsk }: KemAlgorithm, arc: readonly [number, number]): MlKem => ({
  keys: seedKeys(name, arc, { Npk, Nseed: Nsk }),
  Npk,
  Nenc,
});
const ML_KEM_768 = mlkem(MLKEM768, [4, 2]);
const ML_KEM_1024 = mlkem(MLKEM1024, [4, 3]);

const CONSTRUCTIONS: Readonly<Record<number, Construction>> = {
  [MLKEM768.id]: { mlkem: ML_KEM_768 },
  [MLKEM1024.id]: { mlkem: ML_KEM_1024 },
  [MLKEM768_P256.id]: {
    mlkem: ML_KEM_768,
    traditional: { kem: DHKEM_P256, Nseed: 128, label: "MLKEM768-P256" },
  },
  [MLKEM1024_P384.id]: {
    mlkem: ML_KEM_1024,
    traditional: { kem: DHKEM_P384, Nseed: 48, label: "MLKEM1024-P384" },
  },
  [MLKEM768_X25519.id]: {
    mlkem: ML_KEM_768,
    traditional: { kem: DHKEM_X25519, Nseed: 32, label: "\\.//^\\" },
  },
};

/** A private key's seed, and the keys that are expanded from it. */
interface Expanded {
  readonly seed: Uint8Array;
  readonly pq: KeyObject;
  /** The Diffie-Hellman half, of a hybrid */
  readonly dh: { readonly publicKey: Uint8Array; readonly privateKey: KeyObject } | undefined;
}

/** The handle. Its fields are private, so that no log or serialiser gives a key away. */
class PqPrivateKey {
  readonly #construction: Construction;
  readonly #expanded: Expanded;

  constructor(construction: Construction, expanded: Expanded) {
    this.#construction = construction;
    this.#expanded = expanded;
  }

  static open(handle: unknown, construction: Construction, name: string): Expanded {
    if (!(handle instanceof PqPrivateKey) || handle.#construction !== construction) {
      throw new CryptoError(`this private key isn't one of this backend's for ${name}`);
    }
    return handle.#expanded;
  }
}

/** A KEM that answers at once. */
interface SyncKem extends Kem {
  deriveKeyPair(ikm: Uint8Array): HpkeKeyPair;
  encap(publicKey: Uint8Array): Encapsulated;
  decap(kemOutput: Uint8Array, privateKey: HpkePrivateKey): Uint8Array;
}

/** Whether it is one of {@link pqKem}'s. */
export const isPqKem = ({ id }: KemAlgorithm): boolean => id in CONSTRUCTIONS;

const shake256 = (outputLength: number, input: Uint8Array): Uint8Array =>
  own(createHash("shake256", { outputLength }).update(input).digest());

/** ML-KEM-768, ML-KEM-1024, MLKEM768-P256, MLKEM1024-P384 or MLKEM768-X25519, as `algorithm` says. */
export function pqKem(algorithm: KemAlgorithm): SyncKem {
  const { id, name, Nenc, Npk, Nsk } = algorithm;
  const construction = CONSTRUCTIONS[id] as Construction;
  const { mlkem, traditional } = construction;
  const group = traditional && syncGroup(traditional.kem);

  function expand(seed: Uint8Array): HpkeKeyPair {
    // `expandKey` of the hybrids; ML-KEM's own seed is used as it is.
    const full = traditional ? shake256(64 + traditional.Nseed, seed) : seed.slice();
    return consume([full], () => {
      const pq = mlkem.keys.importPrivate(full.subarray(0, 64));
      const dh = group?.importPrivateKey(sampleScalar(group, full.subarray(64)));
      return {
        publicKey: dh ? joined(pq.publicKey, dh.publicKey) : pq.publicKey,
        // The handle's own copy of the element: the caller gets the one in the public key.
        privateKey: new PqPrivateKey(construction, {
          seed,
          pq: pq.privateKey,
          dh,
        }) as object as HpkePrivateKey,
      };
    }) as HpkeKeyPair;
  }

  /** `SHA3-256(ss_PQ || ss_T || ct_T || ek_T || Label)`. Wipes the secrets. */
  function combine(pq: Uint8Array, dh: Uint8Array, sent: Uint8Array, element: Uint8Array): Uint8Array {
    const hash = createHash("sha3-256");
    for (const part of [pq, dh, sent, element]) hash.update(part);
    pq.fill(0);
    dh.fill(0);
    return own(hash.update((traditional as Traditional).label).digest());
  }

  /** @throws CryptoError unless ML-KEM's half passes FIPS 203 §7.2 and the other is a point */
  function checkPublicKey(publicKey: Uint8Array): void {
    expectLength(publicKey, Npk, `${name}: a public key`);
    if (!isMlKemPublicKey(publicKey.subarray(0, mlkem.Npk))) {
      throw new CryptoError(`${name}: the public key's coefficients aren't below the modulus`);
    }
    group?.validatePublicKey(publicKey.subarray(mlkem.Npk));
  }

  return {
    algorithm,
    generateKeyPair: () => expand(randomFillSync(new Uint8Array(Nsk))),
    deriveKeyPair(ikm) {
      const input = pqDeriveInput(algorithm, ikm);
      return expand(consume([input], () => shake256(Nsk, input)) as Uint8Array);
    },
    validatePublicKey: checkPublicKey,
    importPrivateKey(bytes) {
      expectLength(bytes, Nsk, `${name}: a private key`);
      return expand(new Uint8Array(bytes));
    },
    exportPrivateKey: (handle) => PqPrivateKey.open(handle, construction, name).seed.slice(),
    encap(publicKey) {
      checkPublicKey(publicKey);
      return guardSync(`${name}: no secret with this public key`, () => {
        const key = mlkem.keys.importPublic(publicKey.subarray(0, mlkem.Npk));
        const { sharedKey, ciphertext } = kemFunctions.encapsulate(key);
        if (!group) return { sharedSecret: own(sharedKey), kemOutput: own(ciphertext) };
        const element = publicKey.subarray(mlkem.Npk);
        const ephemeral = group.generateKeyPair();
        const dh = group.dh(ephemeral.privateKey, element);
        return {
          sharedSecret: combine(sharedKey, dh, ephemeral.publicKey, element),
          kemOutput: joined(ciphertext, ephemeral.publicKey),
        };
      });
    },
    decap(kemOutput, handle) {
      expectLength(kemOutput, Nenc, `${name}: an encapsulated key`);
      const key = PqPrivateKey.open(handle, construction, name);
      return guardSync(`${name}: no secret from this encapsulated key`, () => {
        const sent = kemOutput.subarray(mlkem.Nenc);
        // First, as it alone may fail; ML-KEM answers a forgery with a secret that nobody else has.
        const dh = key.dh && group?.dh(key.dh.privateKey, sent);
        const pq = kemFunctions.decapsulate(key.pq, kemOutput.subarray(0, mlkem.Nenc));
        return key.dh && dh ? combine(pq, dh, sent, key.dh.publicKey) : own(pq);
      });
    },
  };
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** `Group.RandomScalar`: for a NIST curve the first of the seed's scalars that is in range. */
function sampleScalar({ algorithm, scalars }: Group, seed: Uint8Array): Uint8Array {
  const { Nsk, name } = algorithm;
  for (let at = 0; at < seed.length; at += Nsk) {
    const scalar = seed.subarray(at, at + Nsk);
    if (scalars === undefined || isScalar(scalar, scalars)) return scalar;
  }
  // The chance is below 2^-128 for P-256, and below 2^-190 for P-384.
  throw new CryptoError(`${name}: no private key can be sampled`);
}
