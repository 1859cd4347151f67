// draft-ietf-hpke-pq §3, §4: ML-KEM-768 (FIPS 203) and its hybrid with X25519, X-Wing, in libsodium.
import { CryptoError, type HpkeKeyPair, type HpkePrivateKey, type KemAlgorithm } from "@copse/core/provider";
import {
  consume,
  expectLength,
  guardSync,
  isMlKemPublicKey,
  type Kem,
  MLKEM768,
  MLKEM768_X25519,
  pqDeriveInput,
} from "@copse/provider-kit";
import sodium from "libsodium-wrappers";
import { checkPublicKey as checkX25519 } from "./x25519.js";

/** What libsodium has of one KEM. */
interface Primitives {
  readonly algorithm: KemAlgorithm;
  /** Size of what an encapsulation is made from. */
  readonly Nrandom: number;
  fromSeed(seed: Uint8Array): { readonly publicKey: Uint8Array; readonly privateKey: Uint8Array };
  encapsulate(
    publicKey: Uint8Array,
    randomness: Uint8Array,
  ): { ciphertext: Uint8Array; sharedSecret: Uint8Array };
  decapsulate(ciphertext: Uint8Array, privateKey: Uint8Array): Uint8Array;
}

const PRIMITIVES: readonly Primitives[] = [
  {
    algorithm: MLKEM768,
    Nrandom: 32,
    fromSeed: (seed) => sodium.crypto_kem_mlkem768_seed_keypair(seed),
    encapsulate: (key, randomness) => sodium.crypto_kem_mlkem768_enc_deterministic(key, randomness),
    decapsulate: (sent, key) => sodium.crypto_kem_mlkem768_dec(sent, key),
  },
  {
    algorithm: MLKEM768_X25519,
    Nrandom: 64,
    fromSeed: (seed) => sodium.crypto_kem_xwing_seed_keypair(seed),
    encapsulate: (key, randomness) => sodium.crypto_kem_xwing_enc_deterministic(key, randomness),
    decapsulate: (sent, key) => sodium.crypto_kem_xwing_dec(sent, key),
  },
];

/** The KEMs with ML-KEM that libsodium has. */
export const PQ_KEMS: readonly KemAlgorithm[] = /* @__PURE__ */ PRIMITIVES.map(({ algorithm }) => algorithm);

/** The handle. Its fields are private, so that no log or serialiser gives a key away. */
class PqPrivateKey {
  readonly #primitives: Primitives;
  readonly #seed: Uint8Array;
  /** As libsodium has it: FIPS 203's `dk` for ML-KEM, the seed again for X-Wing. */
  readonly #expanded: Uint8Array;

  constructor(primitives: Primitives, seed: Uint8Array, expanded: Uint8Array) {
    this.#primitives = primitives;
    this.#seed = seed;
    this.#expanded = expanded;
  }

  static open(handle: unknown, primitives: Primitives): { seed: Uint8Array; expanded: Uint8Array } {
    if (!(handle instanceof PqPrivateKey) || handle.#primitives !== primitives) {
      const { name } = primitives.algorithm;
      throw new CryptoError(`this private key isn't one of libsodium's for ${name}`);
    }
    return { seed: handle.#seed, expanded: handle.#expanded };
  }
}

/** Size of the public key of ML-KEM-768, with which that of X-Wing begins. */
const MLKEM768_BYTES = MLKEM768.Npk;

/**
 * ML-KEM-768 or MLKEM768-X25519, as `algorithm` says. Private keys are seeds: 64 bytes, and 32. Ready when
 * `sodium` is.
 * @param random where key pairs and encapsulations come from
 */
export function pqKem(algorithm: KemAlgorithm, random: (length: number) => Uint8Array): Kem {
  const primitives = PRIMITIVES.find((one) => one.algorithm.id === algorithm.id);
  if (primitives === undefined) throw new CryptoError(`libsodium doesn't have ${algorithm.name}`);
  const { Nrandom } = primitives;
  const { name, Nenc, Npk, Nsk } = algorithm;

  /** Keeps the seed. */
  function pair(seed: Uint8Array): HpkeKeyPair {
    const { publicKey, privateKey } = guardSync(`no private key of ${name}`, () =>
      primitives!.fromSeed(seed),
    );
    return {
      publicKey,
      privateKey: new PqPrivateKey(primitives!, seed, privateKey) as object as HpkePrivateKey,
    };
  }

  /** @throws CryptoError unless ML-KEM's half passes FIPS 203 §7.2 and the other isn't of low order */
  function checkPublicKey(publicKey: Uint8Array): void {
    expectLength(publicKey, Npk, `${name}: a public key`);
    if (!isMlKemPublicKey(publicKey.subarray(0, MLKEM768_BYTES))) {
      throw new CryptoError(`${name}: the public key's coefficients aren't below the modulus`);
    }
    if (Npk > MLKEM768_BYTES) checkX25519(publicKey.subarray(MLKEM768_BYTES));
  }

  return {
    algorithm,
    generateKeyPair: () => pair(random(Nsk)),
    deriveKeyPair(ikm) {
      const input = pqDeriveInput(algorithm, ikm);
      return pair(consume([input], () => sodium.crypto_xof_shake256(Nsk, input)) as Uint8Array);
    },
    validatePublicKey: checkPublicKey,
    importPrivateKey(bytes) {
      expectLength(bytes, Nsk, `${name}: a private key`);
      // Not slice(): that of a Buffer shares its memory.
      return pair(Uint8Array.from(bytes));
    },
    exportPrivateKey: (handle) => PqPrivateKey.open(handle, primitives).seed.slice(),
    encap(publicKey) {
      checkPublicKey(publicKey);
      const randomness = random(Nrandom);
      return consume([randomness], () => {
        const { ciphertext, sharedSecret } = guardSync(`${name}: no secret with this public key`, () =>
          primitives.encapsulate(publicKey, randomness),
        );
        return { sharedSecret, kemOutput: ciphertext };
      });
    },
    decap(kemOutput, handle) {
      expectLength(kemOutput, Nenc, `${name}: an encapsulated key`);
      const { expanded } = PqPrivateKey.open(handle, primitives);
      return guardSync(`${name}: no secret from this encapsulated key`, () =>
        primitives.decapsulate(kemOutput, expanded),
      );
    },
  };
}
