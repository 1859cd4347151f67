// Checks that every crypto provider must pass, for each suite that it serves: the working group's
// crypto-basics, known answers, round trips, and the refusal of bad input (RFC 9420 §5.1).
import { type CipherSuiteProvider, type CryptoProvider, isPromise } from "@copse/core/provider";
import { describe, expect, it } from "vitest";
import * as labelled from "../../packages/core/src/crypto/labelled.js";
import { checkHpke } from "./hpke-checks.js";
import { flipped, refuses, text } from "./refuses.js";
import { checkSignature } from "./signature-checks.js";
import { hex, readVectors, toHex, vectorFolder } from "./vectors.js";
import { checkWycheproof } from "./wycheproof.js";

interface CryptoBasics {
  cipher_suite: number;
  derive_secret: { label: string; out: string; secret: string };
  derive_tree_secret: { generation: number; label: string; length: number; out: string; secret: string };
  encrypt_with_label: Record<
    "ciphertext" | "context" | "kem_output" | "label" | "plaintext" | "priv" | "pub",
    string
  >;
  expand_with_label: { context: string; label: string; length: number; out: string; secret: string };
  ref_hash: Record<"label" | "out" | "value", string>;
  sign_with_label: Record<"content" | "label" | "priv" | "pub" | "signature", string>;
}

/** Declares the tests of a provider. */
export function checkProvider(provider: CryptoProvider): void {
  describe(`the provider ${provider.name}`, () => {
    it("gives the same object for a suite each time, and refuses those it doesn't have", () => {
      for (const { id } of provider.suites) expect(provider.suite(id)).toBe(provider.suite(id));
      expect(() => provider.suite(0xf0f0)).toThrow(expect.objectContaining({ code: "unsupported" }));
    });
    for (const { id } of provider.suites) checkSuite(provider.suite(id));
    checkWycheproof(provider);
  });
}

/** Declares the tests of one suite's cryptography. */
export function checkSuite(suite: CipherSuiteProvider): void {
  describe(suite.suite.name, () => {
    checkBasics(suite);
    checkSymmetric(suite);
    checkHpke(suite);
    checkSignature(suite);
  });
}

function checkBasics(suite: CipherSuiteProvider): void {
  if (vectorFolder === undefined) {
    it("has NOT been checked against the working group's vectors", () => {
      console.warn("the working group's vectors are not here: see test-vectors/README.md");
    });
    return;
  }
  const vector = readVectors<CryptoBasics>("crypto-basics").find((v) => v.cipher_suite === suite.suite.id);
  if (vector === undefined) return;

  it("hashes and derives as the working group does", async () => {
    const { ref_hash: r, expand_with_label: x, derive_secret: d, derive_tree_secret: t } = vector;
    expect(toHex(await labelled.refHash(suite, r.label, hex(r.value)))).toBe(r.out);
    expect(
      toHex(await labelled.expandWithLabel(suite, hex(x.secret), x.label, hex(x.context), x.length)),
    ).toBe(x.out);
    expect(toHex(await labelled.deriveSecret(suite, hex(d.secret), d.label))).toBe(d.out);
    expect(
      toHex(await labelled.deriveTreeSecret(suite, hex(t.secret), t.label, t.generation, t.length)),
    ).toBe(t.out);
  });

  it("opens what the working group has encrypted, and what it encrypts to the same key", async () => {
    const e = vector.encrypt_with_label;
    const { publicKey, privateKey } = await suite.hpke.importPrivateKey(hex(e.priv));
    expect(toHex(publicKey)).toBe(e.pub);
    const sealed = { kemOutput: hex(e.kem_output), ciphertext: hex(e.ciphertext) };
    expect(toHex(await labelled.decryptWithLabel(suite, privateKey, e.label, hex(e.context), sealed))).toBe(
      e.plaintext,
    );
    const own = await labelled.encryptWithLabel(suite, hex(e.pub), e.label, hex(e.context), hex(e.plaintext));
    expect(toHex(await labelled.decryptWithLabel(suite, privateKey, e.label, hex(e.context), own))).toBe(
      e.plaintext,
    );
  });

  it("verifies what the working group has signed, and signs with the same key", async () => {
    const s = vector.sign_with_label;
    const { publicKey, privateKey } = await suite.signature.importPrivateKey(hex(s.priv));
    expect(toHex(publicKey)).toBe(s.pub);
    const verify = (signature: Uint8Array) =>
      labelled.verifyWithLabel(suite, hex(s.pub), s.label, hex(s.content), signature);
    expect(await verify(hex(s.signature))).toBe(true);
    const signer = {
      algorithm: suite.suite.signature,
      publicKey,
      sign: (message: Uint8Array) => suite.signature.sign(privateKey, message),
    };
    const own = await labelled.signWithLabel(signer, s.label, hex(s.content));
    expect(await verify(own)).toBe(true);
    if (suite.suite.signature.name.startsWith("ed")) expect(toHex(own)).toBe(s.signature);
  });
}

function checkSymmetric(suite: CipherSuiteProvider): void {
  const { hash, kdf, aead } = suite;
  const { Nh } = suite.suite.hash;
  const { Nk, Nn, Nt } = suite.suite.aead;

  it("answers in plain arrays that share memory with nothing", async () => {
    const data = text("data");
    const outputs = [
      await hash.hash(data),
      await hash.hash(data),
      await hash.mac(data, data),
      await kdf.extract(data, data),
      await kdf.expand(new Uint8Array(Nh), data, Nh),
      await aead.seal(new Uint8Array(Nk), new Uint8Array(Nn), data, data),
      (await suite.hpke.generateKeyPair()).publicKey,
      (await suite.signature.generateKeyPair()).publicKey,
      suite.random(16),
    ];
    for (const output of outputs) {
      expect(Object.getPrototypeOf(output)).toBe(Uint8Array.prototype);
      expect(output.buffer.byteLength).toBe(output.length);
    }
    expect(data).toEqual(text("data"));
  });

  it("takes an empty key and an empty input, and keys longer than a block", async () => {
    const none = new Uint8Array(0);
    expect(await hash.hash(none)).toHaveLength(Nh);
    expect(await hash.mac(none, none)).toEqual(await hash.mac(new Uint8Array(Nh), none));
    expect(await hash.mac(new Uint8Array(300), none)).toHaveLength(Nh);
    expect(await kdf.extract(none, text("ikm"))).toEqual(await kdf.extract(new Uint8Array(Nh), text("ikm")));
  });

  it("hashes many as it hashes one", async () => {
    const inputs = [text("a"), new Uint8Array(0), new Uint8Array(1000)];
    if (hash.hashAll === undefined) return;
    expect(await hash.hashAll(inputs)).toEqual(await Promise.all(inputs.map((i) => hash.hash(i))));
  });

  it("expands to 0 to 255 blocks, each a prefix of the longer, and to no more", async () => {
    const prk = text("a pseudorandom key, as it were");
    const longest = await kdf.expand(prk, text("info"), 255 * Nh);
    for (const length of [0, 1, Nh - 1, Nh, Nh + 1, 3 * Nh]) {
      expect(await kdf.expand(prk, text("info"), length)).toEqual(longest.slice(0, length));
    }
    await refuses(
      () => kdf.expand(prk, text("info"), 255 * Nh + 1),
      () => kdf.expand(prk, text("info"), -1),
      () => kdf.expand(prk, text("info"), 1.5),
    );
  });

  if (Nh === 32) {
    it("gives the answers of RFC 5869, test case 1", async () => {
      const prk = await kdf.extract(hex("000102030405060708090a0b0c"), new Uint8Array(22).fill(0x0b));
      expect(toHex(prk)).toBe("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
      expect(toHex(await kdf.expand(prk, hex("f0f1f2f3f4f5f6f7f8f9"), 42))).toBe(
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
      );
    });
  }

  it("opens what it seals, and nothing with one bit changed", async () => {
    const [key, nonce, aad] = [suite.random(Nk), suite.random(Nn), text("aad")];
    for (const plaintext of [new Uint8Array(0), text("plaintext"), new Uint8Array(5000).fill(7)]) {
      const sealed = await aead.seal(key, nonce, aad, plaintext);
      expect(sealed).toHaveLength(plaintext.length + Nt);
      expect(await aead.open(key, nonce, aad, sealed)).toEqual(plaintext);
      await refuses(
        () => aead.open(key, nonce, aad, flipped(sealed, 0)),
        () => aead.open(key, nonce, aad, flipped(sealed, sealed.length - 1)),
        () => aead.open(key, nonce, flipped(aad, 0), sealed),
        () => aead.open(key, flipped(nonce, 0), aad, sealed),
        () => aead.open(flipped(key, 0), nonce, aad, sealed),
        () => aead.open(key, nonce, aad, sealed.subarray(0, -1)),
      );
    }
  });

  it("refuses keys, nonces and ciphertexts of a wrong length", async () => {
    const [key, nonce, none] = [new Uint8Array(Nk), new Uint8Array(Nn), new Uint8Array(0)];
    await refuses(
      () => aead.seal(new Uint8Array(Nk - 1), nonce, none, none),
      () => aead.seal(new Uint8Array(Nk + 1), nonce, none, none),
      () => aead.seal(none, nonce, none, none),
      () => aead.seal(key, new Uint8Array(Nn + 1), none, none),
      () => aead.seal(key, none, none, none),
      () => aead.open(new Uint8Array(Nk + 1), nonce, none, new Uint8Array(Nt)),
      () => aead.open(key, new Uint8Array(Nn - 1), none, new Uint8Array(Nt)),
      () => aead.open(key, nonce, none, new Uint8Array(Nt - 1)),
      () => aead.open(key, nonce, none, none),
    );
  });

  it("gives random bytes of any length", () => {
    expect(suite.random(0)).toHaveLength(0);
    // More than WebCrypto gives in one call.
    expect(suite.random(70_000)).toHaveLength(70_000);
    expect(suite.random(32)).not.toEqual(suite.random(32));
  });
}

/** Declares that all of a suite's answers come at once. */
export function checkSynchronous(suite: CipherSuiteProvider): void {
  it(`answers at once: ${suite.suite.name}`, async () => {
    const none = new Uint8Array(0);
    const hpkePair = await suite.hpke.generateKeyPair();
    const signaturePair = await suite.signature.generateKeyPair();
    const sealed = await suite.hpke.seal(hpkePair.publicKey, none, none, none);
    const calls: (() => unknown)[] = [
      () => suite.hash.hash(none),
      () => suite.hash.mac(none, none),
      () => suite.kdf.extract(none, none),
      () => suite.kdf.expand(new Uint8Array(suite.suite.hash.Nh), none, 200),
      () => suite.aead.seal(new Uint8Array(suite.suite.aead.Nk), new Uint8Array(12), none, none),
      () => suite.hpke.generateKeyPair(),
      () => suite.hpke.deriveKeyPair(new Uint8Array(suite.suite.hash.Nh)),
      () => suite.hpke.seal(hpkePair.publicKey, none, none, none),
      () => suite.hpke.open(hpkePair.privateKey, sealed.kemOutput, none, none, sealed.ciphertext),
      () => suite.hpke.sendExport(hpkePair.publicKey, none, none, 8),
      () => suite.hpke.validatePublicKey(hpkePair.publicKey),
      () => suite.signature.sign(signaturePair.privateKey, none),
      () => suite.signature.verify(signaturePair.publicKey, none, none),
    ];
    for (const call of calls) expect(isPromise(call()), String(call)).toBe(false);
  });
}
