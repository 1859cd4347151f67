// RFC 9420 §5.1: a provider in pure JavaScript, by the noble libraries. Synchronous, all seven suites.
import { CIPHER_SUITES, type CryptoProvider, checkOptions, type OptionShape } from "@copse/core/provider";
import { defineProvider } from "@copse/provider-kit";
import { type Random, randomSource } from "./random.js";
import { classicalSuite } from "./suite.js";

export interface NobleOptions {
  /**
   * `length` bytes from a cryptographic random source. Default: the platform's
   * `crypto.getRandomValues`; required where that is missing. Its answers are copied.
   */
  readonly random?: Random;
}

const OPTIONS: OptionShape<NobleOptions> = { random: "function" };

/**
 * Cryptography in JavaScript, without WebCrypto and WASM. The platform is only needed for its random source.
 * Synchronous. Private keys are bytes in handles and can be exported; those of HPKE
 * belong to all providers with the same random source, those of signatures to all.
 *
 * `suites` are the seven of RFC 9420, in the order of their code points. JavaScript guarantees nothing
 * about timing: prefer the platform's own cryptography where there is one.
 * @throws UnsupportedError if there is no random source; MlsError `usage` for unknown options
 */
export function nobleProvider(options: NobleOptions = {}): CryptoProvider {
  checkOptions(options, OPTIONS);
  const source = randomSource(options.random);
  return defineProvider(
    "noble",
    CIPHER_SUITES.map((suite) => ({ suite, make: () => classicalSuite(suite, source) })),
  );
}
