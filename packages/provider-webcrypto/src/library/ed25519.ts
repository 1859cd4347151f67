// RFC 8032: Ed25519 of @noble/curves.
import type { SignaturePart, SignaturePrivateKey } from "@copse/core/provider";
import type { expectLength, fitsEdwards, PrivateKeyHandle, SyncHashPart } from "@copse/provider-kit";
import { ed25519 } from "@noble/curves/ed25519.js";
import type { notExtractable } from "../private-keys.js";

/** What this needs of ours. */
export interface Ed25519Needs {
  readonly expectLength: typeof expectLength;
  readonly fitsEdwards: typeof fitsEdwards;
  readonly PrivateKeyHandle: typeof PrivateKeyHandle;
  readonly sha512: SyncHashPart;
  readonly notExtractable: typeof notExtractable;
}

/** Of a private key, in bytes. */
const SIZE = 32;

/** Whose handles Ed25519's are. */
const OWNER = { name: "@noble/curves" };

export function ed25519Signature(
  { expectLength, fitsEdwards, PrivateKeyHandle, sha512, notExtractable }: Ed25519Needs,
  random: (length: number) => Uint8Array,
  extractable: boolean,
): Omit<SignaturePart, "algorithm" | "validatePublicKey" | "verifyAll"> {
  const open = (handle: SignaturePrivateKey): Uint8Array => PrivateKeyHandle.open(handle, OWNER, "ed25519");
  const pair = (seed: Uint8Array) => ({
    publicKey: ed25519.getPublicKey(seed),
    privateKey: new PrivateKeyHandle(OWNER, seed) as object as SignaturePrivateKey,
  });
  /** Without the cofactor, as platforms have it: the library's own verification multiplies by it. */
  const equation = {
    base: ed25519.Point.BASE,
    order: ed25519.Point.Fn.ORDER,
    decode: (publicKey: Uint8Array) => ed25519.Point.fromBytes(publicKey),
    hash(R: Uint8Array, A: Uint8Array, message: Uint8Array) {
      const input = new Uint8Array(R.length + A.length + message.length);
      input.set(R);
      input.set(A, R.length);
      input.set(message, R.length + A.length);
      return sha512.hash(input);
    },
  };
  return {
    generateKeyPair: () => pair(random(SIZE)),
    importPrivateKey(bytes) {
      expectLength(bytes, SIZE, "ed25519 private key");
      return pair(Uint8Array.from(bytes));
    },
    exportPrivateKey(privateKey) {
      const seed = open(privateKey);
      if (!extractable) throw notExtractable("ed25519");
      return seed.slice();
    },
    destroyPrivateKey(privateKey) {
      PrivateKeyHandle.take<Uint8Array>(privateKey, OWNER, "ed25519")?.fill(0);
    },
    sign: (privateKey, message) => ed25519.sign(message, open(privateKey)),
    verify: (publicKey, message, signature) => fitsEdwards(equation, publicKey, message, signature),
  };
}
