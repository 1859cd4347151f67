// RFC 9420 §5.1.2: signatures with keys in the token; verification by the inner provider.
import {
  type CipherSuiteProvider,
  MlsError,
  type SignaturePart,
  type SignaturePrivateKey,
} from "@copse/core/provider";
import type { SignatureCurve, Variant } from "./curves.js";
import { derSignature } from "./encoding.js";
import { TokenError } from "./errors.js";
import { destroyKey, generateKey, signWith, type TokenKey } from "./keys.js";
import type { Store } from "./store.js";
import type { Token } from "./token.js";

/** What signing in a token takes. */
export interface TokenSigning {
  readonly inner: CipherSuiteProvider;
  readonly token: Token;
  readonly way: SigningWay;
}

/**
 * A signature that was verified. So if another user of the library has put another key in this one's place, no
 * signature of it leaves; nor does one that a fault of the token has spoiled, from which the key may be computed.
 * @throws TokenError
 */
export async function signInToken(
  signing: TokenSigning,
  key: TokenKey,
  message: Uint8Array,
): Promise<Uint8Array> {
  const signature = await signatureOf(signing, key, message);
  const { inner, token } = signing;
  if (await inner.signature.verify(key.publicKey, message, signature)) return signature;
  // The next call looks for the key anew.
  delete key.at;
  throw new TokenError(`the token "${token.label}" signed with another key than the one that was asked for`);
}

/** A signature as MLS has it: for ECDSA in DER, over the inner provider's hash of the message. */
export async function signatureOf(
  { inner, token, way: { curve } }: TokenSigning,
  key: TokenKey,
  message: Uint8Array,
): Promise<Uint8Array> {
  if (curve.hash === undefined) return signWith(token, key, curve, message);
  return derSignature(await signWith(token, key, curve, await inner.hash.hash(message)), curve.size);
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
      const request = { curve, variant, use: "sign", id, isOwnId: true, label, persistent: true } as const;
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
    async destroyPrivateKey(handle) {
      const key = store.keyOf(handle, suite.signature);
      if (key === undefined) await soft.destroyPrivateKey(handle);
      else await destroyKey(token, key);
    },
    validatePublicKey: (publicKey) => soft.validatePublicKey(publicKey),
    sign(handle, message) {
      const key = store.keyOf(handle, suite.signature);
      if (key === undefined) return soft.sign(handle, message);
      return signInToken({ inner, token, way }, key, message);
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
