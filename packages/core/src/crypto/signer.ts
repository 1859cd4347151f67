// RFC 9420 §5.1.2: signers that use keys of a provider.
import { type Bytes, copied } from "../bytes.js";
import { MlsError, UnsupportedError } from "../errors.js";
import type {
  Awaitable,
  CipherSuiteProvider,
  CryptoProvider,
  SignatureKeyPair,
  Signer,
} from "../provider/index.js";
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
    borrows: true,
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
