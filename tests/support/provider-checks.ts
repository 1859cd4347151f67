// Checks that every crypto provider must pass, for each suite that it serves: the working group's
// crypto-basics, known answers, round trips, and the refusal of bad input (RFC 9420 §5.1).
import { type CipherSuiteProvider, CryptoError, type CryptoProvider, isPromise } from "@copse/core/provider";
import { describe, expect, it } from "vitest";
import * as labelled from "../../packages/core/src/crypto/labelled.js";
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

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const flipped = (bytes: Uint8Array, at: number): Uint8Array => {
  const copy = bytes.slice();
  copy[at] = (copy[at] as number) ^ 1;
  return copy;
};

/** Expects a CryptoError, thrown or as a rejected promise, from each of the calls. */
export async function refuses(...calls: readonly (() => unknown)[]): Promise<void> {
  for (const call of calls) {
    await expect((async () => call())(), String(call)).rejects.toBeInstanceOf(CryptoError);
  }
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

function checkHpke(suite: CipherSuiteProvider): void {
  const { hpke } = suite;
  const { Npk, Nsk, Nenc, id } = suite.suite.kem;
  const { Nh } = suite.suite.hash;
  const [info, aad, plaintext] = [text("info"), text("aad"), text("plaintext")];

  it("opens what it seals, and nothing with one bit changed", async () => {
    const { publicKey, privateKey } = await hpke.generateKeyPair();
    expect(publicKey).toHaveLength(Npk);
    const { kemOutput, ciphertext } = await hpke.seal(publicKey, info, aad, plaintext);
    expect(kemOutput).toHaveLength(Nenc);
    expect(ciphertext).toHaveLength(plaintext.length + suite.suite.aead.Nt);
    expect(await hpke.open(privateKey, kemOutput, info, aad, ciphertext)).toEqual(plaintext);
    const other = await hpke.generateKeyPair();
    await refuses(
      () => hpke.open(other.privateKey, kemOutput, info, aad, ciphertext),
      () => hpke.open(privateKey, flipped(kemOutput, 2), info, aad, ciphertext),
      () => hpke.open(privateKey, kemOutput, flipped(info, 0), aad, ciphertext),
      () => hpke.open(privateKey, kemOutput, info, flipped(aad, 0), ciphertext),
      () => hpke.open(privateKey, kemOutput, info, aad, flipped(ciphertext, 0)),
      () => hpke.open(privateKey, kemOutput, info, aad, ciphertext.subarray(1)),
      () => hpke.open(privateKey, kemOutput, info, aad, new Uint8Array(0)),
      () => hpke.open(privateKey, kemOutput.subarray(1), info, aad, ciphertext),
    );
  });

  it("seals many, in their order", async () => {
    if (hpke.sealAll === undefined) return;
    const pairs = await Promise.all([1, 2, 3].map(() => hpke.generateKeyPair()));
    const requests = pairs.map(({ publicKey }, i) => ({
      publicKey,
      info: i < 2 ? info : text("other"),
      aad: new Uint8Array(0),
      plaintext: text(`secret ${i}`),
    }));
    const sealed = await hpke.sealAll(requests);
    expect(sealed).toHaveLength(3);
    for (const [i, { kemOutput, ciphertext }] of sealed.entries()) {
      const { privateKey } = pairs[i]!;
      const request = requests[i]!;
      expect(await hpke.open(privateKey, kemOutput, request.info, request.aad, ciphertext)).toEqual(
        request.plaintext,
      );
    }
    expect(await hpke.sealAll([])).toEqual([]);
  });

  it("exports the same secret to both sides", async () => {
    const { publicKey, privateKey } = await hpke.generateKeyPair();
    const { kemOutput, secret } = await hpke.sendExport(publicKey, info, text("context"), Nh);
    const receive = (i: Uint8Array, context: string, length: number) =>
      hpke.receiveExport(privateKey, kemOutput, i, text(context), length);
    expect(secret).toHaveLength(Nh);
    expect(await receive(info, "context", Nh)).toEqual(secret);
    expect(await receive(info, "another", Nh)).not.toEqual(secret);
    expect(await receive(text("another"), "context", Nh)).not.toEqual(secret);
    await refuses(
      () => receive(info, "context", 255 * Nh + 1),
      () => hpke.sendExport(publicKey, info, text("context"), 255 * Nh + 1),
    );
  });

  it("derives the same key pair from the same bytes, and imports what it exports", async () => {
    const ikm = suite.random(Nh);
    const [a, b] = [await hpke.deriveKeyPair(ikm), await hpke.deriveKeyPair(ikm)];
    expect(a.publicKey).toEqual(b.publicKey);
    expect((await hpke.deriveKeyPair(flipped(ikm, 0))).publicKey).not.toEqual(a.publicKey);
    for (const pair of [a, await hpke.generateKeyPair()]) {
      let bytes: Uint8Array;
      try {
        bytes = await hpke.exportPrivateKey(pair.privateKey);
      } catch (error) {
        expect(error).toMatchObject({ code: "key-not-extractable" });
        continue;
      }
      expect(bytes).toHaveLength(Nsk);
      const again = await hpke.importPrivateKey(bytes);
      expect(again.publicKey).toEqual(pair.publicKey);
      const { kemOutput, ciphertext } = await hpke.seal(pair.publicKey, info, aad, plaintext);
      expect(await hpke.open(again.privateKey, kemOutput, info, aad, ciphertext)).toEqual(plaintext);
    }
  });

  it("refuses what is no key, and a handle that isn't its own", async () => {
    const { publicKey, privateKey } = await hpke.generateKeyPair();
    await hpke.validatePublicKey(publicKey);
    const { kemOutput, ciphertext } = await hpke.seal(publicKey, info, aad, plaintext);
    const bad = [
      new Uint8Array(0),
      publicKey.subarray(1),
      new Uint8Array([...publicKey, 0]),
      new Uint8Array(Npk),
      ...badPoints(id, publicKey),
    ];
    for (const key of bad) {
      await refuses(
        () => hpke.validatePublicKey(key),
        () => hpke.seal(key, info, aad, plaintext),
        () => hpke.sendExport(key, info, aad, 16),
        () => hpke.open(privateKey, key, info, aad, ciphertext),
        () => hpke.receiveExport(privateKey, key, info, aad, 16),
      );
    }
    const alien = {} as typeof privateKey;
    await refuses(
      () => hpke.importPrivateKey(new Uint8Array(0)),
      () => hpke.importPrivateKey(new Uint8Array(Nsk - 1)),
      () => hpke.importPrivateKey(new Uint8Array(Nsk + 1).fill(1)),
      () => hpke.open(alien, kemOutput, info, aad, ciphertext),
      () => hpke.exportPrivateKey(alien),
    );
    // Scalars of the NIST curves: 0, and what isn't below the order.
    if (Npk % 2 === 1) {
      await refuses(
        () => hpke.importPrivateKey(new Uint8Array(Nsk)),
        () => hpke.importPrivateKey(new Uint8Array(Nsk).fill(0xff)),
      );
    }
  });
}

/** Strings of a public key's length that are none. */
function badPoints(kemId: number, publicKey: Uint8Array): Uint8Array[] {
  if (kemId === 0x0020) return LOW_ORDER_25519.map(hex);
  if (kemId === 0x0021) return LOW_ORDER_448.map(hex);
  if (publicKey[0] !== 4) return [];
  const compressedTag = publicKey.slice();
  compressedTag[0] = 2;
  const wide = new Uint8Array(publicKey.length).fill(0xff);
  wide[0] = 4;
  return [flipped(publicKey, publicKey.length - 1), compressedTag, wide];
}

/** Points of order 1, 2, 4 and 8 on Curve25519 and its twist, in all their encodings below 2^255. */
const LOW_ORDER_25519 = [
  `01${"00".repeat(31)}`,
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  `ec${"ff".repeat(30)}7f`,
  `ed${"ff".repeat(30)}7f`,
  `ee${"ff".repeat(30)}7f`,
];

/** 1, p - 1, p and p + 1 on Curve448. */
const LOW_ORDER_448 = [
  `01${"00".repeat(55)}`,
  `fe${"ff".repeat(27)}fe${"ff".repeat(27)}`,
  `${"ff".repeat(28)}fe${"ff".repeat(27)}`,
  `${"00".repeat(28)}${"ff".repeat(28)}`,
];

function checkSignature(suite: CipherSuiteProvider): void {
  const { signature } = suite;
  const { Npk, Nsk, name } = suite.suite.signature;
  const message = text("message");

  it("verifies what it signs, and nothing with one bit changed", async () => {
    const { publicKey, privateKey } = await signature.generateKeyPair();
    expect(publicKey).toHaveLength(Npk);
    const signed = await signature.sign(privateKey, message);
    const other = await signature.generateKeyPair();
    const expected: [Uint8Array, Uint8Array, Uint8Array, boolean][] = [
      [publicKey, message, signed, true],
      [publicKey, flipped(message, 0), signed, false],
      [publicKey, message, flipped(signed, 8), false],
      [publicKey, message, flipped(signed, signed.length - 8), false],
      [publicKey, message, new Uint8Array([...signed, 0]), false],
      [publicKey, message, signed.subarray(0, -1), false],
      [publicKey, message, new Uint8Array(0), false],
      [other.publicKey, message, signed, false],
      // A malformed key is no error here.
      [new Uint8Array(0), message, signed, false],
      [publicKey.subarray(1), message, signed, false],
      [flipped(publicKey, Npk - 1), message, signed, false],
    ];
    for (const [key, signedMessage, value, fits] of expected) {
      expect(await signature.verify(key, signedMessage, value)).toBe(fits);
    }
    if (signature.verifyAll) {
      const requests = expected.map(([k, m, s]) => ({ publicKey: k, message: m, signature: s }));
      expect(await signature.verifyAll(requests)).toEqual(expected.map(([, , , fits]) => fits));
    }
    expect(
      await signature.verify(
        publicKey,
        new Uint8Array(0),
        await signature.sign(privateKey, new Uint8Array(0)),
      ),
    ).toBe(true);
  });

  it("imports what it exports, if it exports", async () => {
    const { publicKey, privateKey } = await signature.generateKeyPair();
    let bytes: Uint8Array;
    try {
      bytes = await signature.exportPrivateKey(privateKey);
    } catch (error) {
      expect(error).toMatchObject({ code: "key-not-extractable" });
      return;
    }
    expect(bytes).toHaveLength(Nsk);
    const again = await signature.importPrivateKey(bytes);
    expect(again.publicKey).toEqual(publicKey);
    expect(await signature.verify(publicKey, message, await signature.sign(again.privateKey, message))).toBe(
      true,
    );
  });

  it("refuses what is no key, and a handle that isn't its own", async () => {
    const { publicKey, privateKey } = await signature.generateKeyPair();
    await signature.validatePublicKey(publicKey);
    const alien = {} as typeof privateKey;
    const bad = [
      new Uint8Array(0),
      publicKey.subarray(1),
      new Uint8Array([...publicKey, 0]),
      new Uint8Array(Npk),
      new Uint8Array(Npk).fill(0xff),
    ];
    if (name.startsWith("ecdsa")) bad.push(flipped(publicKey, Npk - 1));
    // y = 2 is on neither curve; y = 1 is the neutral element of both.
    else bad.push(...[2, 1].map((y) => new Uint8Array(Npk).fill(y, 0, 1)));
    for (const key of bad) await refuses(() => signature.validatePublicKey(key));
    await refuses(
      () => signature.importPrivateKey(new Uint8Array(0)),
      () => signature.importPrivateKey(new Uint8Array(Nsk - 1)),
      () => signature.importPrivateKey(new Uint8Array(Nsk + 1).fill(1)),
      () => signature.sign(alien, message),
      () => signature.exportPrivateKey(alien),
    );
    if (name.startsWith("ecdsa")) {
      await refuses(
        () => signature.importPrivateKey(new Uint8Array(Nsk)),
        () => signature.importPrivateKey(new Uint8Array(Nsk).fill(0xff)),
      );
    }
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
