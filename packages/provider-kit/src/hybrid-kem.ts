// draft-ietf-hpke-pq §3, §4: ML-KEM (FIPS 203) as a KEM of HPKE, alone and together with a Diffie-Hellman group
// (draft-irtf-cfrg-concrete-hybrid-kems).
import {
  ascii,
  CryptoError,
  concat,
  DHKEM_P256,
  DHKEM_P384,
  DHKEM_X25519,
  type KemAlgorithm,
} from "@copse/core/provider";
import type { DhKeyPair, DhPrimitives } from "./dhkem.js";
import { MLKEM768, MLKEM768_P256, MLKEM768_X25519, MLKEM1024, MLKEM1024_P384 } from "./pq-suites.js";
import { isScalar } from "./scalars.js";
import {
  type SeedKemParts,
  type SeedKemPrimitives,
  type SyncKem,
  seedKem,
  useSecretSync,
} from "./seed-kem.js";

/** A group that answers at once. */
export interface SyncDhPrimitives<Key> extends DhPrimitives<Key> {
  generateKeyPair(): DhKeyPair<Key>;
  importPrivateKey(bytes: Uint8Array): DhKeyPair<Key>;
  validatePublicKey(publicKey: Uint8Array): void;
  dh(privateKey: Key, publicKey: Uint8Array): Uint8Array;
}

/** ML-KEM and Diffie-Hellman groups, with private keys of the provider's own types. */
export interface PqKemParts<PqKey, DhKey> extends SeedKemParts {
  /** ML-KEM-768 or ML-KEM-1024; secrets that it gives may be wiped */
  mlkem(algorithm: KemAlgorithm): SeedKemPrimitives<PqKey>;
  /** X25519, P-256 or P-384 */
  group(algorithm: KemAlgorithm): SyncDhPrimitives<DhKey>;
  /** 32 bytes */
  sha3_256(input: Uint8Array): Uint8Array;
}

interface Hybrid {
  readonly algorithm: KemAlgorithm;
  readonly mlkem: KemAlgorithm;
  readonly dh: KemAlgorithm;
  /** Bytes that a private key of the group is made from: several scalars for P-256, to sample from. */
  readonly Nseed: number;
  /** What the combiner ends with. */
  readonly label: string;
}

const HYBRIDS: readonly Hybrid[] = [
  { algorithm: MLKEM768_P256, mlkem: MLKEM768, dh: DHKEM_P256, Nseed: 128, label: "MLKEM768-P256" },
  { algorithm: MLKEM1024_P384, mlkem: MLKEM1024, dh: DHKEM_P384, Nseed: 48, label: "MLKEM1024-P384" },
  { algorithm: MLKEM768_X25519, mlkem: MLKEM768, dh: DHKEM_X25519, Nseed: 32, label: "\\.//^\\" },
];

const hybridOf = (algorithm: KemAlgorithm) => HYBRIDS.find((one) => one.algorithm.id === algorithm.id);

/** Whether {@link pqKem} makes it of its parts. */
export const isPqKem = (algorithm: KemAlgorithm): boolean =>
  [MLKEM768.id, MLKEM1024.id].includes(algorithm.id) || hybridOf(algorithm) !== undefined;

/** ML-KEM-768, ML-KEM-1024, MLKEM768-P256, MLKEM1024-P384 or MLKEM768-X25519, as `algorithm` says. */
export function pqKem<PqKey, DhKey>(algorithm: KemAlgorithm, parts: PqKemParts<PqKey, DhKey>): SyncKem {
  const hybrid = hybridOf(algorithm);
  return hybrid ? seedKem(composed(hybrid, parts), parts) : seedKem(parts.mlkem(algorithm), parts);
}

/** A hybrid's seed, expanded. */
interface HybridKey<PqKey, DhKey> {
  readonly pq: PqKey;
  readonly dh: DhKeyPair<DhKey>;
}

function composed<PqKey, DhKey>(
  hybrid: Hybrid,
  parts: PqKemParts<PqKey, DhKey>,
): SeedKemPrimitives<HybridKey<PqKey, DhKey>> {
  const { algorithm, Nseed } = hybrid;
  const { Npk, Nenc, Nsk } = hybrid.mlkem;
  const mlkem = parts.mlkem(hybrid.mlkem);
  const group = parts.group(hybrid.dh);
  const label = ascii(hybrid.label);

  /** `SHA3-256(ss_PQ || ss_T || ct_T || ek_T || Label)`. Wipes the secrets. */
  function combine(pq: Uint8Array, dh: Uint8Array, sent: Uint8Array, element: Uint8Array): Uint8Array {
    const input = concat(pq, dh, sent, element, label);
    pq.fill(0);
    dh.fill(0);
    return useSecretSync(input, () => parts.sha3_256(input));
  }

  return {
    algorithm,
    mlkem: hybrid.mlkem,
    Nrandom: mlkem.Nrandom && mlkem.Nrandom + Nseed,
    /** `expandKey` */
    fromSeed(seed) {
      const full = parts.shake256(seed, Nsk + Nseed);
      return useSecretSync(full, () => {
        const pq = mlkem.fromSeed(full.subarray(0, Nsk));
        const dh = group.importPrivateKey(sampleScalar(group, full.subarray(Nsk)));
        // The key has its own copy of the element: the caller gets the one in the public key.
        return { publicKey: concat(pq.publicKey, dh.publicKey), privateKey: { pq: pq.privateKey, dh } };
      });
    },
    validateElement: (element) => group.validatePublicKey(element),
    encapsulate(publicKey, randomness) {
      const pq = mlkem.encapsulate(publicKey.subarray(0, Npk), randomness.subarray(0, mlkem.Nrandom));
      const element = publicKey.subarray(Npk);
      const ephemeral =
        mlkem.Nrandom > 0
          ? group.importPrivateKey(sampleScalar(group, randomness.subarray(mlkem.Nrandom)))
          : group.generateKeyPair();
      const dh = group.dh(ephemeral.privateKey, element);
      void group.destroyPrivateKey?.(ephemeral.privateKey);
      return {
        sharedSecret: combine(pq.sharedSecret, dh, ephemeral.publicKey, element),
        kemOutput: concat(pq.kemOutput, ephemeral.publicKey),
      };
    },
    destroy({ pq, dh }) {
      mlkem.destroy?.(pq);
      void group.destroyPrivateKey?.(dh.privateKey);
    },
    decapsulate(kemOutput, { pq, dh }) {
      const sent = kemOutput.subarray(Nenc);
      // First, as it alone may fail; ML-KEM answers a forgery with a secret that nobody else has.
      const secret = group.dh(dh.privateKey, sent);
      return combine(mlkem.decapsulate(kemOutput.subarray(0, Nenc), pq), secret, sent, dh.publicKey);
    },
  };
}

/** `Group.RandomScalar`: for a NIST curve the first of the seed's scalars that is in range. */
function sampleScalar<Key>({ algorithm, scalars }: DhPrimitives<Key>, seed: Uint8Array): Uint8Array {
  const { Nsk, name } = algorithm;
  for (let at = 0; at < seed.length; at += Nsk) {
    const scalar = seed.subarray(at, at + Nsk);
    if (scalars === undefined || isScalar(scalar, scalars)) return scalar;
  }
  // The chance is below 2^-128 for P-256, and below 2^-190 for P-384.
  throw new CryptoError(`${name}: no private key can be sampled`);
}
