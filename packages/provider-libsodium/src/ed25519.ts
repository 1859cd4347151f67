// RFC 9420 §5.1.2, RFC 8032: Ed25519 in libsodium.
import { seededEd25519 } from "@copse/provider-kit";
import { randomBytes } from "./random.js";
import { sodium } from "./sodium.js";

/** Ready when `sodium` is. */
export const ed25519 = /* @__PURE__ */ seededEd25519({
  name: "libsodium",
  seed: () => randomBytes(32),
  expand: (seed) => sodium.crypto_sign_seed_keypair(seed),
  sign: (message, privateKey) => sodium.crypto_sign_detached(message, privateKey),
  verify: (signature, message, publicKey) =>
    sodium.crypto_sign_verify_detached(signature, message, publicKey),
});
