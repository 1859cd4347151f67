// RFC 9420 §17.1: tries what a platform can do, instead of trusting its name.
import { type AeadPart, equalBytes, type HashPart, type SignaturePart } from "@copse/core/provider";
import { type DhPrimitives, ED25519_TRIAL, verifiesByRule } from "@copse/provider-kit";
import { fromBase64Url } from "./bytes.js";

/** Whether `trial` resolves to true. */
async function works(trial: () => Promise<boolean>): Promise<boolean> {
  try {
    return await trial();
  } catch {
    return false;
  }
}

/** A key agreement whose result is known. */
export interface KnownAgreement {
  readonly scalar: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly secret: Uint8Array;
}

/**
 * A private key and a secret of X25519 that begin with a zero byte, as one in 256 does. WebKitGTK 2.50 imports no such
 * key and gives no such secret, because it takes both for numbers.
 */
export const X25519_AGREEMENT: KnownAgreement = {
  scalar: Uint8Array.from({ length: 32 }, (_, i) => [0, 0, 72][i] ?? 1),
  publicKey: /* @__PURE__ */ fromBase64Url("pOCSkrZRwni5dyxWn1-puxPZBrRqtoyd-dwrRAn4ogk", 32),
  secret: /* @__PURE__ */ fromBase64Url("ALQRlnS2yNn-oiqB2Uu2CGiCQTHf3E6HKztMbMWZFFA", 32),
};

/** Two fresh keys agree on a secret, and an imported one on the secret that is known. */
export function groupWorks<Key>(group: DhPrimitives<Key>, known?: KnownAgreement): Promise<boolean> {
  return works(async () => {
    const agrees = async () => {
      const [a, b] = await Promise.all([group.generateKeyPair(), group.generateKeyPair()]);
      const secrets = await Promise.all([
        group.dh(a.privateKey, b.publicKey),
        group.dh(b.privateKey, a.publicKey),
      ]);
      return secrets[0].length === group.algorithm.Nsk && equalBytes(...secrets);
    };
    const isRight = async ({ scalar, publicKey, secret }: KnownAgreement) => {
      const { privateKey } = await group.importPrivateKey(scalar);
      return equalBytes(await group.dh(privateKey, publicKey), secret);
    };
    const answers = await Promise.all([agrees(), known === undefined || isRight(known)]);
    return answers.every((answer) => answer);
  });
}

/**
 * A fresh key signs, and only what it signed is taken. With `seed`, so does an imported key. EdDSA is verified by the
 * equation that all providers use.
 */
export function signatureWorks(signature: SignaturePart, seed?: Uint8Array): Promise<boolean> {
  return works(async () => {
    const message = Uint8Array.of(1);
    const pair = await (seed === undefined ? signature.generateKeyPair() : signature.importPrivateKey(seed));
    const signed = await signature.sign(pair.privateKey, message);
    return (
      (await signature.verify(pair.publicKey, message, signed)) &&
      !(await signature.verify(pair.publicKey, Uint8Array.of(2), signed)) &&
      (await verifiesByRule(signature, ED25519_TRIAL))
    );
  });
}

/** What is sealed opens again. */
export function aeadWorks(aead: AeadPart): Promise<boolean> {
  return works(async () => {
    const { Nk, Nn } = aead.algorithm;
    const [key, nonce, text] = [new Uint8Array(Nk), new Uint8Array(Nn), Uint8Array.of(1, 2, 3)];
    const sealed = await aead.seal(key, nonce, text, text);
    return equalBytes(await aead.open(key, nonce, text, sealed), text);
  });
}

/** A digest and a MAC, also under an empty key, have the right size. */
export function hashWorks(hash: HashPart): Promise<boolean> {
  return works(async () => {
    const empty = new Uint8Array(0);
    const answers = await Promise.all([hash.hash(empty), hash.mac(empty, empty)]);
    return answers.every((answer) => answer.length === hash.algorithm.Nh);
  });
}
