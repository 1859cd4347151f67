// RFC 9420 §5.1: a provider by libsodium, compiled to WASM. Suite 3, and suite 1 with AES from elsewhere.
import {
  type AeadPart,
  type CipherSuite,
  type CipherSuiteProvider,
  type CryptoProvider,
  MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519 as SUITE_1,
  MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519 as SUITE_3,
} from "@copse/core/provider";
import { composeSuite, defineProvider, dhkem, hkdf, hpke } from "@copse/provider-kit";
import sodium from "libsodium-wrappers";
import { ed25519 } from "./ed25519.js";
import { chacha20Poly1305, sha256 } from "./symmetric.js";
import { x25519 } from "./x25519.js";

export interface LibsodiumOptions {
  /**
   * AES-128-GCM, which libsodium's WASM doesn't have, from another provider: `other.suite(1).aead`. With
   * it suite 1 is served too, and answers at once if this part does.
   */
  readonly aes?: AeadPart;
}

/**
 * Cryptography by libsodium: X25519, Ed25519 and ChaCha20-Poly1305, the same on every platform that has
 * WASM, without WebCrypto. Every answer comes at once.
 *
 * `suites` are suite 3, and suite 1 if {@link LibsodiumOptions.aes} is given.
 * @throws MlsError `usage` (rejects) if `aes` isn't AES-128-GCM
 */
export async function libsodiumProvider({ aes }: LibsodiumOptions = {}): Promise<CryptoProvider> {
  await sodium.ready;
  const suites = [makeSuite(SUITE_3, chacha20Poly1305)];
  if (aes !== undefined) suites.push(makeSuite(SUITE_1, aes));
  return defineProvider("libsodium", suites);
}

function makeSuite(suite: CipherSuite, aead: AeadPart): CipherSuiteProvider {
  const kdf = hkdf(sha256);
  return composeSuite({
    suite,
    hash: sha256,
    kdf,
    aead,
    hpke: hpke({ kem: dhkem(x25519, kdf), kdf, aead }),
    signature: ed25519,
    random: (length) => (length === 0 ? new Uint8Array(0) : sodium.randombytes_buf(length)),
  });
}
