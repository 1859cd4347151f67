// draft-ietf-tls-mldsa: ML-DSA (FIPS 204) without prehash and with an empty context.
import type {
  SignatureAlgorithm,
  SignatureKeyPair,
  SignaturePart,
  SignaturePrivateKey,
} from "@copse/core/provider";
import { expectLength, guardSync, MLDSA44, MLDSA65, MLDSA87, PrivateKeyHandle } from "@copse/provider-kit";
import { type DSA, ml_dsa44, ml_dsa65, ml_dsa87 } from "@noble/post-quantum/ml-dsa.js";
import type { Random } from "./random.js";

interface PrivateKey {
  readonly seed: Uint8Array;
  /** FIPS 204's `sk` */
  readonly expanded: Uint8Array;
}

const SCHEMES: Readonly<Record<number, DSA>> = {
  [MLDSA44.id]: ml_dsa44,
  [MLDSA65.id]: ml_dsa65,
  [MLDSA87.id]: ml_dsa87,
};

/** ML-DSA-44, -65 or -87: private keys are 32 bytes of seed. Signing is hedged (FIPS 204 §3.4). */
export function mlDsaPart(algorithm: SignatureAlgorithm, random: Random): SignaturePart {
  const { Npk, Nsk, name } = algorithm;
  const scheme = SCHEMES[algorithm.id] as DSA;

  function pair(seed: Uint8Array): SignatureKeyPair {
    const { publicKey, secretKey } = guardSync(`${name}: invalid private key`, () => scheme.keygen(seed));
    const handle = new PrivateKeyHandle<PrivateKey>(scheme, { seed, expanded: secretKey });
    return { publicKey, privateKey: handle as object as SignaturePrivateKey };
  }

  const open = (handle: SignaturePrivateKey): PrivateKey => PrivateKeyHandle.open(handle, scheme, name);

  function verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    if (publicKey.length !== Npk || signature.length !== scheme.lengths.signature) return false;
    try {
      return scheme.verify(signature, message, publicKey);
    } catch {
      return false;
    }
  }

  return {
    algorithm,
    generateKeyPair: () => pair(random(Nsk)),
    importPrivateKey(bytes) {
      expectLength(bytes, Nsk, `${name} private key`);
      return pair(new Uint8Array(bytes));
    },
    exportPrivateKey: (handle) => open(handle).seed.slice(),
    destroyPrivateKey(handle) {
      const key = PrivateKeyHandle.take<PrivateKey>(handle, scheme, name);
      key?.seed.fill(0);
      key?.expanded.fill(0);
    },
    validatePublicKey(publicKey) {
      // Every string of this length is an encoding of a public key (FIPS 204 §7.2).
      expectLength(publicKey, Npk, `${name} public key`);
    },
    sign(handle, message) {
      const { expanded } = open(handle);
      const extraEntropy = random(32);
      return guardSync(`${name}: signing failed`, () => scheme.sign(message, expanded, { extraEntropy }));
    },
    verify,
    verifyAll: (requests) => requests.map((r) => verify(r.publicKey, r.message, r.signature)),
  };
}
