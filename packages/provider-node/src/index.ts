// RFC 9420 §5.1: a provider by node:crypto (OpenSSL). Synchronous, and all seven suites where OpenSSL has them.
import { getCiphers, getCurves, getHashes, randomFillSync } from "node:crypto";
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
    random: (length) => randomFillSync(new Uint8Array(length)),
  });
}

let found: readonly CipherSuite[] | undefined;

function available(): readonly CipherSuite[] {
  found ??= CIPHER_SUITES.filter(isAvailable);
  return found;
}

const OPENSSL_CURVES: Readonly<Record<number, string>> = {
  16: "prime256v1",
  17: "secp384r1",
  18: "secp521r1",
};

/** Whether this OpenSSL has all of a suite's algorithms: forks such as BoringSSL lack some. */
function isAvailable(suite: CipherSuite): boolean {
  if (!getCiphers().includes(aeadName(suite.aead))) return false;
  if (!getHashes().includes(hashName(suite.hash))) return false;
  const curve = OPENSSL_CURVES[suite.kem.id];
  if (curve !== undefined) return getCurves().includes(curve);
  try {
    const keys = [
      dhGroup(suite.kem).generateKeyPair(),
      signaturePart(suite.signature, suite.hash).generateKeyPair(),
    ];
    return keys.length === 2;
  } catch {
    return false;
  }
}
