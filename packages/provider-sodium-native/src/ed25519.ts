// RFC 9420 §5.1.2, RFC 8032: Ed25519 in libsodium.
import { secretBytes } from "@copse/core/provider";
import { seededEd25519 } from "@copse/provider-kit";
import { sodium } from "./sodium.js";

export const ed25519 = /* @__PURE__ */ seededEd25519({
  name: "sodium-native",
  seed() {
    const seed = secretBytes(32);
    sodium.randombytes_buf(seed);
    return seed;
  },
  expand(seed) {
    const [publicKey, privateKey] = [new Uint8Array(32), secretBytes(64)];
    sodium.crypto_sign_seed_keypair(publicKey, privateKey, seed);
    return { publicKey, privateKey };
  },
  sign(message, privateKey) {
    const signature = new Uint8Array(64);
    sodium.crypto_sign_detached(signature, message, privateKey);
    return signature;
  },
  verify: (signature, message, publicKey) =>
    sodium.crypto_sign_verify_detached(signature, message, publicKey),
});
