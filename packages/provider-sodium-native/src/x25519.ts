// RFC 9180 §7.1, RFC 7748: X25519 in libsodium, for the kit's DHKEM.
import { CryptoError, copySecret, DHKEM_X25519, secretBytes } from "@copse/core/provider";
import { type DhPrimitives, expectLength, guardSync, isX25519PublicKey } from "@copse/provider-kit";
import { sodium } from "./sodium.js";

function publicKeyOf(privateKey: Uint8Array): Uint8Array {
  const publicKey = new Uint8Array(32);
  sodium.crypto_scalarmult_base(publicKey, privateKey);
  return publicKey;
}

/** A private key is its 32 bytes, in a handle that the kit makes around them. */
export const x25519: DhPrimitives<Uint8Array> = {
  algorithm: DHKEM_X25519,
  generateKeyPair() {
    const privateKey = secretBytes(32);
    sodium.randombytes_buf(privateKey);
    return { publicKey: publicKeyOf(privateKey), privateKey };
  },
  importPrivateKey: (bytes) => ({ publicKey: publicKeyOf(bytes), privateKey: copySecret(bytes) }),
  exportPrivateKey: (privateKey) => copySecret(privateKey),
  validatePublicKey(publicKey) {
    if (!isX25519PublicKey(publicKey)) throw new CryptoError("X25519: invalid public key");
  },
  dh(privateKey, publicKey) {
    expectLength(publicKey, 32, "X25519 public key");
    const shared = secretBytes(32);
    return guardSync("X25519: key agreement failed", () => {
      sodium.crypto_scalarmult(shared, privateKey, publicKey);
      return shared;
    });
  },
  destroyPrivateKey(privateKey) {
    privateKey.fill(0);
  },
};
