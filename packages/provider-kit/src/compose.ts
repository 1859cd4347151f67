// RFC 9420 §5.1: one suite from parts of one or of several providers, and a provider from suites.
import {
  type AeadPart,
  CIPHER_SUITES,
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
import type { Kem } from "./dhkem.js";
import { hkdf } from "./hkdf.js";
import { type ComposedHpke, hpke } from "./hpke.js";
import { strictSignature } from "./signatures/index.js";

/** The parts of one suite. */
export interface SuiteParts {
  readonly suite: CipherSuite;
  readonly hash: HashPart;
  /** Default: HKDF over {@link hash}. */
  readonly kdf?: KdfPart;
  readonly aead: AeadPart;
  /** A whole HPKE over this suite's KEM, KDF and AEAD. Give either this or {@link kem}. */
  readonly hpke?: HpkePart;
  /** A KEM; the kit composes HPKE of it and this suite's KDF and AEAD. For example `kemOf(other.suite(1).hpke)`. */
  readonly kem?: Kem;
  /** A library's signature scheme. The kit's rules come before it: see {@link strictSignature}. */
  readonly signature: SignaturePart;
  /** `length` bytes from a cryptographic random source. */
  random(length: number): Uint8Array;
}

/**
 * One suite's cryptography from its parts.
 * @throws MlsError `usage` if a part is missing or has another algorithm than the suite says, if HPKE is made
 *   of another KDF or AEAD than the suite's, or if the suite isn't what its code point stands for
 */
export function composeSuite(parts: SuiteParts): CipherSuiteProvider {
  const { suite, hash, aead, signature, random } = parts;
  checkDefinition(suite);
  const need = (what: string, part: unknown) => {
    if (part === undefined) throw new MlsError("usage", `${suite.name}: missing part: ${what}`);
  };
  const check = (what: string, wanted: object, got: object) => {
    const problem = difference(wanted, got);
    if (problem !== undefined) throw new MlsError("usage", `${suite.name}: ${what}: ${problem}`);
  };
  need("hash", hash);
  need("AEAD", aead);
  need("signature scheme", signature);
  need("random source", random);
  check("hash", suite.hash, hash.algorithm);
  check("AEAD", suite.aead, aead.algorithm);
  check("signature scheme", suite.signature, signature.algorithm);
  const kdf = parts.kdf ?? hkdf(hash);
  check("KDF", suite.hash, kdf.algorithm);
  const { kem } = parts;
  if (kem !== undefined && parts.hpke !== undefined) {
    throw new MlsError("usage", `${suite.name}: HPKE is given, so the KEM must not be given too`);
  }
  need("KEM", kem ?? parts.hpke);
  const part = kem === undefined ? (parts.hpke as HpkePart) : hpke({ kem, kdf, aead });
  check("KEM", suite.kem, part.algorithm);
  const made: Partial<ComposedHpke> = part;
  if (made.kdf !== undefined) check("KDF of HPKE", suite.hash, made.kdf);
  if (made.aead !== undefined) check("AEAD of HPKE", suite.aead, made.aead);
  return { suite, hash, kdf, aead, hpke: part, signature: strictSignature(signature), random };
}

/** Parts of one suite, and the provider's name. */
export interface ProviderParts extends SuiteParts {
  /** Default: the suite's name. */
  readonly name?: string;
}

/**
 * A provider of one suite with parts of several providers: for example signatures by a token, the KEM by
 * WebCrypto, the AEAD by libsodium. Spread another provider's suite for the parts that you don't replace:
 * `composeProvider({ ...node.suite(1), signature: token.suite(1).signature })`. For several suites,
 * {@link composeSuite} each and {@link defineProvider}.
 * @throws MlsError `usage`, as {@link composeSuite} does
 */
export function composeProvider({ name, ...parts }: ProviderParts): CryptoProvider {
  const suite = composeSuite(parts);
  return defineProvider(name ?? suite.suite.name, [suite]);
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
      if (entry === undefined) throw new UnsupportedError(`${name} does not serve cipher suite ${id}`);
      const provider = "make" in entry ? entry.make() : entry;
      made.set(id, provider);
      return provider;
    },
  };
}

/** RFC 9420 §17.1: a suite with a code point of the RFC must have the algorithms that the RFC gives it. */
function checkDefinition(suite: CipherSuite): void {
  const { id, name } = suite;
  if (!Number.isInteger(id) || id < 1 || id > 0xffff) {
    throw new MlsError("usage", `${name}: expected a code point from 1 to 65535, got ${id}`);
  }
  const registered = CIPHER_SUITES.find((other) => other.id === id);
  if (registered === undefined) return;
  for (const part of ["kem", "hash", "aead", "signature"] as const) {
    const problem = difference(registered[part], suite[part]);
    if (problem === undefined) continue;
    throw new MlsError(
      "usage",
      `${name}: code point ${id} is ${registered.name}, whose ${part} differs: ${problem}`,
    );
  }
}

/** How an algorithm differs from the expected one, in words; `undefined` if it doesn't. */
function difference(wanted: object, got: object): string | undefined {
  if (wanted === got) return undefined;
  if (nameOf(wanted) !== nameOf(got)) return `expected ${nameOf(wanted)}, got ${nameOf(got)}`;
  const [has, needs] = [new Map<string, unknown>(Object.entries(got)), Object.entries(wanted)];
  const wrong = needs.filter(([key, value]) => has.get(key) !== value).map(([key]) => key);
  if (wrong.length === 0 && has.size === needs.length) return undefined;
  return `${nameOf(wanted)} differs in ${wrong.join(", ") || "shape"}`;
}

function nameOf(algorithm: object): string {
  return String((algorithm as { name?: unknown }).name);
}
