// NIST SP 800-38D, RFC 5869: sealing the values of a storage, by the noble libraries.
import {
  checkOptions,
  copySecret,
  MlsError,
  type OptionShape,
  type StorageCipher,
  type StorageKey,
} from "@copse/core/provider";
import { gcm } from "@noble/ciphers/aes.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { type Random, randomSource } from "./random.js";

const KEY_SIZE = 32;

/** The options of {@link nobleStorageCipher}. */
export interface NobleStorageCipherOptions {
  /** As in `nobleProvider`. */
  readonly random?: Random;
}

const OPTIONS: OptionShape<NobleStorageCipherOptions> = { random: "function" };

/**
 * Seals the values of a storage in JavaScript, synchronously: for `sealedStorage` of `@copse/core/storage`. The platform's
 * AES-GCM is many times as fast: prefer it where there is one.
 * @param masterKey 32 random bytes, which are copied. Keep them apart from the storage
 * @throws UnsupportedError if there is no random source; MlsError `usage` for another key, and unknown options
 * @example
 * const storage = sealedStorage(inner, nobleStorageCipher(masterKey));
 */
export function nobleStorageCipher(
  masterKey: Uint8Array,
  options: NobleStorageCipherOptions = {},
): StorageCipher {
  const { random } = checkOptions(options, OPTIONS);
  const source = randomSource(random);
  const size = ArrayBuffer.isView(masterKey) ? masterKey.byteLength : "none";
  if (size !== KEY_SIZE)
    throw new MlsError("usage", `expected a master key of ${KEY_SIZE} bytes, got ${size}`);
  const master = copySecret(masterKey);
  return {
    deriveKey: (salt, info) => aes256Gcm(hkdf(sha256, master, salt, info, KEY_SIZE)),
    random: source,
  };
}

function aes256Gcm(key: Uint8Array): StorageKey {
  return {
    seal: (nonce, plaintext, associatedData) => gcm(key, nonce, associatedData).encrypt(plaintext),
    open(nonce, ciphertext, associatedData) {
      try {
        return gcm(key, nonce, associatedData).decrypt(ciphertext);
      } catch {
        return undefined;
      }
    },
  };
}
