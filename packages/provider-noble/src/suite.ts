// RFC 9420 §5.1: one suite's cryptography in JavaScript.
import type {
  CipherSuite,
  CipherSuiteProvider,
  SignatureAlgorithm,
  SignaturePart,
} from "@copse/core/provider";
import { composeSuite, dhkem, hkdf, hpke, type Kem, sha2 } from "@copse/provider-kit";
import { aeadPart } from "./aead.js";
import { dhGroup } from "./dh.js";
import { ecdsaPart } from "./ecdsa.js";
import { eddsaPart } from "./eddsa.js";
import type { Random } from "./random.js";

/** A suite with the given KEM and signature scheme. */
export function makeSuite(
  suite: CipherSuite,
  random: Random,
  kem: Kem,
  signature: SignaturePart,
): CipherSuiteProvider {
  const hash = sha2(suite.hash);
  const kdf = hkdf(hash);
  const aead = aeadPart(suite.aead);
  return composeSuite({ suite, hash, kdf, aead, hpke: hpke({ kem, kdf, aead }), signature, random });
}

/** One of RFC 9420's suites. */
export function classicalSuite(suite: CipherSuite, random: Random): CipherSuiteProvider {
  // In all seven suites the KEM's own KDF is the suite's.
  const kem = dhkem(dhGroup(suite.kem, random), hkdf(sha2(suite.hash)));
  return makeSuite(suite, random, kem, classicalSignature(suite.signature, random));
}

/** The scheme of `algorithm`: EdDSA or ECDSA. */
export function classicalSignature(algorithm: SignatureAlgorithm, random: Random): SignaturePart {
  return algorithm.name.startsWith("ecdsa") ? ecdsaPart(algorithm, random) : eddsaPart(algorithm, random);
}
