// FIPS 180-4, RFC 2104: SHA-256 by libsodium, HMAC by node:crypto (libsodium's binding has none over SHA-256).
import { createHmac } from "node:crypto";
import { type HashPart, SHA256 } from "@copse/core/provider";
import { sodium } from "./sodium.js";

function hash(data: Uint8Array): Uint8Array {
  const digest = new Uint8Array(SHA256.Nh);
  sodium.crypto_hash_sha256(digest, data);
  return digest;
}

/** SHA-256 and HMAC, synchronous. */
export const sha256: HashPart = {
  algorithm: SHA256,
  hash,
  hashAll: (data) => data.map(hash),
  // Not a Buffer's slice: that shares a pool's memory.
  mac: (key, data) => new Uint8Array(createHmac("sha256", key).update(data).digest()),
};
