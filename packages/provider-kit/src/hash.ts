// FIPS 180-4, RFC 2104: SHA-2 and HMAC by @noble/hashes, synchronous. MLS computes thousands of short ones.
import {
  type HashAlgorithm,
  type HashPart,
  SHA256,
  SHA384,
  SHA512,
  UnsupportedError,
} from "@copse/core/provider";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 as noble256, sha384 as noble384, sha512 as noble512 } from "@noble/hashes/sha2.js";
import type { HmacPrimitive } from "./hkdf.js";

type NobleHash = typeof noble256 | typeof noble384 | typeof noble512;

/** A hash and HMAC that answer at once. */
export interface SyncHashPart extends HashPart {
  hash(data: Uint8Array): Uint8Array;
  hashAll(data: readonly Uint8Array[]): Uint8Array[];
  mac(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** HMACs of many inputs under one key, whose two blocks are hashed once. */
  macAll(key: Uint8Array, data: readonly Uint8Array[]): Uint8Array[];
}

function hashPart(algorithm: HashAlgorithm, hash: NobleHash): SyncHashPart & HmacPrimitive {
  return {
    algorithm,
    hash: (data) => hash(data),
    hashAll: (data) => data.map((one) => hash(one)),
    mac: (key, data) => hmac(hash, key, data),
    macAll(key, data) {
      const keyed = hmac.create(hash, key);
      try {
        return data.map((one) => keyed.clone().update(one).digest());
      } finally {
        keyed.destroy();
      }
    },
  };
}

/** SHA-256 and HMAC-SHA256. */
export const sha256: SyncHashPart = /* @__PURE__ */ hashPart(SHA256, noble256);
/** SHA-384 and HMAC-SHA384. */
export const sha384: SyncHashPart = /* @__PURE__ */ hashPart(SHA384, noble384);
/** SHA-512 and HMAC-SHA512. */
export const sha512: SyncHashPart = /* @__PURE__ */ hashPart(SHA512, noble512);

/**
 * SHA-256, SHA-384 or SHA-512, as `algorithm` names it.
 * @throws UnsupportedError for any other name
 */
export function sha2({ name }: HashAlgorithm): SyncHashPart {
  const part = [sha256, sha384, sha512].find(({ algorithm }) => algorithm.name === name);
  if (part === undefined) throw new UnsupportedError(`expected SHA-256, SHA-384 or SHA-512, got ${name}`);
  return part;
}
