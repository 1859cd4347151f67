// RFC 9420 §5.1: hash and MAC by the platform.
import { CryptoError, type HashAlgorithm, type HashPart } from "@copse/core/provider";
import { guard } from "@copse/provider-kit";
import { source } from "./bytes.js";

/** SHA-2 and HMAC by the platform. */
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
        if (mac.length !== Nh)
          throw new CryptoError(`expected a MAC of ${Nh} bytes from the platform, got ${mac.length}`);
        return mac;
      }),
  };
}
