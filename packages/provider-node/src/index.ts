// RFC 9420 §5.1: a provider by node:crypto (OpenSSL). Synchronous, and all seven suites where OpenSSL has them,
// with those of draft-ietf-mls-pq-ciphersuites where it is 3.5.
import { getCiphers, getHashes, randomFillSync } from "node:crypto";
import {
  CIPHER_SUITES,
  type CipherSuite,
  type CipherSuiteProvider,
  type CryptoProvider,
  checkOptions,
  type OptionShape,
} from "@copse/core/provider";
import {
  composeSuite,
  defineProvider,
  dhkem,
  ED448_TRIAL,
  ED25519_TRIAL,
  hkdf,
  hpke,
  isPqKem,
  type LazySuite,
  type PqCodePoints,
  pqSuites,
  randomBytes,
  verifiesByRule,
} from "@copse/provider-kit";
import { dhGroup, signaturePart, syncGroup } from "./asymmetric.js";
import { pqKem } from "./pq-kem.js";
import { aeadName, aeadPart, hashName, hashPart } from "./symmetric.js";

export type { PqCodePoints, PqSuiteName } from "@copse/provider-kit";

export interface NodeOptions {
  /**
   * Post-quantum suites of draft-ietf-mls-pq-ciphersuites to serve, by the code points that all members
   * of a group must agree on. Those that this Node doesn't support are left out; before OpenSSL 3.5 that is all of them.
   */
  readonly codePoints?: PqCodePoints;
}

const OPTIONS: OptionShape<NodeOptions> = { codePoints: "object" };

/**
 * Cryptography by Node's OpenSSL. Synchronous, except for large batches of signatures, which threads verify. Private
 * keys are `KeyObject`s; a signature key may be the application's own. Public keys are imported once and cached.
 *
 * `suites` are the post-quantum ones that have a code point, then those of RFC 9420 in the order of their code
 * points, as far as this build of OpenSSL has their algorithms, which is tried.
 * @throws MlsError `usage` for unknown options, and for a code point that is invalid, given twice, or one of RFC 9420's
 */
export function nodeProvider(options: NodeOptions = {}): CryptoProvider {
  checkOptions(options, OPTIONS);
  const { codePoints = {} } = options;
  const suites = [...pqSuites({ codePoints }).filter(isPqAvailable), ...available()];
  return defineProvider(
    "node",
    suites.map((suite): LazySuite => ({ suite, make: () => makeSuite(suite) })),
  );
}

function makeSuite(suite: CipherSuite): CipherSuiteProvider {
  const hash = hashPart(suite.hash);
  const kdf = hkdf(hash);
  const aead = aeadPart(suite.aead);
  // In all seven suites of RFC 9420 the KEM's own KDF is the suite's.
  const kem = isPqKem(suite.kem) ? pqKem(suite.kem) : dhkem(dhGroup(suite.kem), kdf);
  return composeSuite({
    suite,
    hash,
    kdf,
    aead,
    hpke: hpke({ kem, kdf, aead }),
    signature: signaturePart(suite.signature),
    random: (length) => randomBytes(length, randomFillSync),
  });
}

let found: readonly CipherSuite[] | undefined;

function available(): readonly CipherSuite[] {
  found ??= CIPHER_SUITES.filter(isAvailable);
  return found;
}

/** 1, as a private key of any of the curves. */
const one = (size: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => Number(i === size - 1));

/**
 * Whether this build has all of a suite's algorithms, found by using them: forks such as BoringSSL lack some,
 * and the node:crypto of other runtimes can generate keys of curves that it can't import.
 */
function isAvailable({ kem, aead, hash, signature }: CipherSuite): boolean {
  if (!getCiphers().includes(aeadName(aead)) || !getHashes().includes(hashName(hash))) return false;
  try {
    const [group, scheme] = [syncGroup(kem), signaturePart(signature)];
    const [own, other] = [group.generateKeyPair(), group.importPrivateKey(one(kem.Nsk))];
    group.validatePublicKey(other.publicKey);
    const signers = [scheme.generateKeyPair(), scheme.importPrivateKey(one(signature.Nsk))];
    // Also of what this provider must not serve by another rule than others (Deno's Ed448).
    if (verifiesByRule(scheme, ED25519_TRIAL, ED448_TRIAL) !== true) return false;
    return signers.length === 2 && group.dh(own.privateKey, other.publicKey).length === kem.Nsk;
  } catch {
    return false;
  }
}

/** By the suite's name, which determines its algorithms. */
const pqFound = new Map<string, boolean>();

function isPqAvailable(suite: CipherSuite): boolean {
  let works = pqFound.get(suite.name);
  if (works === undefined) {
    works = tryPq(suite);
    pqFound.set(suite.name, works);
  }
  return works;
}

/** Whether a whole suite works: a runtime may have some of Node's functions and not all. */
function tryPq(suite: CipherSuite): boolean {
  if (!getCiphers().includes(aeadName(suite.aead)) || !getHashes().includes(hashName(suite.hash)))
    return false;
  try {
    const kem = pqKem(suite.kem);
    const pair = kem.deriveKeyPair(one(suite.hash.Nh));
    const { sharedSecret, kemOutput } = kem.encap(pair.publicKey);
    const received = kem.decap(kemOutput, pair.privateKey);
    const scheme = signaturePart(suite.signature);
    const signer = scheme.importPrivateKey(one(suite.signature.Nsk));
    const signature = scheme.sign(signer.privateKey, kemOutput);
    return (
      sharedSecret.length === suite.kem.Nsecret &&
      Buffer.compare(sharedSecret, received) === 0 &&
      scheme.verify(signer.publicKey, kemOutput, signature)
    );
  } catch {
    return false;
  }
}
