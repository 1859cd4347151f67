// RFC 9420 §5.1.2, RFC 8032: Ed25519 in libsodium.
import {
  CryptoError,
  ED25519,
  type SignatureKeyPair,
  type SignaturePart,
  type SignaturePrivateKey,
} from "@copse/core/provider";
import { expectLength, guardSync, isEd25519PublicKey, PrivateKeyHandle } from "@copse/provider-kit";
import sodium from "libsodium-wrappers";
import { randomBytes } from "./random.js";

/** Whose handles they are. */
const OWNER = { name: "libsodium" };

/** A private key as libsodium has it: 32 bytes of seed, and the public key's 32 bytes. */
const open = (handle: SignaturePrivateKey): Uint8Array => PrivateKeyHandle.open(handle, OWNER, "ed25519");

function pair(keys: { publicKey: Uint8Array; privateKey: Uint8Array }): SignatureKeyPair {
  return {
    publicKey: keys.publicKey,
    privateKey: new PrivateKeyHandle(OWNER, keys.privateKey) as object as SignaturePrivateKey,
  };
}

function verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  try {
    return sodium.crypto_sign_verify_detached(signature, message, publicKey);
  } catch {
    return false;
  }
}

/** Ed25519: private keys are 32 bytes of seed, signatures 64 bytes. Ready when `sodium` is. */
export const ed25519: SignaturePart = {
  algorithm: ED25519,
  generateKeyPair() {
    const seed = randomBytes(32);
    const keys = pair(sodium.crypto_sign_seed_keypair(seed));
    seed.fill(0);
    return keys;
  },
  importPrivateKey(bytes) {
    expectLength(bytes, 32, "ed25519 private key");
    return pair(guardSync("ed25519: invalid private key", () => sodium.crypto_sign_seed_keypair(bytes)));
  },
  exportPrivateKey: (handle) => open(handle).slice(0, 32),
  destroyPrivateKey(handle) {
    PrivateKeyHandle.take<Uint8Array>(handle, OWNER, "ed25519")?.fill(0);
  },
  validatePublicKey(publicKey) {
    // crypto_core_ed25519_is_valid_point is in the larger "sumo" build only.
    if (!isEd25519PublicKey(publicKey)) throw new CryptoError("ed25519: invalid public key");
  },
  sign(handle, message) {
    const expanded = open(handle);
    return guardSync("ed25519: signing failed", () => sodium.crypto_sign_detached(message, expanded));
  },
  verify,
  verifyAll: (requests) => requests.map((r) => verify(r.publicKey, r.message, r.signature)),
};
