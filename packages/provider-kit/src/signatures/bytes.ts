// RFC 9420 §5.1.2: a signature scheme of a library whose private keys are their bytes.
import {
  CryptoError,
  type SignatureAlgorithm,
  type SignatureKeyPair,
  type SignaturePart,
  type SignaturePrivateKey,
} from "@copse/core/provider";
import { expectLength } from "../bytes.js";
import { guardSync } from "../guard.js";
import { PrivateKeyHandle } from "../private-key.js";
import { isScalar, type ScalarRange } from "../scalars.js";

/** The functions of such a library. They answer at once, and keep none of the bytes that they are given. */
export interface BytesSignature {
  readonly algorithm: SignatureAlgorithm;
  /** The range of private keys, for ECDSA. Without it every string of `Nsk` bytes is a private key. */
  readonly scalars?: ScalarRange;
  /** `Nsk` bytes, in memory that may be overwritten. */
  generate(): Uint8Array;
  /** `Npk` bytes. */
  publicKeyOf(privateKey: Uint8Array): Uint8Array;
  /** The public key has the right length. Throws unless it is one; what it returns doesn't matter. */
  validatePublicKey(publicKey: Uint8Array): unknown;
  sign(message: Uint8Array, privateKey: Uint8Array): Uint8Array;
  /** The public key has the right length. What it throws counts as `false`. */
  verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
}

/**
 * A scheme by a library: private keys are bytes in handles. All answers come at once.
 * @param owner whose the handles are: see {@link PrivateKeyHandle}
 */
export function bytesSignature(library: BytesSignature, owner: object): SignaturePart {
  const { algorithm, scalars } = library;
  const { name, Npk, Nsk } = algorithm;
  const open = (handle: SignaturePrivateKey): Uint8Array => PrivateKeyHandle.open(handle, owner, name);

  const pair = (privateKey: Uint8Array): SignatureKeyPair => ({
    publicKey: guardSync(`${name}: invalid private key`, () => library.publicKeyOf(privateKey)),
    privateKey: new PrivateKeyHandle(owner, privateKey) as object as SignaturePrivateKey,
  });

  function verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    if (publicKey.length !== Npk) return false;
    try {
      return library.verify(signature, message, publicKey);
    } catch {
      return false;
    }
  }

  return {
    algorithm,
    generateKeyPair: () => pair(library.generate()),
    importPrivateKey(bytes) {
      expectLength(bytes, Nsk, `${name} private key`);
      if (scalars !== undefined && !isScalar(bytes, scalars)) {
        throw new CryptoError(`${name}: the private key is out of range`);
      }
      return pair(new Uint8Array(bytes));
    },
    exportPrivateKey: (handle) => open(handle).slice(),
    destroyPrivateKey(handle) {
      PrivateKeyHandle.take<Uint8Array>(handle, owner, name)?.fill(0);
    },
    validatePublicKey(publicKey) {
      expectLength(publicKey, Npk, `${name} public key`);
      guardSync(`${name}: invalid public key`, () => library.validatePublicKey(publicKey));
    },
    sign(handle, message) {
      const privateKey = open(handle);
      return guardSync(`${name}: signing failed`, () => library.sign(message, privateKey));
    },
    verify,
    verifyAll: (requests) => requests.map((r) => verify(r.publicKey, r.message, r.signature)),
  };
}
