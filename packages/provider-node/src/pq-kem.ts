// draft-ietf-hpke-pq §3, §4: ML-KEM (FIPS 203) by node:crypto on OpenSSL 3.5, alone and in the kit's hybrids.
import * as crypto from "node:crypto";
import { createHash, type KeyObject, randomFillSync } from "node:crypto";
import type { KemAlgorithm } from "@copse/core/provider";
import {
  pqKem as kemOfParts,
  MLKEM768,
  MLKEM1024,
  ownBytes,
  type PqKemParts,
  type SeedKemPrimitives,
  type SyncKem,
} from "@copse/provider-kit";
import { type DhKey, syncGroup } from "./asymmetric.js";
import { takeFrom } from "./keys.js";
import { seedKeys } from "./pq-keys.js";

/** Node has these functions since 24.7, so they are looked up when they are called. */
interface KemFunctions {
  encapsulate(publicKey: KeyObject): { readonly sharedKey: Buffer; readonly ciphertext: Buffer };
  decapsulate(privateKey: KeyObject, ciphertext: Uint8Array): Buffer;
}
const kemFunctions = crypto as object as KemFunctions;

function primitives(algorithm: KemAlgorithm, arc: readonly [number, number]): SeedKemPrimitives<KeyObject> {
  const { name, Npk, Nsk } = algorithm;
  const keys = seedKeys(name, arc, { Npk, Nseed: Nsk });
  return {
    algorithm,
    mlkem: algorithm,
    // OpenSSL draws its own.
    Nrandom: 0,
    fromSeed: (seed) => keys.importPrivate(seed),
    encapsulate(publicKey) {
      const { sharedKey, ciphertext } = kemFunctions.encapsulate(keys.importPublic(publicKey));
      return { sharedSecret: takeFrom(sharedKey, 0), kemOutput: ownBytes(ciphertext) };
    },
    decapsulate: (kemOutput, key) => takeFrom(kemFunctions.decapsulate(key, kemOutput), 0),
  };
}

const ML_KEM_768 = primitives(MLKEM768, [4, 2]);
const ML_KEM_1024 = primitives(MLKEM1024, [4, 3]);

const PARTS: PqKemParts<KeyObject, DhKey> = {
  provider: { name: "node" },
  mlkem: ({ id }) => (id === MLKEM768.id ? ML_KEM_768 : ML_KEM_1024),
  group: syncGroup,
  random: (length) => randomFillSync(new Uint8Array(length)),
  shake256: (input, outputLength) =>
    ownBytes(createHash("shake256", { outputLength }).update(input).digest()),
  sha3_256: (input) => ownBytes(createHash("sha3-256").update(input).digest()),
};

/** ML-KEM-768, ML-KEM-1024, MLKEM768-P256, MLKEM1024-P384 or MLKEM768-X25519, as `algorithm` says. */
export const pqKem = (algorithm: KemAlgorithm): SyncKem => kemOfParts(algorithm, PARTS);
