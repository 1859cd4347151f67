// RFC 9420 §5.1.2: signers that use keys of a provider.
import { UnsupportedError } from "../errors.js";
import type { CipherSuiteProvider, CryptoProvider, SignatureKeyPair, Signer } from "../provider/index.js";

/** A signer that uses a key pair of a provider. The private key stays inside the provider. */
export function signerOf({ suite, signature }: CipherSuiteProvider, keyPair: SignatureKeyPair): Signer {
  return {
    algorithm: suite.signature,
    publicKey: keyPair.publicKey.slice(),
    sign: (message) => signature.sign(keyPair.privateKey, message),
  };
}

/** A signer with a new key pair of the provider. @throws UnsupportedError if the provider lacks the suite */
export async function generateSigner(crypto: CryptoProvider, suite: number): Promise<Signer> {
  const provider = crypto.suite(suite);
  return signerOf(provider, await provider.signature.generateKeyPair());
}

/** Checks that a signer has the signature scheme of the suite. @throws UnsupportedError */
export function checkSigner({ suite }: CipherSuiteProvider, signer: Signer): void {
  if (signer.algorithm.id !== suite.signature.id) {
    throw new UnsupportedError(
      `${suite.name}: expected a signer of ${suite.signature.name}, got ${signer.algorithm.name}`,
    );
  }
}
