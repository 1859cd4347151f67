// RFC 9420 §5.1, §17.1: the suites that the platform's WebCrypto serves, with libraries for what it lacks.
import {
  type AeadPart,
  CHACHA20_POLY1305,
  type CipherSuite,
  CryptoError,
  type CryptoProvider,
  checkOptions,
  DHKEM_X25519,
  ED25519,
  type HashPart,
  type KdfPart,
  MLS_128_DHKEMP256_AES128GCM_SHA256_P256,
  MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519,
  MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519,
  MLS_256_DHKEMP384_AES256GCM_SHA384_P384,
  MLS_256_DHKEMP521_AES256GCM_SHA512_P521,
  MlsError,
  type OptionShape,
  type SignaturePart,
} from "@copse/core/provider";
import {
  composeSuite,
  defineProvider,
  dhkem,
  guard,
  hkdf,
  hpke,
  type Kem,
  type LazySuite,
  ownInputs,
  sha2,
} from "@copse/provider-kit";
import { aesGcm, chacha20Poly1305 } from "./aead.js";
import { randomFrom } from "./bytes.js";
import { nativeGroup } from "./ecdh.js";
import { nativeHash } from "./hashing.js";
import type { KeyStoreNeeds } from "./key-store.js";
import { libraryEd25519, libraryX25519 } from "./libraries.js";
import { loadOnce } from "./on-demand.js";
import type { KeyStore, PlatformCrypto } from "./platform.js";
import { aeadWorks, groupWorks, hashWorks, signatureWorks, X25519_AGREEMENT } from "./probe.js";
import { nativeSignature } from "./signatures.js";

/** Options of {@link webCryptoProvider}. */
export interface WebCryptoOptions {
  /** Whether private keys can be exported. Default: false, so that their bytes never leave the platform. */
  readonly extractable?: boolean;
  /**
   * What computes hashes, HMAC and HKDF. `fast` (default): `@noble/hashes`, synchronously. MLS computes thousands of
   * short hashes, for which a call of `subtle` takes longer than the hash: 32 µs and 1 µs for SHA-256 of 45 bytes on
   * Node 20. `native`: the platform.
   */
  readonly hashing?: "fast" | "native";
  /** Stores HPKE keys for saved states, by reference. Without it, saving needs `extractable: true`. */
  readonly keyStore?: KeyStore;
  /** Default: `globalThis.crypto`. */
  readonly crypto?: PlatformCrypto;
  /**
   * Uses X25519 of `@hpke/dhkem-x25519` and Ed25519 of `@noble/curves` even where the platform has its own, to test
   * what happens on one that has none. Their keys are bytes in memory, and a keyStore can't store them. Default: false.
   */
  readonly forceLibraryCurves?: boolean;
}

const OPTIONS: OptionShape<WebCryptoOptions> = {
  extractable: "boolean",
  hashing: ['"fast"', '"native"'],
  keyStore: "object",
  crypto: "object",
  forceLibraryCurves: "boolean",
};

/** The suites of this provider, best first. */
const SUITES: readonly CipherSuite[] = [
  MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519,
  MLS_128_DHKEMP256_AES128GCM_SHA256_P256,
  MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519,
  MLS_256_DHKEMP384_AES256GCM_SHA384_P384,
  MLS_256_DHKEMP521_AES256GCM_SHA512_P521,
];

/** Few pages have a key store: the others don't load it. */
const KEY_STORE_NEEDS: KeyStoreNeeds = { CryptoError, MlsError, dhkem, guard };
const keyStores = loadOnce("the code for key stores", () => import("./key-store.js"));

type KemMaker = (kdf: KdfPart) => Kem;

/**
 * A provider over the platform's WebCrypto: suites 1, 2, 3, 5 and 7, as far as the platform
 * supports their algorithms, which is tried once, now. Private keys are CryptoKeys, and a signature key's handle is the CryptoKey
 * itself. ChaCha20-Poly1305 (suite 3) is that of `@hpke/chacha20poly1305`; where the platform lacks X25519
 * or Ed25519, `@hpke/dhkem-x25519` and `@noble/curves` serve. Each library is loaded by `import()` when it is first used;
 * a call that can't load it throws MlsError `try-again`. What serves `keyStore` is loaded here.
 * @throws MlsError `usage` (a rejected promise) for unknown options, and if there is no WebCrypto, as in a page without TLS;
 *   `try-again` if what serves `keyStore` can't be loaded now
 */
export async function webCryptoProvider(options: WebCryptoOptions = {}): Promise<CryptoProvider> {
  checkOptions(options, OPTIONS);
  const { extractable = false, keyStore, forceLibraryCurves = false, hashing = "fast" } = options;
  const crypto: Crypto | undefined = options.crypto ?? globalThis.crypto;
  const subtle: SubtleCrypto | undefined = crypto?.subtle;
  if (subtle === undefined) {
    throw new MlsError("usage", "crypto.subtle is missing: browsers have it in secure contexts only");
  }

  /** Tries each part once, even if several suites have it. */
  const tried = new Map<object, Promise<unknown>>();
  const once = <T>(algorithm: object, find: () => Promise<T>): Promise<T> => {
    const found = (tried.get(algorithm) as Promise<T> | undefined) ?? find();
    tried.set(algorithm, found);
    return found;
  };

  const findKem = (algorithm: CipherSuite["kem"]): Promise<KemMaker | undefined> =>
    once(algorithm, async () => {
      const isX25519 = algorithm.id === DHKEM_X25519.id;
      const native = nativeGroup(subtle, algorithm, extractable);
      if (native !== undefined && !(isX25519 && forceLibraryCurves)) {
        if (await groupWorks(native, isX25519 ? X25519_AGREEMENT : undefined)) {
          if (keyStore === undefined) return (kdf) => dhkem(native, kdf);
          const { storedKem } = await keyStores();
          return (kdf) => storedKem(KEY_STORE_NEEDS, native, kdf, keyStore);
        }
      }
      if (!isX25519) return undefined;
      const library = libraryX25519(crypto, extractable);
      return (kdf) => dhkem(library, kdf);
    });

  const findSignature = (algorithm: CipherSuite["signature"]): Promise<SignaturePart | undefined> =>
    once(algorithm, async () => {
      const isEd25519 = algorithm.id === ED25519.id;
      const native = nativeSignature(subtle, algorithm, extractable);
      if (native !== undefined && !(isEd25519 && forceLibraryCurves)) {
        const seed = isEd25519 ? new Uint8Array(ED25519.Nsk) : undefined;
        if (await signatureWorks(native, seed)) return native;
      }
      return isEd25519 ? libraryEd25519(crypto, extractable) : undefined;
    });

  const findAead = (algorithm: CipherSuite["aead"]): Promise<AeadPart | undefined> =>
    once(algorithm, async () => {
      if (algorithm.id === CHACHA20_POLY1305.id) return chacha20Poly1305();
      const native = aesGcm(subtle, algorithm);
      return (await aeadWorks(native)) ? native : undefined;
    });

  const findHash = (algorithm: CipherSuite["hash"]): Promise<HashPart | undefined> =>
    once(algorithm, async () => {
      if (hashing === "fast") return sha2(algorithm);
      const native = nativeHash(subtle, algorithm);
      return (await hashWorks(native)) ? native : undefined;
    });

  const find = async (suite: CipherSuite): Promise<LazySuite | undefined> => {
    const [kem, signature, aead, hash] = await Promise.all([
      findKem(suite.kem),
      findSignature(suite.signature),
      findAead(suite.aead),
      findHash(suite.hash),
    ]);
    if (!kem || !signature || !aead || !hash) return undefined;
    return {
      suite,
      make() {
        const kdf = hkdf(hash);
        // The platform takes what it is given when it comes to it, after keys were imported for example.
        const late = hashing === "fast" ? <T>(part: T) => part : ownInputs;
        return composeSuite({
          suite,
          hash: late(hash),
          kdf: late(kdf),
          aead: ownInputs(aead),
          hpke: ownInputs(hpke({ kem: kem(kdf), kdf, aead })),
          signature,
          random: (length) => randomFrom(crypto, length),
        });
      },
    };
  };

  const found = await Promise.all(SUITES.map(find));
  return defineProvider(
    "webcrypto",
    found.filter((suite) => suite !== undefined),
  );
}
