// RFC 9420 §5.1.2: signatures with keys in the token; verification by the inner provider.
import {
  type CipherSuiteProvider,
  MlsError,
  type SignaturePart,
  type SignaturePrivateKey,
} from "@copse/core/provider";
import type { SignatureCurve, Variant } from "./curves.js";
import { derSignature } from "./encoding.js";
import { generateKey, signWith, type TokenKey } from "./keys.js";
import type { Store } from "./store.js";
import type { Token } from "./token.js";

/** A signature as MLS has it: for ECDSA in DER, over the inner provider's hash of the message. */
export async function signatureOf(
  suite: CipherSuiteProvider,
  curve: SignatureCurve,
  message: Uint8Array,
  sign: (data: Uint8Array) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  if (curve.hash === undefined) return sign(message);
  return derSignature(await sign(await suite.hash.hash(message)), curve.size);
}

/** The handle of a signature key. Shows nothing. */
class TokenSignatureKey {}

export function signaturePart(
  inner: CipherSuiteProvider,
  token: Token,
  way: SigningWay,
  store: Store,
  label: string,
): SignaturePart {
  const { signature: soft, suite } = inner;
  const { curve, variant } = way;
  return {
    algorithm: soft.algorithm,
    async generateKeyPair() {
      const id = inner.random(16);
      const request = { curve, variant, use: "sign", id, label, persistent: true } as const;
      const key: TokenKey = await generateKey(token, request);
      const handle = new TokenSignatureKey();
      store.add(handle, key, suite.signature);
      return { publicKey: key.publicKey.slice(), privateKey: handle as SignaturePrivateKey };
    },
    importPrivateKey: (bytes) => soft.importPrivateKey(bytes),
    exportPrivateKey(handle) {
      if (store.keyOf(handle, suite.signature) === undefined) return soft.exportPrivateKey(handle);
      throw new MlsError("key-not-extractable", `the private key never leaves the token "${token.label}"`);
    },
    validatePublicKey: (publicKey) => soft.validatePublicKey(publicKey),
    sign(handle, message) {
      const key = store.keyOf(handle, suite.signature);
      if (key === undefined) return soft.sign(handle, message);
      return signatureOf(inner, curve, message, (data) => signWith(token, key, curve, data));
    },
    verify: (publicKey, message, signature) => soft.verify(publicKey, message, signature),
    ...(soft.verifyAll === undefined ? {} : { verifyAll: soft.verifyAll.bind(soft) }),
  };
}

/** How this token generates keys on a curve and signs. */
export interface SigningWay {
  readonly curve: SignatureCurve;
  readonly variant: Variant;
}
