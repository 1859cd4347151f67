// draft-ietf-hpke-pq §3, §4: ML-KEM (FIPS 203) as a KEM of HPKE, alone and together with a Diffie-Hellman group.
//
// The hybrids are those of draft-irtf-cfrg-concrete-hybrid-kems. noble has some ready-made; of these, those
// with a NIST curve hash both coordinates of the shared point where the draft hashes x alone.
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
import { sha3_256, shake256 } from "@noble/hashes/sha3.js";
import { concatBytes } from "@noble/hashes/utils.js";
import { type MLKEM, ml_kem768, ml_kem1024 } from "@noble/post-quantum/ml-kem.js";
import { dhGroup, type Group } from "./dh.js";
import type { Random } from "./random.js";

/** The Diffie-Hellman half of a hybrid. */
interface Traditional {
  readonly kem: KemAlgorithm;
  /** Bytes that a private key is made from, `Group.Nseed`: several scalars for P-256, to sample from. */
  readonly Nseed: number;
  /** What the combiner ends with. */
  readonly label: Uint8Array;
}

interface Construction {
  readonly mlkem: MLKEM;
  /** Size of ML-KEM's public key and ciphertext. */
  readonly pqSizes: { readonly publicKey: number; readonly ciphertext: number };
  readonly traditional?: Traditional;
}

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0));

const SIZES_768 = { publicKey: 1184, ciphertext: 1088 };
const SIZES_1024 = { publicKey: 1568, ciphertext: 1568 };

const CONSTRUCTIONS: Readonly<Record<number, Construction>> = {
  [MLKEM768.id]: { mlkem: ml_kem768, pqSizes: SIZES_768 },
  [MLKEM1024.id]: { mlkem: ml_kem1024, pqSizes: SIZES_1024 },
  [MLKEM768_P256.id]: {
    mlkem: ml_kem768,
    pqSizes: SIZES_768,
    traditional: { kem: DHKEM_P256, Nseed: 128, label: /* @__PURE__ */ ascii("MLKEM768-P256") },
  },
  [MLKEM1024_P384.id]: {
    mlkem: ml_kem1024,
    pqSizes: SIZES_1024,
    traditional: { kem: DHKEM_P384, Nseed: 48, label: /* @__PURE__ */ ascii("MLKEM1024-P384") },
  },
  [MLKEM768_X25519.id]: {
    mlkem: ml_kem768,
    pqSizes: SIZES_768,
    traditional: { kem: DHKEM_X25519, Nseed: 32, label: /* @__PURE__ */ ascii("\\.//^\\") },
  },
};

/** A private key's seed, and what is expanded from it. */
interface Expanded {
  readonly seed: Uint8Array;
  /** FIPS 203's `dk` */
  readonly pq: Uint8Array;
  /** The Diffie-Hellman half; both empty without one */
  readonly scalar: Uint8Array;
  readonly element: Uint8Array;
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
      throw new CryptoError(`this private key isn't one of noble's for ${name}`);
    }
    return handle.#expanded;
  }
}

const EMPTY = /* @__PURE__ */ new Uint8Array(0);

/** ML-KEM-768, ML-KEM-1024, MLKEM768-P256, MLKEM1024-P384 or MLKEM768-X25519, as `algorithm` says. */
export function pqKem(algorithm: KemAlgorithm, random: Random): Kem {
  const { id, name, Nenc, Npk, Nsk } = algorithm;
  const construction = CONSTRUCTIONS[id] as Construction;
  const { mlkem, pqSizes, traditional } = construction;
  const group = traditional && dhGroup(traditional.kem, random);
  const Nseed = traditional?.Nseed ?? 0;

  function expand(seed: Uint8Array): HpkeKeyPair {
    // `expandKey` of the hybrids; ML-KEM's own seed is used as it is.
    const full = traditional ? shake256(seed, { dkLen: 64 + Nseed }) : seed.slice();
    const pq = mlkem.keygen(full.subarray(0, 64));
    const dh = group?.importPrivateKey(sampleScalar(group, full.subarray(64)));
    full.fill(0);
    const element = dh?.publicKey ?? EMPTY;
    const expanded = { seed, pq: pq.secretKey, scalar: dh?.privateKey ?? EMPTY, element };
    return {
      publicKey: concatBytes(pq.publicKey, element),
      privateKey: new PqPrivateKey(construction, expanded) as object as HpkePrivateKey,
    };
  }

  /** `SHA3-256(ss_PQ || ss_T || ct_T || ek_T || Label)`. Wipes the secrets. */
  function combine(pq: Uint8Array, dh: Uint8Array, sent: Uint8Array, element: Uint8Array): Uint8Array {
    const input = concatBytes(pq, dh, sent, element, traditional?.label ?? EMPTY);
    const secret = sha3_256(input);
    for (const used of [pq, dh, input]) used.fill(0);
    return secret;
  }

  /** @throws CryptoError unless ML-KEM's half passes FIPS 203 §7.2 and the other is a point */
  function checkPublicKey(publicKey: Uint8Array): void {
    expectLength(publicKey, Npk, `${name}: a public key`);
    if (!isMlKemPublicKey(publicKey.subarray(0, pqSizes.publicKey))) {
      throw new CryptoError(`${name}: the public key's coefficients aren't below the modulus`);
    }
    group?.validatePublicKey(publicKey.subarray(pqSizes.publicKey));
  }

  return {
    algorithm,
    generateKeyPair: () => expand(random(Nsk)),
    deriveKeyPair(ikm) {
      const input = pqDeriveInput(algorithm, ikm);
      const seed = shake256(input, { dkLen: Nsk });
      input.fill(0);
      return expand(seed);
    },
    validatePublicKey: checkPublicKey,
    importPrivateKey(bytes) {
      expectLength(bytes, Nsk, `${name}: a private key`);
      return expand(new Uint8Array(bytes));
    },
    exportPrivateKey: (handle) => PqPrivateKey.open(handle, construction, name).seed.slice(),
    encap(publicKey) {
      checkPublicKey(publicKey);
      const randomness = random(32 + Nseed);
      return consume([randomness], () =>
        guardSync(`${name}: no secret with this public key`, () => {
          const sent = mlkem.encapsulate(
            publicKey.subarray(0, pqSizes.publicKey),
            randomness.subarray(0, 32),
          );
          if (!group) return { sharedSecret: sent.sharedSecret, kemOutput: sent.cipherText };
          const element = publicKey.subarray(pqSizes.publicKey);
          const ephemeral = group.importPrivateKey(sampleScalar(group, randomness.subarray(32)));
          const dh = group.dh(ephemeral.privateKey, element);
          ephemeral.privateKey.fill(0);
          return {
            sharedSecret: combine(sent.sharedSecret, dh, ephemeral.publicKey, element),
            kemOutput: concatBytes(sent.cipherText, ephemeral.publicKey),
          };
        }),
      );
    },
    decap(kemOutput, handle) {
      expectLength(kemOutput, Nenc, `${name}: an encapsulated key`);
      const key = PqPrivateKey.open(handle, construction, name);
      return guardSync(`${name}: no secret from this encapsulated key`, () => {
        const sent = kemOutput.subarray(pqSizes.ciphertext);
        // First, as it alone may fail; ML-KEM answers a forgery with a secret that nobody else has.
        const dh = group?.dh(key.scalar, sent);
        const pq = mlkem.decapsulate(kemOutput.subarray(0, pqSizes.ciphertext), key.pq);
        return dh ? combine(pq, dh, sent, key.element) : pq;
      });
    },
  };
}

/** `Group.RandomScalar`: for a NIST curve the first of the seed's scalars that is in range. */
function sampleScalar({ algorithm, scalars }: Group, seed: Uint8Array): Uint8Array {
  const { Nsk, name } = algorithm;
  for (let at = 0; at < seed.length; at += Nsk) {
    const scalar = seed.subarray(at, at + Nsk);
    if (scalars === undefined || isScalar(scalar, scalars)) return scalar;
  }
  // The chance is below 2^-128.
  throw new CryptoError(`${name}: no private key can be sampled`);
}
