// RFC 9420 §5.1: hash and MAC, at once in JavaScript or through the platform.
import { CryptoError, type HashAlgorithm, type HashPart } from "@copse/core/provider";
import { guard, javascriptHash } from "@copse/provider-kit";
import { sha256, sha384, sha512 } from "@noble/hashes/sha2.js";
import { source } from "./bytes.js";

const FUNCTIONS = { "SHA-256": sha256, "SHA-384": sha384, "SHA-512": sha512 };

/**
 * SHA-2 and HMAC in JavaScript, answering at once. MLS has thousands of short inputs, for which a call of subtle
 * costs more than the hash: for 64 bytes on Node 20, 32 µs against 1.9 for SHA-256, and 46 against 7.9 for HMAC.
 */
export const fastHash = (algorithm: HashAlgorithm): HashPart =>
  javascriptHash(algorithm, FUNCTIONS[algorithm.name as keyof typeof FUNCTIONS] as typeof sha256);

/** SHA-2 and HMAC of the platform. */
export function nativeHash(subtle: SubtleCrypto, algorithm: HashAlgorithm): HashPart {
  const { name, Nh } = algorithm;
  const hmacParameters = { name: "HMAC", hash: name };
  // An empty key can't be imported; HMAC fills keys up with zeros, so that it is the same as these.
  const emptyKey = new Uint8Array(Nh);
  const failed = `${name} failed in the platform`;
  return {
    algorithm,
    hash: (data) => guard(failed, async () => new Uint8Array(await subtle.digest(name, source(data)))),
    mac: (key, data) =>
      guard(failed, async () => {
        const bytes = source(key.length === 0 ? emptyKey : key);
        const imported = await subtle.importKey("raw", bytes, hmacParameters, false, ["sign"]);
        const mac = new Uint8Array(await subtle.sign("HMAC", imported, source(data)));
        if (mac.length !== Nh) throw new CryptoError(`the platform gave a MAC of ${mac.length} bytes`);
        return mac;
      }),
  };
}
