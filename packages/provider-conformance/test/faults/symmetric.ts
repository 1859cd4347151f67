// RFC 9420 §5.1: faults in hashing, key derivation, chance and AEAD.
import { createDecipheriv } from "node:crypto";
import { type AeadPart, type CipherSuiteProvider, CryptoError } from "@copse/core/provider";
import { type Fault, fault, none, orElse } from "./fault.js";

/** AES-128-GCM that opens with `otherwise` what a healthy one refuses, if there is room for a tag. */
function alsoOpening(aead: AeadPart, tag: number, otherwise: AeadPart["open"]): Partial<CipherSuiteProvider> {
  return {
    aead: {
      ...aead,
      open: (key, nonce, aad, ciphertext) =>
        orElse(
          () => aead.open(key, nonce, aad, ciphertext),
          () => {
            if (key.length !== 16 || nonce.length !== 12 || ciphertext.length < tag)
              throw new CryptoError("length");
            return otherwise(key, nonce, aad, ciphertext);
          },
        ),
    },
  };
}

export const SYMMETRIC: readonly Fault[] = [
  fault("truncates a hash", 5, "hash: a digest has Nh bytes", ({ hash }) => ({
    hash: { ...hash, hash: async (data) => (await hash.hash(data)).slice(0, 32) },
  })),
  fault("hashes many in the wrong order", 1, "hash: hashAll agrees with hash", ({ hash }) => ({
    hash: { ...hash, hashAll: async (data) => Promise.all([...data].reverse().map((d) => hash.hash(d))) },
  })),
  fault("refuses an empty MAC key", 2, "mac: takes an empty key, and any other length", ({ hash }) => ({
    hash: {
      ...hash,
      mac(key, data) {
        if (key.length === 0) throw new CryptoError("an empty key");
        return hash.mac(key, data);
      },
    },
  })),
  fault("swaps HKDF's salt and input", 1, "kdf: extract is HMAC with the salt as its key", ({ kdf }) => ({
    kdf: { ...kdf, extract: (salt, ikm) => kdf.extract(ikm, salt) },
  })),
  fault("expands many in the wrong order", 1, "kdf: expandAll agrees with expand", ({ kdf }) => ({
    kdf: { ...kdf, expandAll: async (prk, requests) => kdf.expandAll!(prk, [...requests].reverse()) },
  })),
  fault(
    "expands to any length",
    1,
    "kdf: expand refuses more than 255 blocks, and what is no length",
    ({ kdf }) => ({
      kdf: {
        ...kdf,
        expand: (prk, info, length) =>
          orElse(
            () => kdf.expand(prk, info, length),
            () => new Uint8Array(Math.max(0, Math.floor(length) || 0)),
          ),
      },
    }),
  ),
  fault("fills only the first 65,536 random bytes", 1, "random: looks random", ({ random }) => ({
    random(length) {
      const bytes = new Uint8Array(length);
      bytes.set(random(Math.min(length, 65_536)));
      return bytes;
    },
  })),
  fault("skips the tag check", 1, "aead: refuses a changed tag", ({ aead }) =>
    alsoOpening(aead, 16, (key, nonce, aad, ciphertext) => {
      const cipher = createDecipheriv("aes-128-gcm", key, nonce).setAAD(aad);
      return new Uint8Array(cipher.update(ciphertext.subarray(0, -16)));
    }),
  ),
  fault("takes truncated tags", 1, "aead: refuses every truncated tag", ({ aead }) =>
    alsoOpening(aead, 12, (key, nonce, aad, ciphertext) => {
      try {
        const cipher = createDecipheriv("aes-128-gcm", key, nonce, { authTagLength: 12 });
        cipher.setAAD(aad).setAuthTag(ciphertext.subarray(-12));
        const opened = new Uint8Array(cipher.update(ciphertext.subarray(0, -12)));
        cipher.final();
        return opened;
      } catch (cause) {
        throw new CryptoError("tag", { cause });
      }
    }),
  ),
  fault("ignores additional data", 3, "aead: refuses other additional data", ({ aead }) => ({
    aead: {
      ...aead,
      seal: (key, nonce, _aad, plaintext) => aead.seal(key, nonce, none, plaintext),
      open: (key, nonce, _aad, ciphertext) => aead.open(key, nonce, none, ciphertext),
    },
  })),
  fault("stretches short keys", 6, "aead: refuses keys and nonces of a wrong length", ({ aead }) => {
    const stretch = (key: Uint8Array) => {
      const full = new Uint8Array(32);
      full.set(key.subarray(0, 32));
      return full;
    };
    return {
      aead: {
        ...aead,
        seal: (key, nonce, aad, plaintext) => aead.seal(stretch(key), nonce, aad, plaintext),
        open: (key, nonce, aad, ciphertext) => aead.open(stretch(key), nonce, aad, ciphertext),
      },
    };
  }),
];
