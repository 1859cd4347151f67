// RFC 9420 §17.1: the cipher suites and their algorithms (RFC 9180 §7).

/** A key encapsulation mechanism of RFC 9180 §7.1 (or its IANA registry). All sizes in bytes. */
export interface KemAlgorithm {
  readonly id: number;
  readonly name: string;
  /** Size of the shared secret. */
  readonly Nsecret: number;
  /** Size of the encapsulated key (`kem_output`). */
  readonly Nenc: number;
  /** Size of a serialised public key. */
  readonly Npk: number;
  /** Size of a serialised private key. */
  readonly Nsk: number;
}

/** A hash function. The suite's MAC is HMAC with it, and the suite's KDF is HKDF with it. */
export interface HashAlgorithm {
  readonly name: string;
  /** Size of a digest, of a MAC, and `KDF.Nh`, in bytes. */
  readonly Nh: number;
  /** The id of HKDF with this hash in RFC 9180 §7.2. */
  readonly kdfId: number;
}

/** An AEAD of RFC 9180 §7.3. All sizes in bytes. */
export interface AeadAlgorithm {
  readonly id: number;
  readonly name: string;
  /** Size of a key. */
  readonly Nk: number;
  /** Size of a nonce. */
  readonly Nn: number;
  /** Size of the tag that a ciphertext ends with. */
  readonly Nt: number;
}

/** A signature scheme of RFC 8446 §4.2.3. Sizes in bytes. */
export interface SignatureAlgorithm {
  readonly id: number;
  readonly name: string;
  /** Size of a public key as MLS encodes it: RFC 8032 for EdDSA, an uncompressed point for ECDSA (§5.1.1). */
  readonly Npk: number;
  /** Size of a serialised private key: a seed for EdDSA, a big-endian scalar for ECDSA. */
  readonly Nsk: number;
}

/**
 * A cipher suite: a code point and its algorithms. Any object of this shape is a suite: the core needs to know no
 * more of it.
 */
export interface CipherSuite {
  /** The code point, a uint16. */
  readonly id: number;
  readonly name: string;
  readonly kem: KemAlgorithm;
  readonly hash: HashAlgorithm;
  readonly aead: AeadAlgorithm;
  readonly signature: SignatureAlgorithm;
}

/** A key is encapsulated as a public key. */
function dhkem(id: number, name: string, Nsecret: number, Npk: number, Nsk: number): KemAlgorithm {
  return { id, name: `DHKEM(${name})`, Nsecret, Nenc: Npk, Npk, Nsk };
}

export const DHKEM_P256 = /* @__PURE__ */ dhkem(0x0010, "P-256, HKDF-SHA256", 32, 65, 32);
export const DHKEM_P384 = /* @__PURE__ */ dhkem(0x0011, "P-384, HKDF-SHA384", 48, 97, 48);
export const DHKEM_P521 = /* @__PURE__ */ dhkem(0x0012, "P-521, HKDF-SHA512", 64, 133, 66);
export const DHKEM_X25519 = /* @__PURE__ */ dhkem(0x0020, "X25519, HKDF-SHA256", 32, 32, 32);
export const DHKEM_X448 = /* @__PURE__ */ dhkem(0x0021, "X448, HKDF-SHA512", 64, 56, 56);

export const SHA256: HashAlgorithm = { name: "SHA-256", Nh: 32, kdfId: 0x0001 };
export const SHA384: HashAlgorithm = { name: "SHA-384", Nh: 48, kdfId: 0x0002 };
export const SHA512: HashAlgorithm = { name: "SHA-512", Nh: 64, kdfId: 0x0003 };

export const AES_128_GCM: AeadAlgorithm = { id: 0x0001, name: "AES-128-GCM", Nk: 16, Nn: 12, Nt: 16 };
export const AES_256_GCM: AeadAlgorithm = { id: 0x0002, name: "AES-256-GCM", Nk: 32, Nn: 12, Nt: 16 };
export const CHACHA20_POLY1305: AeadAlgorithm = {
  id: 0x0003,
  name: "ChaCha20Poly1305",
  Nk: 32,
  Nn: 12,
  Nt: 16,
};

function scheme(id: number, name: string, Npk: number, Nsk: number): SignatureAlgorithm {
  return { id, name, Npk, Nsk };
}

export const ECDSA_P256 = /* @__PURE__ */ scheme(0x0403, "ecdsa_secp256r1_sha256", 65, 32);
export const ECDSA_P384 = /* @__PURE__ */ scheme(0x0503, "ecdsa_secp384r1_sha384", 97, 48);
export const ECDSA_P521 = /* @__PURE__ */ scheme(0x0603, "ecdsa_secp521r1_sha512", 133, 66);
export const ED25519 = /* @__PURE__ */ scheme(0x0807, "ed25519", 32, 32);
export const ED448 = /* @__PURE__ */ scheme(0x0808, "ed448", 57, 57);

/** 0x0001, mandatory to implement */
export const MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519: CipherSuite = {
  id: 1,
  name: "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519",
  kem: DHKEM_X25519,
  hash: SHA256,
  aead: AES_128_GCM,
  signature: ED25519,
};

export const MLS_128_DHKEMP256_AES128GCM_SHA256_P256: CipherSuite = {
  id: 2,
  name: "MLS_128_DHKEMP256_AES128GCM_SHA256_P256",
  kem: DHKEM_P256,
  hash: SHA256,
  aead: AES_128_GCM,
  signature: ECDSA_P256,
};

export const MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519: CipherSuite = {
  id: 3,
  name: "MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519",
  kem: DHKEM_X25519,
  hash: SHA256,
  aead: CHACHA20_POLY1305,
  signature: ED25519,
};

export const MLS_256_DHKEMX448_AES256GCM_SHA512_Ed448: CipherSuite = {
  id: 4,
  name: "MLS_256_DHKEMX448_AES256GCM_SHA512_Ed448",
  kem: DHKEM_X448,
  hash: SHA512,
  aead: AES_256_GCM,
  signature: ED448,
};

export const MLS_256_DHKEMP521_AES256GCM_SHA512_P521: CipherSuite = {
  id: 5,
  name: "MLS_256_DHKEMP521_AES256GCM_SHA512_P521",
  kem: DHKEM_P521,
  hash: SHA512,
  aead: AES_256_GCM,
  signature: ECDSA_P521,
};

export const MLS_256_DHKEMX448_CHACHA20POLY1305_SHA512_Ed448: CipherSuite = {
  id: 6,
  name: "MLS_256_DHKEMX448_CHACHA20POLY1305_SHA512_Ed448",
  kem: DHKEM_X448,
  hash: SHA512,
  aead: CHACHA20_POLY1305,
  signature: ED448,
};

export const MLS_256_DHKEMP384_AES256GCM_SHA384_P384: CipherSuite = {
  id: 7,
  name: "MLS_256_DHKEMP384_AES256GCM_SHA384_P384",
  kem: DHKEM_P384,
  hash: SHA384,
  aead: AES_256_GCM,
  signature: ECDSA_P384,
};

/** The seven suites of RFC 9420 §17.1, in the order of their code points. */
export const CIPHER_SUITES: readonly CipherSuite[] = [
  MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519,
  MLS_128_DHKEMP256_AES128GCM_SHA256_P256,
  MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519,
  MLS_256_DHKEMX448_AES256GCM_SHA512_Ed448,
  MLS_256_DHKEMP521_AES256GCM_SHA512_P521,
  MLS_256_DHKEMX448_CHACHA20POLY1305_SHA512_Ed448,
  MLS_256_DHKEMP384_AES256GCM_SHA384_P384,
];
