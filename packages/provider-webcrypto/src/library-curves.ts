// RFC 7748, RFC 8032: X25519 of @hpke/dhkem-x25519 and Ed25519 of @noble/curves, where the platform lacks them.
import {
  CryptoError,
  concat,
  DHKEM_X25519,
  ED25519,
  type SignaturePart,
  type SignaturePrivateKey,
} from "@copse/core/provider";
import {
  type DhPrimitives,
  expectLength,
  fitsEdwards,
  guard,
  guardSync,
  isEd25519PublicKey,
  isX25519PublicKey,
  PrivateKeyHandle,
  sha512,
} from "@copse/provider-kit";
import { HkdfSha256, X25519 } from "@hpke/dhkem-x25519";
import { ed25519 } from "@noble/curves/ed25519.js";
import { type RandomSource, randomFrom } from "./bytes.js";
import { notExtractable } from "./private-keys.js";

/** The library's keys have the shape of a CryptoKey, and hold their bytes. */
type LibraryKey = Awaited<ReturnType<X25519["deserializePublicKey"]>>;

/**
 * X25519 of `@hpke/dhkem-x25519` as a group for the kit's DHKEM, which gives it the provider's KDF. Keys are
 * in memory; they are exported only if `extractable`, so that a policy holds on every platform.
 */
export function libraryX25519(random: RandomSource, extractable: boolean): DhPrimitives<LibraryKey> {
  const { name, Nsk } = DHKEM_X25519;
  const curve = new X25519(new HkdfSha256()); // its KDF is only for DeriveKeyPair, which the kit does here
  // Copies are made by from(): a Buffer's slice() is a view of the same, larger memory.
  const importPrivateKey = async (bytes: Uint8Array) => {
    const privateKey = await curve.deserializePrivateKey(Uint8Array.from(bytes).buffer);
    const publicKey = await curve.serializePublicKey(await curve.derivePublicKey(privateKey));
    return { publicKey: new Uint8Array(publicKey), privateKey };
  };
  const dh = async (privateKey: LibraryKey, publicKey: Uint8Array) => {
    const imported = await curve.deserializePublicKey(Uint8Array.from(publicKey).buffer);
    return new Uint8Array(await curve.dh(privateKey, imported));
  };
  return {
    algorithm: DHKEM_X25519,
    generateKeyPair: () =>
      guard(`${name}: key generation failed`, () => importPrivateKey(randomFrom(random, Nsk))),
    importPrivateKey: (bytes) => guard(`${name}: invalid private key`, () => importPrivateKey(bytes)),
    async exportPrivateKey(privateKey) {
      if (!extractable) throw notExtractable(name);
      return new Uint8Array(await curve.serializePrivateKey(privateKey)).slice();
    },
    validatePublicKey(publicKey) {
      if (!isX25519PublicKey(publicKey)) throw new CryptoError("X25519: a point of low order");
    },
    dh: (privateKey, publicKey) => guard(`${name}: key agreement failed`, () => dh(privateKey, publicKey)),
    destroyPrivateKey(privateKey) {
      (privateKey as LibraryKey & { readonly key?: Uint8Array }).key?.fill(0);
    },
  };
}

/** Whose handles Ed25519's are. */
const OWNER = { name: "@noble/curves" };

const openSeed = (handle: SignaturePrivateKey): Uint8Array => PrivateKeyHandle.open(handle, OWNER, "ed25519");

/** Without the cofactor, as platforms have it: the library's own verification multiplies by it. */
const EQUATION = {
  base: ed25519.Point.BASE,
  order: ed25519.Point.Fn.ORDER,
  decode: (publicKey: Uint8Array) => ed25519.Point.fromBytes(publicKey),
  hash: (...parts: Uint8Array[]) => sha512.hash(concat(...parts)),
};

/** Ed25519 of `@noble/curves`, answering at once. */
export function libraryEd25519(random: RandomSource, extractable: boolean): SignaturePart {
  const pair = (seed: Uint8Array) => ({
    publicKey: guardSync("ed25519: invalid private key", () => ed25519.getPublicKey(seed)),
    privateKey: new PrivateKeyHandle(OWNER, seed) as object as SignaturePrivateKey,
  });
  return {
    algorithm: ED25519,
    generateKeyPair: () => pair(randomFrom(random, ED25519.Nsk)),
    importPrivateKey(bytes) {
      expectLength(bytes, ED25519.Nsk, "ed25519 private key");
      return pair(Uint8Array.from(bytes));
    },
    exportPrivateKey(privateKey) {
      const seed = openSeed(privateKey);
      if (!extractable) throw notExtractable(ED25519.name);
      return seed.slice();
    },
    destroyPrivateKey(privateKey) {
      PrivateKeyHandle.take<Uint8Array>(privateKey, OWNER, "ed25519")?.fill(0);
    },
    validatePublicKey: validateEd25519,
    sign: (privateKey, message) => ed25519.sign(message, openSeed(privateKey)),
    verify: (publicKey, message, signature) => fitsEdwards(EQUATION, publicKey, message, signature),
  };
}

/**
 * Platforms and the library import any 32 bytes, so the point is checked here.
 * @throws CryptoError unless they are a public key (RFC 8032 §5.1.3), and not of low order
 */
export function validateEd25519(publicKey: Uint8Array): void {
  expectLength(publicKey, ED25519.Npk, "ed25519 public key");
  if (!isEd25519PublicKey(publicKey)) throw new CryptoError("ed25519: invalid public key");
}
