// RFC 9420 §5.1, §5.2, §8, §9: the working group's vectors for the labelled operations, on every provider.

import { hex, toHex } from "@copse/test-support/bytes";
import { forEachVector } from "@copse/test-support/vectors";
import { expect } from "vitest";
import * as labelled from "../../src/crypto/labelled.js";

interface Vector {
  cipher_suite: number;
  ref_hash: Record<"label" | "value" | "out", string>;
  expand_with_label: { secret: string; label: string; context: string; length: number; out: string };
  derive_secret: Record<"secret" | "label" | "out", string>;
  derive_tree_secret: { secret: string; label: string; generation: number; length: number; out: string };
  sign_with_label: Record<"priv" | "pub" | "content" | "label" | "signature", string>;
  encrypt_with_label: Record<
    "priv" | "pub" | "label" | "context" | "plaintext" | "kem_output" | "ciphertext",
    string
  >;
}

forEachVector<Vector>("crypto-basics", async (vector, { suite }) => {
  const { ref_hash: r, expand_with_label: x, derive_secret: d, derive_tree_secret: t } = vector;
  expect(toHex(await labelled.refHash(suite, r.label, hex(r.value)))).toBe(r.out);
  const expanded = await labelled.expandWithLabel(suite, hex(x.secret), x.label, hex(x.context), x.length);
  expect(toHex(expanded)).toBe(x.out);
  expect(toHex(await labelled.deriveSecret(suite, hex(d.secret), d.label))).toBe(d.out);
  const [ofTree = new Uint8Array()] = await labelled.deriveTreeSecrets(suite, hex(t.secret), t.generation, [
    [t.label, t.length],
  ]);
  expect(toHex(ofTree)).toBe(t.out);

  const { sign_with_label: s, encrypt_with_label: e } = vector;
  const signer = await suite.signature.importPrivateKey(hex(s.priv));
  expect(toHex(signer.publicKey)).toBe(s.pub);
  const verify = (signature: Uint8Array) =>
    labelled.verifyWithLabel(suite, hex(s.pub), s.label, hex(s.content), signature);
  expect(await verify(hex(s.signature))).toBe(true);
  const signature = await labelled.signWithLabel(
    {
      algorithm: suite.suite.signature,
      publicKey: signer.publicKey,
      sign: (message) => suite.signature.sign(signer.privateKey, message),
    },
    s.label,
    hex(s.content),
  );
  expect(await verify(signature)).toBe(true);

  const { publicKey, privateKey } = await suite.hpke.importPrivateKey(hex(e.priv));
  expect(toHex(publicKey)).toBe(e.pub);
  const decrypt = async (sealed: { kemOutput: Uint8Array; ciphertext: Uint8Array }) =>
    toHex(await labelled.decryptWithLabel(suite, privateKey, e.label, hex(e.context), sealed));
  expect(await decrypt({ kemOutput: hex(e.kem_output), ciphertext: hex(e.ciphertext) })).toBe(e.plaintext);
  const sealed = await labelled.encryptWithLabel(
    suite,
    hex(e.pub),
    e.label,
    hex(e.context),
    hex(e.plaintext),
  );
  expect(await decrypt(sealed)).toBe(e.plaintext);
});
