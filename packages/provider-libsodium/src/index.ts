// RFC 9420 §5.1: a provider by libsodium, compiled to WASM. Suite 3; with AES from elsewhere suite 1, and the
// post-quantum suites with X-Wing or ML-KEM-768 (draft-ietf-mls-pq-ciphersuites).
import {
  AES_128_GCM,
  AES_256_GCM,
  type AeadPart,
  type CipherSuite,
  type CipherSuiteProvider,
  type CryptoProvider,
  checkOptions,
  ED25519,
  MlsError,
  type OptionShape,
  MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519 as SUITE_1,
  MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519 as SUITE_3,
} from "@copse/core/provider";
import {
  composeSuite,
  defineProvider,
  dhkem,
  hkdf,
  type Kem,
  type LazySuite,
  type PqCodePoints,
  pqSuites,
  sha2,
  sha256,
} from "@copse/provider-kit";
import { chacha20Poly1305 } from "./aead.js";
import { ed25519 } from "./ed25519.js";
import { PQ_KEMS, pqKem } from "./pq-kem.js";
import { randomBytes } from "./random.js";
import { loadSodium } from "./sodium.js";
import { x25519 } from "./x25519.js";

export type { PqCodePoints, PqSuiteName } from "@copse/provider-kit";
export { libsodiumWasm } from "./sodium.js";

export interface LibsodiumOptions {
  /**
   * AES-128-GCM, which libsodium's WASM doesn't have, from another provider: `other.suite(1).aead`. With
   * it suite 1 is served too, and answers at once if this part does.
   */
  readonly aes?: AeadPart;
  /** AES-256-GCM from another provider, `other.suite(7).aead`, for the post-quantum suites with it. */
  readonly aes256?: AeadPart;
  /**
   * Post-quantum suites of draft-ietf-mls-pq-ciphersuites to serve, by the code points that all members
   * of a group must agree on. Those for which libsodium lacks an algorithm, or no AES is given, aren't served.
   */
  readonly codePoints?: PqCodePoints;
  /**
   * libsodium's WASM as a `WebAssembly.Module`, for platforms that compile none from bytes, such as Cloudflare's Workers:
   * what a bundler makes of `import module from "./libsodium.wasm"`. {@link libsodiumWasm} gives that file's bytes. It must
   * be of the version of `libsodium-wrappers` that is used. libsodium is loaded once: the first call decides.
   */
  readonly module?: object;
}

const OPTIONS: OptionShape<LibsodiumOptions> = {
  aes: "object",
  aes256: "object",
  codePoints: "object",
  module: "object",
};

/**
 * Cryptography by libsodium: X25519, Ed25519, ChaCha20-Poly1305, ML-KEM-768 and X-Wing, the same on every
 * platform that has WASM, without WebCrypto. Answers come at once, except those of an asynchronous
 * AES part.
 *
 * `suites` are the post-quantum ones that have a code point and can be served (those with Ed25519), suite 3,
 * and suite 1 if {@link LibsodiumOptions.aes} is given.
 * @throws MlsError `usage` (rejects) for unknown options, if `aes` isn't AES-128-GCM, `aes256` isn't AES-256-GCM, a code point is
 *   invalid, given twice, or one of RFC 9420's, or `module` isn't libsodium's; UnsupportedError if the platform can't load
 *   libsodium's WASM, or `module` is that of another version
 */
export async function libsodiumProvider(options: LibsodiumOptions = {}): Promise<CryptoProvider> {
  checkOptions(options, OPTIONS);
  const { aes, aes256, codePoints = {}, module } = options;
  checkAead(aes, AES_128_GCM);
  checkAead(aes256, AES_256_GCM);
  await loadSodium(module);
  const aeads = [chacha20Poly1305, aes, aes256].filter((part) => part !== undefined);
  const suites: LazySuite[] = [];
  for (const suite of pqSuites({ codePoints })) {
    const aead = aeads.find(({ algorithm }) => algorithm.id === suite.aead.id);
    const known = suite.signature === ED25519 && PQ_KEMS.includes(suite.kem);
    if (known && aead)
      suites.push({ suite, make: () => makeSuite(suite, aead, pqKem(suite.kem, randomBytes)) });
  }
  suites.push({ suite: SUITE_3, make: () => makeSuite(SUITE_3, chacha20Poly1305, x25519Kem()) });
  if (aes) suites.push({ suite: SUITE_1, make: () => makeSuite(SUITE_1, aes, x25519Kem()) });
  return defineProvider("libsodium", suites);
}

function checkAead(part: AeadPart | undefined, { id, name }: AeadPart["algorithm"]): void {
  if (part !== undefined && part.algorithm.id !== id) {
    throw new MlsError("usage", `libsodium: expected ${name}, got ${part.algorithm.name}`);
  }
}

const x25519Kem = (): Kem => dhkem(x25519, hkdf(sha256));

function makeSuite(suite: CipherSuite, aead: AeadPart, kem: Kem): CipherSuiteProvider {
  // libsodium's standard build has no SHA-256 (the "sumo" build has), and no build has SHA-384.
  const hash = sha2(suite.hash);
  return composeSuite({ suite, hash, aead, kem, signature: ed25519, random: randomBytes });
}
