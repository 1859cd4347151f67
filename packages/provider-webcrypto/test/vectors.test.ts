// RFC 9420 §5.1, §8, §9: the working group's crypto-basics, in every way in which this package makes a provider.
import { webCryptoProvider } from "@copse/provider-webcrypto";
import { beforeAll, describe, expect, test } from "vitest";
import { hex, readVectors, toHex } from "../../../tests/support/vectors.js";
import {
  decryptWithLabel,
  deriveSecret,
  deriveTreeSecret,
  encryptWithLabel,
  expandWithLabel,
  refHash,
  signWithLabel,
  verifyWithLabel,
} from "../../core/src/crypto/labelled.js";
import type { CryptoProvider } from "../../core/src/provider/index.js";
import { SUITE_IDS, VARIANTS } from "./support.js";

interface CryptoBasics {
  cipher_suite: number;
  ref_hash: { label: string; value: string; out: string };
  expand_with_label: { secret: string; label: string; context: string; length: number; out: string };
  derive_secret: { secret: string; label: string; out: string };
  derive_tree_secret: { secret: string; label: string; generation: number; length: number; out: string };
  sign_with_label: { priv: string; pub: string; content: string; label: string; signature: string };
  encrypt_with_label: {
    priv: string;
    pub: string;
    label: string;
    context: string;
    plaintext: string;
    kem_output: string;
    ciphertext: string;
  };
}

const vectors = readVectors<CryptoBasics>("crypto-basics").filter((v) => SUITE_IDS.includes(v.cipher_suite));

describe.each(VARIANTS)("crypto-basics with %s", (_, options) => {
  let provider: CryptoProvider;
  beforeAll(async () => {
    // The same interface, but the type checker sees the sources on one side and what was built on the other.
    provider = (await webCryptoProvider(options)) as unknown as CryptoProvider;
  });

  test("there are vectors for the five suites", () => {
    expect([...new Set(vectors.map((v) => v.cipher_suite))].sort()).toEqual(SUITE_IDS);
  });

  test.each(vectors.map((v) => [v.cipher_suite, v] as const))("suite %i", async (id, v) => {
    const suite = provider.suite(id);
    const { ref_hash: r, expand_with_label: e, derive_secret: d, derive_tree_secret: t } = v;
    expect(toHex(await refHash(suite, r.label, hex(r.value)))).toBe(r.out);
    expect(toHex(await expandWithLabel(suite, hex(e.secret), e.label, hex(e.context), e.length))).toBe(e.out);
    expect(toHex(await deriveSecret(suite, hex(d.secret), d.label))).toBe(d.out);
    expect(toHex(await deriveTreeSecret(suite, hex(t.secret), t.label, t.generation, t.length))).toBe(t.out);

    const s = v.sign_with_label;
    const signatureKeys = await suite.signature.importPrivateKey(hex(s.priv));
    expect(toHex(signatureKeys.publicKey)).toBe(s.pub);
    const verify = (signature: Uint8Array, label = s.label) =>
      verifyWithLabel(suite, hex(s.pub), label, hex(s.content), signature);
    expect(await verify(hex(s.signature))).toBe(true);
    expect(await verify(hex(s.signature), `${s.label}!`)).toBe(false);
    const signer = {
      algorithm: suite.suite.signature,
      publicKey: signatureKeys.publicKey,
      sign: (message: Uint8Array) => suite.signature.sign(signatureKeys.privateKey, message),
    };
    expect(await verify(await signWithLabel(signer, s.label, hex(s.content)))).toBe(true);

    const c = v.encrypt_with_label;
    const keys = await suite.hpke.importPrivateKey(hex(c.priv));
    expect(toHex(keys.publicKey)).toBe(c.pub);
    const decrypt = async (kemOutput: Uint8Array, ciphertext: Uint8Array) =>
      toHex(
        await decryptWithLabel(suite, keys.privateKey, c.label, hex(c.context), { kemOutput, ciphertext }),
      );
    expect(await decrypt(hex(c.kem_output), hex(c.ciphertext))).toBe(c.plaintext);
    const sealed = await encryptWithLabel(suite, hex(c.pub), c.label, hex(c.context), hex(c.plaintext));
    expect(await decrypt(sealed.kemOutput, sealed.ciphertext)).toBe(c.plaintext);
  });
});
