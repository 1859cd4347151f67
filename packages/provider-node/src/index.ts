// RFC 9420 §5.1: a provider by node:crypto (OpenSSL). Synchronous, and all seven suites where OpenSSL has them.
import { getCiphers, getHashes, randomFillSync } from "node:crypto";
import {
  CIPHER_SUITES,
  type CipherSuite,
  type CipherSuiteProvider,
  type CryptoProvider,
} from "@copse/core/provider";
import { composeSuite, defineProvider, dhkem, hkdf, hpke } from "@copse/provider-kit";
import { dhGroup, signaturePart } from "./asymmetric.js";
import { aeadName, aeadPart, hashName, hashPart } from "./symmetric.js";

/**
 * Cryptography by Node's OpenSSL. Every answer comes at once. Private keys are `KeyObject`s (those of the
 * signature scheme may be the application's own), public keys are imported once and kept within a bound.
 *
 * `suites` are those of RFC 9420 that this build of OpenSSL has, in the order of their code points.
 */
export function nodeProvider(): CryptoProvider {
  return defineProvider(
    "node",
    available().map((suite) => ({ suite, make: () => makeSuite(suite) })),
  );
}

function makeSuite(suite: CipherSuite): CipherSuiteProvider {
  const hash = hashPart(suite.hash);
  const kdf = hkdf(hash);
  const aead = aeadPart(suite.aead);
  return composeSuite({
    suite,
    hash,
    kdf,
    aead,
    // In all seven suites the KEM's own KDF is the suite's.
    hpke: hpke({ kem: dhkem(dhGroup(suite.kem), kdf), kdf, aead }),
    signature: signaturePart(suite.signature, suite.hash),
    random: randomBytes,
  });
}

/** What the node:crypto of workerd gives at once. */
const QUOTA = 65_536;

function randomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += QUOTA) randomFillSync(bytes.subarray(at, at + QUOTA));
  return bytes;
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
    const [group, scheme] = [dhGroup(kem), signaturePart(signature, hash)];
    const keys = [
      group.generateKeyPair(),
      group.importPrivateKey(one(kem.Nsk)),
      scheme.generateKeyPair(),
      scheme.importPrivateKey(one(signature.Nsk)),
    ];
    return keys.length === 4;
  } catch {
    return false;
  }
}
