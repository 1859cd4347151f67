// RFC 9420 §5.1.2: signers with private keys that were made elsewhere.
import { copySecret, needBytes, wipe } from "../bytes.js";
import type { CryptoProvider } from "../provider/index.js";
import { privateKeyIn } from "./pkcs8.js";
import { type OwnSigner, signerOf } from "./signer.js";

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
  const { pkcs8, privateKey }: { readonly pkcs8?: unknown; readonly privateKey?: unknown } = Object(key);
  const secret =
    pkcs8 === undefined ? copySecret(bytesIn(privateKey)) : privateKeyIn(bytesIn(pkcs8), signature);
  try {
    return signerOf(provider, await provider.signature.importPrivateKey(secret));
  } finally {
    wipe(secret);
  }
}

function bytesIn(value: unknown): Uint8Array {
  return needBytes(value, "the private key");
}
