// RFC 8032 §5.1: Ed25519 of a library that keeps an expanded private key: its seed, and the public key after it.
import {
  CryptoError,
  copySecret,
  ED25519,
  type SignatureKeyPair,
  type SignaturePart,
  type SignaturePrivateKey,
} from "@copse/core/provider";
import { expectLength } from "../bytes.js";
import { guardSync } from "../guard.js";
import { PrivateKeyHandle } from "../private-key.js";
import { isEd25519PublicKey } from "./edwards.js";

/** The functions of such a library. They answer at once. */
export interface SeededEd25519 {
  /** Of the provider, for its handles. */
  readonly name: string;
  /** 32 random bytes, in memory that may be overwritten. */
  seed(): Uint8Array;
  /** From a seed of 32 bytes, which isn't kept: 32 bytes of public key, and 64 of private key that begin with the seed. */
  expand(seed: Uint8Array): { readonly publicKey: Uint8Array; readonly privateKey: Uint8Array };
  /** 64 bytes. */
  sign(message: Uint8Array, privateKey: Uint8Array): Uint8Array;
  /** Public key and signature have the right lengths. What it throws counts as `false`. */
  verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
}

/** Ed25519 by a library: private keys are 32 bytes of seed, signatures 64 bytes. All answers come at once. */
export function seededEd25519(library: SeededEd25519): SignaturePart {
  const owner = { name: library.name };
  const open = (handle: SignaturePrivateKey): Uint8Array => PrivateKeyHandle.open(handle, owner, "ed25519");

  function pairOf(seed: Uint8Array): SignatureKeyPair {
    const { publicKey, privateKey } = library.expand(seed);
    return {
      publicKey,
      privateKey: new PrivateKeyHandle(owner, privateKey) as object as SignaturePrivateKey,
    };
  }

  function verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    if (publicKey.length !== 32 || signature.length !== 64) return false;
    try {
      return library.verify(signature, message, publicKey);
    } catch {
      return false;
    }
  }

  return {
    algorithm: ED25519,
    generateKeyPair() {
      const seed = library.seed();
      const keys = pairOf(seed);
      seed.fill(0);
      return keys;
    },
    importPrivateKey(bytes) {
      expectLength(bytes, 32, "ed25519 private key");
      return guardSync("ed25519: invalid private key", () => pairOf(bytes));
    },
    exportPrivateKey: (handle) => copySecret(open(handle).subarray(0, 32)),
    destroyPrivateKey(handle) {
      PrivateKeyHandle.take<Uint8Array>(handle, owner, "ed25519")?.fill(0);
    },
    validatePublicKey(publicKey) {
      if (!isEd25519PublicKey(publicKey)) throw new CryptoError("ed25519: invalid public key");
    },
    sign(handle, message) {
      const privateKey = open(handle);
      return guardSync("ed25519: signing failed", () => library.sign(message, privateKey));
    },
    verify,
    verifyAll: (requests) => requests.map((r) => verify(r.publicKey, r.message, r.signature)),
  };
}
