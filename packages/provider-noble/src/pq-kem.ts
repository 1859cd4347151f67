// draft-ietf-hpke-pq §3, §4: ML-KEM (FIPS 203) in JavaScript, alone and in the kit's hybrids.
//
// noble has some hybrids ready-made; of these, those with a NIST curve hash both coordinates of the shared point
// where the draft hashes x alone.
import type { KemAlgorithm } from "@copse/core/provider";
import {
  pqKem as kemOfParts,
  MLKEM768,
  MLKEM1024,
  type SeedKemPrimitives,
  type SyncKem,
} from "@copse/provider-kit";
import { sha3_256, shake256 } from "@noble/hashes/sha3.js";
import { type MLKEM, ml_kem768, ml_kem1024 } from "@noble/post-quantum/ml-kem.js";
import { dhGroup } from "./dh.js";
import type { Random } from "./random.js";

const PROVIDER = { name: "noble" };

/** A private key is FIPS 203's `dk`. */
function primitives(algorithm: KemAlgorithm, mlkem: MLKEM): SeedKemPrimitives<Uint8Array> {
  return {
    algorithm,
    mlkem: algorithm,
    Nrandom: 32,
    fromSeed(seed) {
      const { publicKey, secretKey } = mlkem.keygen(seed);
      return { publicKey, privateKey: secretKey };
    },
    encapsulate(publicKey, randomness) {
      const { sharedSecret, cipherText } = mlkem.encapsulate(publicKey, randomness);
      return { sharedSecret, kemOutput: cipherText };
    },
    decapsulate: (kemOutput, privateKey) => mlkem.decapsulate(kemOutput, privateKey),
    destroy(privateKey) {
      privateKey.fill(0);
    },
  };
}

const ML_KEM_768 = /* @__PURE__ */ primitives(MLKEM768, ml_kem768);
const ML_KEM_1024 = /* @__PURE__ */ primitives(MLKEM1024, ml_kem1024);

/** ML-KEM-768, ML-KEM-1024, MLKEM768-P256, MLKEM1024-P384 or MLKEM768-X25519, as `algorithm` says. */
export function pqKem(algorithm: KemAlgorithm, random: Random): SyncKem {
  return kemOfParts(algorithm, {
    provider: PROVIDER,
    mlkem: ({ id }) => (id === MLKEM768.id ? ML_KEM_768 : ML_KEM_1024),
    group: (kem) => dhGroup(kem, random),
    random,
    shake256: (input, dkLen) => shake256(input, { dkLen }),
    sha3_256,
  });
}
