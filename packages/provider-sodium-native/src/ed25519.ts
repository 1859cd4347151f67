// RFC 9420 §5.1.2, RFC 8032: Ed25519 in libsodium.
import {
  CryptoError,
  copySecret,
  ED25519,
  type SignatureKeyPair,
  type SignaturePart,
  type SignaturePrivateKey,
  secretBytes,
} from "@copse/core/provider";
import { expectLength, guardSync, isEd25519PublicKey, PrivateKeyHandle } from "@copse/provider-kit";
import { sodium } from "./sodium.js";

/** Whose handles they are. */
const OWNER = { name: "sodium-native" };

/** A private key as libsodium has it: 32 bytes of seed, and the public key's 32 bytes. */
const open = (handle: SignaturePrivateKey): Uint8Array => PrivateKeyHandle.open(handle, OWNER, "ed25519");

function pairOf(seed: Uint8Array): SignatureKeyPair {
  const [publicKey, expanded] = [new Uint8Array(32), secretBytes(64)];
  sodium.crypto_sign_seed_keypair(publicKey, expanded, seed);
  return { publicKey, privateKey: new PrivateKeyHandle(OWNER, expanded) as object as SignaturePrivateKey };
}

function verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  try {
    return sodium.crypto_sign_verify_detached(signature, message, publicKey);
  } catch {
    return false;
  }
}

/** Ed25519: private keys are 32 bytes of seed, signatures 64 bytes. */
export const ed25519: SignaturePart = {
  algorithm: ED25519,
  generateKeyPair() {
    const seed = secretBytes(32);
    sodium.randombytes_buf(seed);
    const keys = pairOf(seed);
    seed.fill(0);
    return keys;
  },
  importPrivateKey(bytes) {
    expectLength(bytes, 32, "ed25519 private key");
    return guardSync("ed25519: invalid private key", () => pairOf(bytes));
  },
  exportPrivateKey: (handle) => copySecret(open(handle).subarray(0, 32)),
  destroyPrivateKey(handle) {
    PrivateKeyHandle.take<Uint8Array>(handle, OWNER, "ed25519")?.fill(0);
  },
  validatePublicKey(publicKey) {
    if (!isEd25519PublicKey(publicKey)) throw new CryptoError("ed25519: invalid public key");
  },
  sign(handle, message) {
    const expanded = open(handle);
    const signature = new Uint8Array(64);
    return guardSync("ed25519: signing failed", () => {
      sodium.crypto_sign_detached(signature, message, expanded);
      return signature;
    });
  },
  verify,
  verifyAll: (requests) => requests.map((r) => verify(r.publicKey, r.message, r.signature)),
};
