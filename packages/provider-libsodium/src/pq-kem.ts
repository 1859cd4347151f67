// draft-ietf-hpke-pq §3, §4: ML-KEM-768 (FIPS 203) and its hybrid with X25519, X-Wing, in libsodium.
import { CryptoError, type KemAlgorithm } from "@copse/core/provider";
import {
  guardSync,
  MLKEM768,
  MLKEM768_X25519,
  type SeedKemPrimitives,
  type SyncKem,
  seedKem,
} from "@copse/provider-kit";
import { sodium } from "./sodium.js";
import { checkPublicKey as checkX25519 } from "./x25519.js";

const PROVIDER = { name: "libsodium" };

const sent = (one: { readonly ciphertext: Uint8Array; readonly sharedSecret: Uint8Array }) => ({
  sharedSecret: one.sharedSecret,
  kemOutput: one.ciphertext,
});

const overwrite = (key: Uint8Array): void => {
  key.fill(0);
};

/** Private keys as libsodium has them: FIPS 203's `dk` for ML-KEM, the seed again for X-Wing. */
const PRIMITIVES: readonly SeedKemPrimitives<Uint8Array>[] = [
  {
    algorithm: MLKEM768,
    mlkem: MLKEM768,
    Nrandom: 32,
    fromSeed: (seed) =>
      guardSync("ML-KEM-768: invalid private key", () => sodium.crypto_kem_mlkem768_seed_keypair(seed)),
    encapsulate: (key, randomness) => sent(sodium.crypto_kem_mlkem768_enc_deterministic(key, randomness)),
    decapsulate: (kemOutput, key) => sodium.crypto_kem_mlkem768_dec(kemOutput, key),
    destroy: overwrite,
  },
  {
    algorithm: MLKEM768_X25519,
    mlkem: MLKEM768,
    Nrandom: 64,
    fromSeed: (seed) =>
      guardSync("MLKEM768-X25519: invalid private key", () => sodium.crypto_kem_xwing_seed_keypair(seed)),
    validateElement: checkX25519,
    encapsulate: (key, randomness) => sent(sodium.crypto_kem_xwing_enc_deterministic(key, randomness)),
    decapsulate: (kemOutput, key) => sodium.crypto_kem_xwing_dec(kemOutput, key),
    destroy: overwrite,
  },
];

/** The KEMs with ML-KEM that libsodium has. */
export const PQ_KEMS: readonly KemAlgorithm[] = /* @__PURE__ */ PRIMITIVES.map(({ algorithm }) => algorithm);

/**
 * ML-KEM-768 or MLKEM768-X25519, as `algorithm` says. Private keys are seeds: 64 bytes, and 32. Ready when
 * `sodium` is.
 * @param random where key pairs and encapsulations come from
 */
export function pqKem(algorithm: KemAlgorithm, random: (length: number) => Uint8Array): SyncKem {
  const primitives = PRIMITIVES.find((one) => one.algorithm.id === algorithm.id);
  if (primitives === undefined) throw new CryptoError(`libsodium does not support ${algorithm.name}`);
  const shake256 = (input: Uint8Array, length: number) => sodium.crypto_xof_shake256(length, input);
  return seedKem(primitives, { provider: PROVIDER, random, shake256 });
}
