// NIST SP 800-38D, RFC 5869: sealing the values of a storage, by the platform's WebCrypto.
import {
  checkOptions,
  MlsError,
  type OptionShape,
  type StorageCipher,
  type StorageKey,
} from "@copse/core/provider";
import { randomFrom, source } from "./bytes.js";
import type { PlatformCrypto, PlatformKey } from "./platform.js";

export type { PlatformCrypto, PlatformKey } from "./platform.js";

const KEY_SIZE = 32;
const TAG_SIZE = 16;

/** The options of {@link webCryptoStorageCipher} and {@link newStorageKey}. */
export interface WebCryptoStorageOptions {
  /** Default: `globalThis.crypto`. */
  readonly crypto?: PlatformCrypto;
}

const OPTIONS: OptionShape<WebCryptoStorageOptions> = { crypto: "object" };

/**
 * A new master key for {@link webCryptoStorageCipher}, whose bytes nobody gets: a CryptoKey for HKDF. IndexedDB keeps it as it is
 * (structured clone). Who can run code in the page can use it, but not take it away; who can copy the browser's
 * profile has it.
 * @example
 * const key = await newStorageKey();
 */
export async function newStorageKey(options: WebCryptoStorageOptions = {}): Promise<PlatformKey> {
  const crypto = platformOf(options);
  const bytes = randomFrom(crypto, KEY_SIZE);
  try {
    return await importMaster(crypto, bytes);
  } finally {
    bytes.fill(0);
  }
}

/**
 * Seals the values of a storage by the platform: for `sealedStorage` of `@copse/core/storage`.
 * @param masterKey 32 random bytes, which are copied; or a CryptoKey for HKDF with the usage `deriveKey`, such as
 *   {@link newStorageKey} makes, or `unwrapKey`. Keep it apart from the storage, or let it be one that can't be extracted
 * @throws MlsError `usage` (a rejected promise) for another key, unknown options, and where there is no WebCrypto
 * @example
 * const storage = sealedStorage(inner, await webCryptoStorageCipher(masterKey));
 */
export async function webCryptoStorageCipher(
  masterKey: Uint8Array | PlatformKey,
  options: WebCryptoStorageOptions = {},
): Promise<StorageCipher> {
  const crypto = platformOf(options);
  const { subtle } = crypto;
  const master = ArrayBuffer.isView(masterKey) ? await importMaster(crypto, masterKey) : forHkdf(masterKey);
  const algorithm = { name: "AES-GCM", length: 8 * KEY_SIZE };
  return {
    async deriveKey(salt, info) {
      const hkdf = { name: "HKDF", hash: "SHA-256", salt: source(salt), info: source(info) };
      const key = await subtle.deriveKey(hkdf, master, algorithm, false, ["encrypt", "decrypt"]);
      return aes256Gcm(subtle, key);
    },
    random: (length) => randomFrom(crypto, length),
  };
}

function platformOf(options: WebCryptoStorageOptions): Crypto {
  const crypto: Crypto | undefined = checkOptions(options, OPTIONS).crypto ?? globalThis.crypto;
  if (crypto?.subtle === undefined)
    throw new MlsError("usage", "crypto.subtle is missing: browsers have it in secure contexts only");
  return crypto;
}

async function importMaster({ subtle }: Crypto, bytes: Uint8Array): Promise<CryptoKey> {
  if (bytes.byteLength !== KEY_SIZE)
    throw new MlsError("usage", `expected a master key of ${KEY_SIZE} bytes, got ${bytes.byteLength}`);
  return subtle.importKey("raw", source(bytes), "HKDF", false, ["deriveKey"]);
}

function forHkdf(key: PlatformKey): CryptoKey {
  const { algorithm, usages } = (key ?? {}) as Partial<CryptoKey>;
  if (algorithm?.name === "HKDF" && usages?.includes("deriveKey")) return key as CryptoKey;
  throw new MlsError(
    "usage",
    "expected a master key of 32 bytes, or a CryptoKey for HKDF with the usage deriveKey",
  );
}

function aes256Gcm(subtle: SubtleCrypto, key: CryptoKey): StorageKey {
  const parameters = (nonce: Uint8Array, associatedData: Uint8Array): AesGcmParams => ({
    name: "AES-GCM",
    iv: source(nonce),
    additionalData: source(associatedData),
    tagLength: 8 * TAG_SIZE,
  });
  return {
    async seal(nonce, plaintext, associatedData) {
      return new Uint8Array(await subtle.encrypt(parameters(nonce, associatedData), key, source(plaintext)));
    },
    async open(nonce, ciphertext, associatedData) {
      try {
        return new Uint8Array(
          await subtle.decrypt(parameters(nonce, associatedData), key, source(ciphertext)),
        );
      } catch {
        return undefined;
      }
    },
  };
}
