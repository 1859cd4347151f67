// NIST SP 800-38D, RFC 5869: sealing the values of a storage, by node:crypto.
import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomFillSync,
} from "node:crypto";
import { MlsError, type StorageCipher, type StorageKey } from "@copse/core/provider";
import { ownBytes, randomBytes } from "@copse/provider-kit";

const KEY_SIZE = 32;
const TAG_SIZE = 16;
const CIPHER = "aes-256-gcm";
const OPTIONS = { authTagLength: TAG_SIZE };

/**
 * Seals the values of a storage by OpenSSL, synchronously: for `sealedStorage` of `@copse/core/storage`.
 * @param masterKey 32 random bytes, which are copied, or a `KeyObject` of as many. Keep it apart from the storage
 * @throws MlsError `usage` for anything else
 * @example
 * const storage = sealedStorage(inner, nodeStorageCipher(masterKey));
 */
export function nodeStorageCipher(masterKey: Uint8Array | KeyObject): StorageCipher {
  const master = keyOf(masterKey);
  return {
    deriveKey(salt, info) {
      const bytes = Buffer.from(hkdfSync("sha256", master, salt, info, KEY_SIZE));
      const key = createSecretKey(bytes);
      bytes.fill(0);
      return aes256Gcm(key);
    },
    random: (length) => randomBytes(length, randomFillSync),
  };
}

function keyOf(masterKey: Uint8Array | KeyObject): KeyObject {
  const isBytes = ArrayBuffer.isView(masterKey);
  const size = isBytes ? masterKey.byteLength : (masterKey as Partial<KeyObject> | null)?.symmetricKeySize;
  if (size !== KEY_SIZE)
    throw new MlsError("usage", `expected a master key of ${KEY_SIZE} bytes, got ${size ?? "none"}`);
  return isBytes ? createSecretKey(masterKey) : masterKey;
}

function aes256Gcm(key: KeyObject): StorageKey {
  return {
    seal(nonce, plaintext, associatedData) {
      const cipher = createCipheriv(CIPHER, key, nonce, OPTIONS);
      cipher.setAAD(associatedData);
      const sealed = new Uint8Array(plaintext.length + TAG_SIZE);
      sealed.set(cipher.update(plaintext));
      cipher.final();
      sealed.set(cipher.getAuthTag(), plaintext.length);
      return sealed;
    },
    open(nonce, ciphertext, associatedData) {
      const end = ciphertext.length - TAG_SIZE;
      if (end < 0) return undefined;
      const decipher = createDecipheriv(CIPHER, key, nonce, OPTIONS);
      decipher.setAAD(associatedData);
      decipher.setAuthTag(ciphertext.subarray(end));
      const plaintext = decipher.update(ciphertext.subarray(0, end));
      try {
        decipher.final();
      } catch {
        plaintext.fill(0);
        return undefined;
      }
      return ownBytes(plaintext);
    },
  };
}
