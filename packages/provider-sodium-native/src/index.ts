// RFC 9420 §5.1: a provider by libsodium as native code, on Node. Suites 1 and 3.
import {
  type AeadPart,
  type CipherSuite,
  type CipherSuiteProvider,
  type CryptoProvider,
  MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519 as SUITE_1,
  MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519 as SUITE_3,
} from "@copse/core/provider";
import { composeSuite, defineProvider, dhkem, hkdf, randomBytes } from "@copse/provider-kit";
import { aes128Gcm, chacha20Poly1305 } from "./aead.js";
import { ed25519 } from "./ed25519.js";
import { sha256 } from "./hash.js";
import { loadSodium, sodium } from "./sodium.js";
import { x25519 } from "./x25519.js";

/**
 * Cryptography by libsodium as native code: X25519, Ed25519, ChaCha20-Poly1305 and SHA-256; AES-128-GCM and HMAC by
 * `node:crypto`. All answers come at once.
 *
 * `suites` are 3 and 1.
 * @throws UnsupportedError where `sodium-native` isn't installed, or has no binary for the platform
 * @example
 * const client = await Client.create({ crypto: sodiumNativeProvider(), credential: "alice", authentication });
 */
export function sodiumNativeProvider(): CryptoProvider {
  loadSodium();
  return defineProvider("sodium-native", [
    { suite: SUITE_3, make: () => makeSuite(SUITE_3, chacha20Poly1305) },
    { suite: SUITE_1, make: () => makeSuite(SUITE_1, aes128Gcm) },
  ]);
}

function makeSuite(suite: CipherSuite, aead: AeadPart): CipherSuiteProvider {
  return composeSuite({
    suite,
    hash: sha256,
    aead,
    kem: dhkem(x25519, hkdf(sha256)),
    signature: ed25519,
    random: (length) => randomBytes(length, (bytes) => sodium.randombytes_buf(bytes)),
  });
}
