// RFC 9420 §17.1: tries what a platform can do, instead of trusting its name.
import { type AeadPart, equalBytes, type HashPart, type SignaturePart } from "@copse/core/provider";
import { type DhPrimitives, verifiesByRule } from "@copse/provider-kit";

/** Whether `trial` resolves to true. */
async function works(trial: () => Promise<boolean>): Promise<boolean> {
  try {
    return await trial();
  } catch {
    return false;
  }
}

/**
 * Two fresh keys agree on a secret. With `scalar`, a private key of the group, also an imported key and a
 * fresh one do.
 */
export function groupWorks<Key>(group: DhPrimitives<Key>, scalar?: Uint8Array): Promise<boolean> {
  return works(async () => {
    const [a, b] = await Promise.all([
      scalar === undefined ? group.generateKeyPair() : group.importPrivateKey(scalar),
      group.generateKeyPair(),
    ]);
    const [left, right] = await Promise.all([
      group.dh(a.privateKey, b.publicKey),
      group.dh(b.privateKey, a.publicKey),
    ]);
    return left.length === group.algorithm.Nsk && equalBytes(left, right);
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
      (await verifiesByRule(signature))
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
