// RFC 9420 §5.1.2: signers that use keys of a provider.
import { type Bytes, copied, copySecret, needBytes, wipe } from "../bytes.js";
import { MlsError, UnsupportedError } from "../errors.js";
import type {
  Awaitable,
  CipherSuiteProvider,
  CryptoProvider,
  SignatureKeyPair,
  Signer,
} from "../provider/index.js";
import { privateKeyIn } from "./pkcs8.js";
import { validateSignatureKey } from "./signature-keys.js";

/** A signer, and its public key for the application. */
export type OwnSigner = Signer & { readonly publicKey: Bytes };

/**
 * A signer with a key pair of a provider.
 * @example
 * const suite = nodeProvider().suite(2);
 * const signer = signerOf(suite, await suite.signature.importPrivateKey(savedKey));
 */
export function signerOf({ suite, signature }: CipherSuiteProvider, keyPair: SignatureKeyPair): OwnSigner {
  return {
    algorithm: suite.signature,
    publicKey: copied(keyPair.publicKey),
    sign: (message) => signature.sign(keyPair.privateKey, message),
  };
}

/**
 * A signer with a new key pair.
 * @param suite the code point of the cipher suite
 * @throws UnsupportedError if the provider doesn't serve the suite
 * @example
 * const signer = await generateSigner(nodeProvider(), 2);
 */
export async function generateSigner(crypto: CryptoProvider, suite: number): Promise<OwnSigner> {
  const provider = crypto.suite(suite);
  return signerOf(provider, await provider.signature.generateKeyPair());
}

/** A private signature key that was made elsewhere. */
export type SignerKey =
  /** `Nsk` bytes: the seed of EdDSA (RFC 8032), or the big-endian scalar of ECDSA. */
  | { readonly privateKey: Uint8Array }
  /** A DER-encoded PKCS#8 structure (RFC 5958) that isn't encrypted, as `subtle.exportKey("pkcs8", key)` gives it. */
  | { readonly pkcs8: Uint8Array };

/**
 * A signer with a key that was made elsewhere. The bytes aren't changed, nor kept: overwrite them.
 * @param suite the code point of the cipher suite
 * @throws UnsupportedError if the provider doesn't serve the suite, or the key is of another algorithm; DecodeError for
 *   a malformed PKCS#8 structure; CryptoError for bytes that aren't a private key; MlsError `usage`, and what a provider
 *   says that doesn't import keys
 * @example
 * const signer = await importSigner(nodeProvider(), 1, { privateKey: seed });
 */
export async function importSigner(
  crypto: CryptoProvider,
  suite: number,
  key: SignerKey,
): Promise<OwnSigner> {
  const provider = crypto.suite(suite);
  const { signature } = provider.suite;
  const secret =
    "pkcs8" in key ? privateKeyIn(bytesIn(key.pkcs8), signature) : copySecret(bytesIn(key.privateKey));
  try {
    return signerOf(provider, await provider.signature.importPrivateKey(secret));
  } finally {
    wipe(secret);
  }
}

function bytesIn(value: unknown): Uint8Array {
  return needBytes(value, "the private key");
}

/** Checks that a signer has the signature scheme of the suite. @throws UnsupportedError */
export function checkSigner({ suite }: CipherSuiteProvider, signer: Signer): void {
  if (typeof signer?.sign !== "function" || signer.algorithm === undefined) {
    throw new MlsError("usage", "expected a signer: an object with `algorithm`, `publicKey` and `sign`");
  }
  if (signer.algorithm.id !== suite.signature.id) {
    throw new UnsupportedError(
      `${suite.name}: expected a signer of ${suite.signature.name}, got ${signer.algorithm.name}`,
    );
  }
}

/**
 * Checks a signer before its key is published. What others would refuse isn't sent.
 * @throws UnsupportedError as {@link checkSigner}; ValidationError for a key that isn't one of the scheme
 */
export function validateSigner(provider: CipherSuiteProvider, signer: Signer): Awaitable<void> {
  checkSigner(provider, signer);
  return validateSignatureKey(provider, signer.publicKey);
}
