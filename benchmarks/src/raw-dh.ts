// RFC 9180 §7.1: Diffie-Hellman as each platform offers it, without provider or HPKE around it: what the floor of
// an HPKE seal and open is made of, beside HKDF and the AEAD.
// Each is loaded when it is asked for: not all are everywhere, and none is to be loaded with another.
import type { Awaitable, KemAlgorithm } from "@copse/core";

export interface RawDh {
  /** A fresh key pair, with the public key as bytes. */
  generate(): Awaitable<{ publicKey: Uint8Array; privateKey: unknown }>;
  /** A public key as `agree` takes it, from its bytes. */
  importPublic(bytes: Uint8Array): Awaitable<unknown>;
  agree(privateKey: unknown, publicKey: unknown): Awaitable<Uint8Array>;
}

/** `undefined` if this provider has no group for the KEM. */
export async function rawDh(provider: string, { id }: KemAlgorithm): Promise<RawDh | undefined> {
  switch (provider) {
    case "node":
      return nodeDh(id);
    case "webcrypto":
      return webCryptoDh(id);
    case "libsodium":
      return id === 0x20 ? libsodiumDh() : undefined;
    case "sodium-native":
      return id === 0x20 ? sodiumNativeDh() : undefined;
    case "noble":
      return nobleDh(id);
    case "hpke":
      // Its X25519 and X448 are noble's code.
      return isNist(id) ? webCryptoDh(id) : nobleDh(id);
    default:
      return undefined;
  }
}

const NIST = {
  16: { openssl: "prime256v1", webcrypto: "P-256", noble: "p256", bits: 256 },
  17: { openssl: "secp384r1", webcrypto: "P-384", noble: "p384", bits: 384 },
  18: { openssl: "secp521r1", webcrypto: "P-521", noble: "p521", bits: 528 },
} as const;
const isNist = (id: number): id is keyof typeof NIST => id in NIST;

async function nodeDh(id: number): Promise<RawDh | undefined> {
  const { createECDH, createPublicKey, diffieHellman, generateKeyPairSync } = await import("node:crypto");
  type KeyObject = Parameters<typeof diffieHellman>[0]["privateKey"];
  if (isNist(id)) {
    const { openssl } = NIST[id];
    return {
      generate() {
        const ecdh = createECDH(openssl);
        return { publicKey: ecdh.generateKeys(), privateKey: ecdh };
      },
      // Its bytes: what takes a point is the agreement.
      importPublic: (bytes) => bytes,
      agree: (ecdh, point) => (ecdh as ReturnType<typeof createECDH>).computeSecret(point as Uint8Array),
    };
  }
  const crv = id === 0x20 ? "X25519" : id === 0x21 ? "X448" : undefined;
  if (crv === undefined) return undefined;
  return {
    generate() {
      const { publicKey, privateKey } =
        crv === "X25519" ? generateKeyPairSync("x25519") : generateKeyPairSync("x448");
      const der = publicKey.export({ format: "der", type: "spki" });
      return { publicKey: der.subarray(der.length - (crv === "X25519" ? 32 : 56)), privateKey };
    },
    importPublic: (bytes) =>
      createPublicKey({
        key: { kty: "OKP", crv, x: Buffer.from(bytes).toString("base64url") },
        format: "jwk",
      }),
    agree: (privateKey, publicKey) =>
      diffieHellman({ privateKey: privateKey as KeyObject, publicKey: publicKey as KeyObject }),
  };
}

function webCryptoDh(id: number): RawDh | undefined {
  if (!isNist(id) && id !== 0x20) return undefined;
  const { subtle } = globalThis.crypto;
  const algorithm = isNist(id) ? { name: "ECDH", namedCurve: NIST[id].webcrypto } : { name: "X25519" };
  const bits = isNist(id) ? NIST[id].bits : 256;
  type Key = Awaited<ReturnType<typeof subtle.importKey>>;
  return {
    async generate() {
      const pair = await subtle.generateKey(algorithm, false, ["deriveBits"]);
      if (!("privateKey" in pair)) throw new TypeError("a key pair was asked for");
      return {
        publicKey: new Uint8Array(await subtle.exportKey("raw", pair.publicKey)),
        privateKey: pair.privateKey,
      };
    },
    importPublic: (bytes) => subtle.importKey("raw", new Uint8Array(bytes), algorithm, true, []),
    async agree(privateKey, publicKey) {
      const secret = { name: algorithm.name, public: publicKey as Key };
      return new Uint8Array(await subtle.deriveBits(secret, privateKey as Key, bits));
    },
  };
}

/** Each function writes to its first argument. */
type SodiumNative = Record<
  "crypto_scalarmult" | "crypto_scalarmult_base" | "randombytes_buf",
  (out: Uint8Array, ...inputs: Uint8Array[]) => void
>;

function written(write: (out: Uint8Array) => void): Uint8Array {
  const out = new Uint8Array(new ArrayBuffer(32));
  write(out);
  return out;
}

async function sodiumNativeDh(): Promise<RawDh> {
  // @ts-expect-error: it brings no declarations
  const native = (await import("sodium-native")).default as SodiumNative;
  return {
    generate() {
      const privateKey = written((out) => native.randombytes_buf(out));
      return { publicKey: written((out) => native.crypto_scalarmult_base(out, privateKey)), privateKey };
    },
    importPublic: (bytes) => bytes,
    agree: (privateKey, publicKey) =>
      written((out) => native.crypto_scalarmult(out, privateKey as Uint8Array, publicKey as Uint8Array)),
  };
}

async function libsodiumDh(): Promise<RawDh> {
  const { default: sodium } = await import("libsodium-wrappers");
  await sodium.ready;
  return {
    generate() {
      const privateKey = sodium.randombytes_buf(32);
      return { publicKey: sodium.crypto_scalarmult_base(privateKey), privateKey };
    },
    importPublic: (bytes) => bytes,
    agree: (privateKey, publicKey) =>
      sodium.crypto_scalarmult(privateKey as Uint8Array, publicKey as Uint8Array),
  };
}

async function nobleCurve(id: number) {
  if (isNist(id)) return (await import("@noble/curves/nist.js"))[NIST[id].noble];
  if (id === 0x20) return (await import("@noble/curves/ed25519.js")).x25519;
  return id === 0x21 ? (await import("@noble/curves/ed448.js")).x448 : undefined;
}

async function nobleDh(id: number): Promise<RawDh | undefined> {
  const curve = await nobleCurve(id);
  if (curve === undefined) return undefined;
  return {
    generate() {
      const privateKey = curve.utils.randomSecretKey();
      // MLS has uncompressed points.
      return {
        publicKey: isNist(id) ? curve.getPublicKey(privateKey, false) : curve.getPublicKey(privateKey),
        privateKey,
      };
    },
    importPublic: (bytes) => bytes,
    agree: (privateKey, publicKey) =>
      curve.getSharedSecret(privateKey as Uint8Array, publicKey as Uint8Array),
  };
}
