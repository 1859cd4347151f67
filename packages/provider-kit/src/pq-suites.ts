// draft-ietf-mls-pq-ciphersuites: the suites with ML-KEM and ML-DSA, and their algorithms. Code points are
// still to be assigned, so they are the application's to choose.
import {
  AES_128_GCM,
  AES_256_GCM,
  CHACHA20_POLY1305,
  CIPHER_SUITES,
  type CipherSuite,
  ECDSA_P256,
  ECDSA_P384,
  ED25519,
  type KemAlgorithm,
  MlsError,
  SHA256,
  SHA384,
  type SignatureAlgorithm,
} from "@copse/core/provider";

/** draft-ietf-hpke-pq §3; private keys are the 64 bytes of seed of FIPS 203 (`d` and `z`) */
export const MLKEM768: KemAlgorithm = {
  id: 0x0041,
  name: "ML-KEM-768",
  Nsecret: 32,
  Nenc: 1088,
  Npk: 1184,
  Nsk: 64,
};
/** draft-ietf-hpke-pq §3 */
export const MLKEM1024: KemAlgorithm = {
  id: 0x0042,
  name: "ML-KEM-1024",
  Nsecret: 32,
  Nenc: 1568,
  Npk: 1568,
  Nsk: 64,
};
/** draft-ietf-hpke-pq §4; private keys are 32 bytes of seed, as for all hybrids */
export const MLKEM768_P256: KemAlgorithm = {
  id: 0x0050,
  name: "MLKEM768-P256",
  Nsecret: 32,
  Nenc: 1153,
  Npk: 1249,
  Nsk: 32,
};
/** draft-ietf-hpke-pq §4 */
export const MLKEM1024_P384: KemAlgorithm = {
  id: 0x0051,
  name: "MLKEM1024-P384",
  Nsecret: 32,
  Nenc: 1665,
  Npk: 1665,
  Nsk: 32,
};
/** draft-ietf-hpke-pq §4, also known as X-Wing */
export const MLKEM768_X25519: KemAlgorithm = {
  id: 0x647a,
  name: "MLKEM768-X25519",
  Nsecret: 32,
  Nenc: 1120,
  Npk: 1216,
  Nsk: 32,
};

/** draft-ietf-tls-mldsa: FIPS 204 without prehash and with an empty context; private keys are its seed */
export const MLDSA44: SignatureAlgorithm = { id: 0x0904, name: "mldsa44", Npk: 1312, Nsk: 32 };
/** draft-ietf-tls-mldsa */
export const MLDSA65: SignatureAlgorithm = { id: 0x0905, name: "mldsa65", Npk: 1952, Nsk: 32 };
/** draft-ietf-tls-mldsa */
export const MLDSA87: SignatureAlgorithm = { id: 0x0906, name: "mldsa87", Npk: 2592, Nsk: 32 };

type Definition = Omit<CipherSuite, "id" | "name">;

/** In the order of the draft's table. */
const DEFINITIONS = {
  MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519: {
    kem: MLKEM768_X25519,
    hash: SHA256,
    aead: AES_128_GCM,
    signature: ED25519,
  },
  MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519: {
    kem: MLKEM768_X25519,
    hash: SHA384,
    aead: AES_256_GCM,
    signature: ED25519,
  },
  MLS_128_MLKEM768P256_AES128GCM_SHA256_P256: {
    kem: MLKEM768_P256,
    hash: SHA256,
    aead: AES_128_GCM,
    signature: ECDSA_P256,
  },
  MLS_128_MLKEM768P256_AES256GCM_SHA384_P256: {
    kem: MLKEM768_P256,
    hash: SHA384,
    aead: AES_256_GCM,
    signature: ECDSA_P256,
  },
  MLS_192_MLKEM1024P384_AES256GCM_SHA384_P384: {
    kem: MLKEM1024_P384,
    hash: SHA384,
    aead: AES_256_GCM,
    signature: ECDSA_P384,
  },
  MLS_128_MLKEM768_AES256GCM_SHA384_Ed25519: {
    kem: MLKEM768,
    hash: SHA384,
    aead: AES_256_GCM,
    signature: ED25519,
  },
  MLS_128_MLKEM768_AES256GCM_SHA384_P256: {
    kem: MLKEM768,
    hash: SHA384,
    aead: AES_256_GCM,
    signature: ECDSA_P256,
  },
  MLS_192_MLKEM1024_AES256GCM_SHA384_P384: {
    kem: MLKEM1024,
    hash: SHA384,
    aead: AES_256_GCM,
    signature: ECDSA_P384,
  },
  MLS_128_MLKEM768X25519_CHACHA20POLY1305_SHA384_MLDSA44: {
    kem: MLKEM768_X25519,
    hash: SHA384,
    aead: CHACHA20_POLY1305,
    signature: MLDSA44,
  },
  MLS_192_MLKEM768_AES256GCM_SHA384_MLDSA65: {
    kem: MLKEM768,
    hash: SHA384,
    aead: AES_256_GCM,
    signature: MLDSA65,
  },
  MLS_256_MLKEM1024_AES256GCM_SHA384_MLDSA87: {
    kem: MLKEM1024,
    hash: SHA384,
    aead: AES_256_GCM,
    signature: MLDSA87,
  },
} satisfies Readonly<Record<string, Definition>>;

/** The name of a suite of draft-ietf-mls-pq-ciphersuites. */
export type PqSuiteName = keyof typeof DEFINITIONS;

/** All eleven names, in the order of the draft's table. */
export const PQ_SUITE_NAMES: readonly PqSuiteName[] = /* @__PURE__ */ Object.keys(
  DEFINITIONS,
) as PqSuiteName[];

/**
 * The code point of each suite to serve, from 1 to 0xffff. Until IANA assigns them, all members
 * must agree on some; 0xf000 to 0xffff are for private use (RFC 9420 §17.1).
 */
export type PqCodePoints = { readonly [name in PqSuiteName]?: number };

/**
 * The suites that `codePoints` has a number for, in the order of the draft's table.
 * @throws MlsError `usage` for a name that isn't the draft's, a number that is no code point or is
 *   RFC 9420's, or one given twice
 */
export function pqSuites({ codePoints }: { readonly codePoints: PqCodePoints }): readonly CipherSuite[] {
  for (const name of Object.keys(codePoints)) {
    if (!Object.hasOwn(DEFINITIONS, name)) throw new MlsError("usage", `unknown post-quantum suite: ${name}`);
  }
  const suites: CipherSuite[] = [];
  for (const name of PQ_SUITE_NAMES) {
    const id = codePoints[name];
    if (id === undefined) continue;
    if (!Number.isInteger(id) || id < 1 || id > 0xffff) {
      throw new MlsError("usage", `${name}: expected a code point from 1 to 65535, got ${id}`);
    }
    if (CIPHER_SUITES.some((other) => other.id === id)) {
      throw new MlsError("usage", `${name}: code point ${id} belongs to a suite of RFC 9420`);
    }
    if (suites.some((other) => other.id === id)) {
      throw new MlsError("usage", `${name}: code point ${id} is given twice`);
    }
    suites.push({ id, name, ...DEFINITIONS[name] });
  }
  return suites;
}
