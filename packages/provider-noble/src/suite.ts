// RFC 9420 §5.1: one suite's cryptography in JavaScript.
import type {
  CipherSuite,
  CipherSuiteProvider,
  SignatureAlgorithm,
  SignaturePart,
} from "@copse/core/provider";
import { composeSuite, dhkem, hkdf, hpke } from "@copse/provider-kit";
import { dhGroup } from "./dh.js";
import { ecdsaPart } from "./ecdsa.js";
import { eddsaPart } from "./eddsa.js";
import type { Random } from "./random.js";
import { aeadPart, hashPart } from "./symmetric.js";

/** The cryptography of one of RFC 9420's suites. */
export function makeSuite(suite: CipherSuite, random: Random): CipherSuiteProvider {
  const hash = hashPart(suite.hash);
  const kdf = hkdf(hash);
  const aead = aeadPart(suite.aead);
  return composeSuite({
    suite,
    hash,
    kdf,
    aead,
    // In all seven suites the KEM's own KDF is the suite's.
    hpke: hpke({ kem: dhkem(dhGroup(suite.kem, random), kdf), kdf, aead }),
    signature: signaturePart(suite.signature, random),
    random,
  });
}

/** The scheme of `algorithm`: EdDSA or ECDSA. */
export function signaturePart(algorithm: SignatureAlgorithm, random: Random): SignaturePart {
  return algorithm.name.startsWith("ecdsa") ? ecdsaPart(algorithm, random) : eddsaPart(algorithm, random);
}
