// RFC 9420 §5.1: one suite from parts of one or of several backends, and a provider from suites.
import {
  type AeadPart,
  type CipherSuite,
  type CipherSuiteProvider,
  type CryptoProvider,
  type HashPart,
  type HpkePart,
  type KdfPart,
  MlsError,
  type SignaturePart,
  UnsupportedError,
} from "@copse/core/provider";
import type { ComposedHpke } from "./hpke.js";

/** The parts of one suite, from wherever they come. */
export interface SuiteParts {
  readonly suite: CipherSuite;
  readonly hash: HashPart;
  readonly kdf: KdfPart;
  readonly aead: AeadPart;
  readonly hpke: HpkePart | ComposedHpke;
  readonly signature: SignaturePart;
  /** `length` bytes from a cryptographic random source. */
  random(length: number): Uint8Array;
}

/**
 * One suite's cryptography from its parts.
 * @throws MlsError `usage` if a part has another algorithm than the suite says, or HPKE is made of another
 *   KDF or AEAD than the suite's
 */
export function composeSuite(parts: SuiteParts): CipherSuiteProvider {
  const { suite, hash, kdf, aead, hpke, signature, random } = parts;
  const check = (what: string, wanted: object, got: object) => {
    if (!sameAlgorithm(wanted, got)) {
      throw new MlsError("usage", `${suite.name}: the ${what} is ${nameOf(got)}, not ${nameOf(wanted)}`);
    }
  };
  check("hash", suite.hash, hash.algorithm);
  check("KDF", suite.hash, kdf.algorithm);
  check("AEAD", suite.aead, aead.algorithm);
  check("KEM", suite.kem, hpke.algorithm);
  if ("kdf" in hpke) check("KDF of HPKE", suite.hash, hpke.kdf);
  if ("aead" in hpke) check("AEAD of HPKE", suite.aead, hpke.aead);
  check("signature scheme", suite.signature, signature.algorithm);
  return { suite, hash, kdf, aead, hpke, signature, random };
}

/** A suite that is made when it is first asked for. */
export interface LazySuite {
  readonly suite: CipherSuite;
  make(): CipherSuiteProvider;
}

/**
 * A provider of the given suites, best first. Each lazy one is made once, when first asked for.
 * @throws MlsError `usage` if two suites have the same code point
 */
export function defineProvider(
  name: string,
  suites: readonly (CipherSuiteProvider | LazySuite)[],
): CryptoProvider {
  const entries = new Map(suites.map((entry) => [entry.suite.id, entry]));
  if (entries.size !== suites.length) {
    throw new MlsError("usage", `${name}: two suites have the same code point`);
  }
  const made = new Map<number, CipherSuiteProvider>();
  return {
    name,
    suites: suites.map((entry) => entry.suite),
    suite(id) {
      const known = made.get(id);
      if (known !== undefined) return known;
      const entry = entries.get(id);
      if (entry === undefined) throw new UnsupportedError(`${name} doesn't have the cipher suite ${id}`);
      const provider = "make" in entry ? entry.make() : entry;
      made.set(id, provider);
      return provider;
    },
  };
}

function sameAlgorithm(a: object, b: object): boolean {
  if (a === b) return true;
  const [left, right] = [Object.entries(a), new Map<string, unknown>(Object.entries(b))];
  return left.length === right.size && left.every(([key, value]) => right.get(key) === value);
}

function nameOf(algorithm: object): string {
  return String((algorithm as { name?: unknown }).name);
}
