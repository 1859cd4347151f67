// RFC 9180 §7.1, RFC 7748: X25519 in libsodium, for the kit's DHKEM.
import { CryptoError, DHKEM_X25519 } from "@copse/core/provider";
import { type DhPrimitives, guardSync, isX25519PublicKey } from "@copse/provider-kit";
import { randomBytes } from "./random.js";
import { sodium } from "./sodium.js";

/** A private key is its 32 bytes, in a handle that the kit makes around them. Ready when `sodium` is. */
export const x25519: DhPrimitives<Uint8Array> = {
  algorithm: DHKEM_X25519,
  generateKeyPair() {
    const privateKey = randomBytes(32);
    return { publicKey: sodium.crypto_scalarmult_base(privateKey), privateKey };
  },
  importPrivateKey: (bytes) => ({
    publicKey: sodium.crypto_scalarmult_base(bytes),
    // Not slice(): that of a Buffer shares its memory.
    privateKey: Uint8Array.from(bytes),
  }),
  exportPrivateKey: (privateKey) => privateKey.slice(),
  validatePublicKey: checkPublicKey,
  dh: sharedPoint,
  destroyPrivateKey(privateKey) {
    privateKey.fill(0);
  },
};

/** @throws CryptoError unless it is a public key of X25519 */
export function checkPublicKey(publicKey: Uint8Array): void {
  if (!isX25519PublicKey(publicKey)) throw new CryptoError("X25519: invalid public key");
}

/** 32 bytes. @throws CryptoError for a point of low order */
function sharedPoint(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
  if (publicKey.length !== 32)
    throw new CryptoError(`X25519 public key: expected 32 bytes, got ${publicKey.length}`);
  return guardSync("X25519: key agreement failed", () => sodium.crypto_scalarmult(privateKey, publicKey));
}
