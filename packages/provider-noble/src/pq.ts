// draft-ietf-mls-pq-ciphersuites: the provider in JavaScript, with post-quantum suites. A separate entry
// point, so that only those who use ML-KEM and ML-DSA bundle them.
import {
  CIPHER_SUITES,
  type CipherSuite,
  type CryptoProvider,
  checkOptions,
  type OptionShape,
} from "@copse/core/provider";
import { defineProvider, type LazySuite, type PqCodePoints, pqSuites } from "@copse/provider-kit";
import { pqKem } from "./pq-kem.js";
import { mlDsaPart } from "./pq-signature.js";
import { type Random, randomSource } from "./random.js";
import { classicalSignature, classicalSuite, makeSuite } from "./suite.js";

export {
  MLDSA44,
  MLDSA65,
  MLDSA87,
  MLKEM768,
  MLKEM768_P256,
  MLKEM768_X25519,
  MLKEM1024,
  MLKEM1024_P384,
  PQ_SUITE_NAMES,
  type PqCodePoints,
  type PqSuiteName,
  pqSuites,
} from "@copse/provider-kit";
export type { Random } from "./random.js";

export interface NoblePqOptions {
  /** The suites to serve, by the code points that all members of a group must agree on. */
  readonly codePoints: PqCodePoints;
  /** As in `NobleOptions` */
  readonly random?: Random;
}

const OPTIONS: OptionShape<NoblePqOptions> = { codePoints: "object", random: "function" };

/**
 * As `nobleProvider`, with the suites of draft-ietf-mls-pq-ciphersuites that have a code point before the
 * seven of RFC 9420. Private keys are the seeds of FIPS 203, of the hybrids, and of FIPS 204.
 * @throws MlsError `usage` for unknown options, and for a code point that is invalid, given twice, or one of RFC 9420's
 * @throws UnsupportedError if there is no random source
 */
export function noblePqProvider(options: NoblePqOptions): CryptoProvider {
  checkOptions(options, OPTIONS);
  const { codePoints, random } = options;
  const source = randomSource(random);
  return defineProvider("noble", [
    ...pqSuites({ codePoints }).map((suite): LazySuite => ({ suite, make: () => pqSuite(suite, source) })),
    ...CIPHER_SUITES.map((suite): LazySuite => ({ suite, make: () => classicalSuite(suite, source) })),
  ]);
}

function pqSuite(suite: CipherSuite, random: Random) {
  const signature = suite.signature.name.startsWith("mldsa") ? mlDsaPart : classicalSignature;
  return makeSuite(suite, random, pqKem(suite.kem, random), signature(suite.signature, random));
}
