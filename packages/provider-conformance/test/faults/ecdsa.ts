// RFC 6979, RFC 8032: signatures with nonces of one's own choice, to have bad ones. For tests alone.
import { createHash } from "node:crypto";
import type { CipherSuiteProvider, SignaturePart } from "@copse/core/provider";
import { ed25519 } from "@noble/curves/ed25519.js";
import { p256, p384, p521 } from "@noble/curves/nist.js";
import { node } from "./fault.js";

const CURVES = { 2: [p256, "sha256", 32], 5: [p521, "sha512", 66], 7: [p384, "sha384", 48] } as const;

const toNumber = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString("hex") || "0"}`);

/** A number of so many random bits. */
export const randomBits = (bits: number): bigint =>
  toNumber(node.suite(1).random(Math.ceil(bits / 8))) & ((1n << BigInt(bits)) - 1n);

/** ECDSA whose n-th nonce is chosen. */
export function ecdsaWithNonce(
  { signature }: CipherSuiteProvider,
  suite: keyof typeof CURVES,
  nonceOf: (call: number, message: Uint8Array, order: bigint) => bigint,
): { readonly signature: SignaturePart } {
  const [curve, digest, size] = CURVES[suite];
  const { Fn, BASE } = curve.Point;
  let call = 0;
  return {
    signature: {
      ...signature,
      async sign(privateKey, message) {
        const d = toNumber(await signature.exportPrivateKey(privateKey));
        const z = toNumber(createHash(digest).update(message).digest().subarray(0, size));
        const k = Fn.create(nonceOf(call++, message, Fn.ORDER));
        const r = Fn.create(BASE.multiply(k).toAffine().x);
        const s = Fn.mul(Fn.inv(k), Fn.create(z + r * d));
        return new curve.Signature(r, s).toBytes("der");
      },
    },
  };
}

/** Ed25519 with the same R in each signature. */
export function ed25519WithOneNonce({ signature }: CipherSuiteProvider): {
  readonly signature: SignaturePart;
} {
  const { Fn, BASE } = ed25519.Point;
  const nonce = Fn.create(randomBits(250));
  const littleEndian = (bytes: Uint8Array) => Fn.create(toNumber(Uint8Array.from(bytes).reverse()));
  return {
    signature: {
      ...signature,
      async sign(privateKey, message) {
        const seed = await signature.exportPrivateKey(privateKey);
        const { scalar, pointBytes } = ed25519.utils.getExtendedPublicKey(seed);
        const R = BASE.multiply(nonce).toBytes();
        const hash = createHash("sha512").update(R).update(pointBytes).update(message).digest();
        const S = Fn.toBytes(Fn.add(nonce, Fn.mul(littleEndian(hash), scalar)));
        return Uint8Array.of(...R, ...S);
      },
    },
  };
}
