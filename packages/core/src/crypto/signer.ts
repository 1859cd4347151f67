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
  const signer = {
    algorithm: suite.signature,
    publicKey: copied(keyPair.publicKey),
    borrows: true,
    sign: (message: Uint8Array) => signature.sign(keyPair.privateKey, message),
  };
  keys.set(signer, { signature, privateKey: keyPair.privateKey });
  return signer;
}

/** The keys of these signers. */
const keys = /* @__PURE__ */ new WeakMap<Signer, SignerKeyParts>();

interface SignerKeyParts {
  readonly signature: CipherSuiteProvider["signature"];
  readonly privateKey: SignatureKeyPair["privateKey"];
}

/** The key of a signer that {@link signerOf} made, and the part of its provider; `undefined` for others. */
export function keyOfSigner(signer: Signer): SignerKeyParts | undefined {
  return keys.get(signer);
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
