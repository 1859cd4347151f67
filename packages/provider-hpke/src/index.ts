// RFC 9420 §5.1: a provider whose HPKE is wholly that of the hpke-js family.
import {
  CIPHER_SUITES,
  type CipherSuite,
  type CipherSuiteProvider,
  type CryptoProvider,
  equalBytes,
  MlsError,
} from "@copse/core/provider";
import { composeSuite, defineProvider, sha2 } from "@copse/provider-kit";
import { aeadPart } from "./aead.js";
import { randomBytes } from "./bytes.js";
import { hpkePart } from "./hpke.js";
import { kemOf } from "./kem.js";
import { signaturePart } from "./signatures.js";

/**
 * Cryptography by hpke-js: `@hpke/core` (WebCrypto) for P-256, P-384, P-521, AES-GCM and the whole of HPKE,
 * `@hpke/dhkem-x25519`, `@hpke/dhkem-x448` and `@hpke/chacha20poly1305` for the rest; signatures and hashes by noble.
 * HPKE and AEAD answer with promises, the rest at once. Private keys can be exported.
 *
 * `suites` are those of RFC 9420, in the order of their code points, that work on this platform, which is tried.
 * @throws MlsError `usage` (a rejected promise) if there is no WebCrypto, as in a page without TLS
 * @example
 * const client = await Client.create({ crypto: await hpkeProvider(), credential: "alice", authentication });
 */
export async function hpkeProvider(): Promise<CryptoProvider> {
  if (globalThis.crypto?.subtle === undefined) {
    throw new MlsError("usage", "crypto.subtle is missing: browsers have it in secure contexts only");
  }
  found ??= Promise.all(CIPHER_SUITES.map(works));
  const answers = await found;
  return defineProvider(
    "hpke",
    CIPHER_SUITES.filter((_, i) => answers[i]).map((suite) => ({ suite, make: () => makeSuite(suite) })),
  );
}

function makeSuite(suite: CipherSuite): CipherSuiteProvider {
  return composeSuite({
    suite,
    hash: sha2(suite.hash),
    aead: aeadPart(suite.aead),
    hpke: hpkePart(suite),
    signature: signaturePart(suite.signature),
    random: randomBytes,
  });
}

/** Tried once. */
let found: Promise<boolean[]> | undefined;

/**
 * Whether a suite works here. Platforms differ in which private keys of the NIST curves they import, and where one
 * doesn't show a key's public key, the library guesses the sign of y: so derived keys are compared with another library.
 */
async function works(suite: CipherSuite): Promise<boolean> {
  const { publicKeyOf } = kemOf(suite.kem);
  try {
    const hpke = hpkePart(suite);
    for (const byte of [1, 2, 3, 4]) {
      const ikm = new Uint8Array(suite.kem.Nsk).fill(byte);
      const { publicKey, privateKey } = await hpke.deriveKeyPair(ikm);
      const scalar = await hpke.exportPrivateKey(privateKey);
      if (!equalBytes(publicKey, publicKeyOf(scalar))) return false;
      const imported = await hpke.importPrivateKey(scalar);
      const sealed = await hpke.seal(imported.publicKey, ikm, ikm, ikm);
      const opened = await hpke.open(privateKey, sealed.kemOutput, ikm, ikm, sealed.ciphertext);
      if (!equalBytes(opened, ikm)) return false;
    }
    return true;
  } catch {
    return false;
  }
}
