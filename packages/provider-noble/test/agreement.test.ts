// RFC 9420 §5.1: JavaScript and OpenSSL agree, on bytes and on what is no signature.
import type { CipherSuiteProvider } from "@copse/core/provider";
import { nobleProvider } from "@copse/provider-noble";
import { nodeProvider } from "@copse/provider-node";
import { utf8 as text } from "@copse/test-support/bytes";
import { ed448 } from "@noble/curves/ed448.js";
import { ed25519 } from "@noble/curves/ed25519.js";
import { bytesToNumberLE } from "@noble/curves/utils.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { shake256 } from "@noble/hashes/sha3.js";
import { describe, expect, it } from "vitest";

const [noble, node] = [nobleProvider(), nodeProvider()];
const [info, aad, plaintext] = [text("info"), text("aad"), text("plaintext")];

for (const { id, name, hash } of node.suites) {
  const [a, b] = [noble.suite(id), node.suite(id)];
  const bothWays = async (check: (one: CipherSuiteProvider, other: CipherSuiteProvider) => Promise<void>) => {
    await check(a, b);
    await check(b, a);
  };

  describe(`noble and node, ${name}`, () => {
    it("hash, derive and encrypt to the same bytes", async () => {
      for (const size of [0, 1, 63, 64, 65, 111, 112, 127, 128, 129, 1000]) {
        const data = a.random(size);
        expect(await a.hash.hash(data)).toEqual(await b.hash.hash(data));
        expect(await a.hash.mac(data, info)).toEqual(await b.hash.mac(data, info));
        const prk = await a.kdf.extract(data, info);
        expect(prk).toEqual(await b.kdf.extract(data, info));
        expect(await a.kdf.expand(prk, data, 100)).toEqual(await b.kdf.expand(prk, data, 100));
        const { Nk, Nn } = a.suite.aead;
        const [key, nonce] = [a.random(Nk), a.random(Nn)];
        const sealed = await a.aead.seal(key, nonce, data, data);
        expect(sealed).toEqual(await b.aead.seal(key, nonce, data, data));
        expect(await a.aead.open(key, nonce, data, sealed)).toEqual(data);
      }
    });

    it("derive the same key pairs, and take each other's private keys", async () => {
      for (let i = 0; i < 5; i++) {
        const ikm = a.random(hash.Nh);
        const [x, y] = [await a.hpke.deriveKeyPair(ikm), await b.hpke.deriveKeyPair(ikm)];
        expect(x.publicKey).toEqual(y.publicKey);
        expect(await a.hpke.exportPrivateKey(x.privateKey)).toEqual(
          await b.hpke.exportPrivateKey(y.privateKey),
        );
      }
      await bothWays(async (one, other) => {
        const key = await one.hpke.generateKeyPair();
        const imported = await other.hpke.importPrivateKey(await one.hpke.exportPrivateKey(key.privateKey));
        expect(imported.publicKey).toEqual(key.publicKey);
        const signer = await one.signature.generateKeyPair();
        const bytes = await one.signature.exportPrivateKey(signer.privateKey);
        expect((await other.signature.importPrivateKey(bytes)).publicKey).toEqual(signer.publicKey);
      });
    });

    it("open what the other seals, and export the same", async () => {
      await bothWays(async (one, other) => {
        const { publicKey, privateKey } = await one.hpke.generateKeyPair();
        const { kemOutput, ciphertext } = await other.hpke.seal(publicKey, info, aad, plaintext);
        expect(await one.hpke.open(privateKey, kemOutput, info, aad, ciphertext)).toEqual(plaintext);
        const sent = await other.hpke.sendExport(publicKey, info, aad, 40);
        expect(await one.hpke.receiveExport(privateKey, sent.kemOutput, info, aad, 40)).toEqual(sent.secret);
      });
    });

    // More often than a key is used before its table is made, so with and without it.
    it("verify what the other signs, and nothing else, also under a key that is used often", async () => {
      await bothWays(async (one, other) => {
        const { publicKey, privateKey } = await one.signature.generateKeyPair();
        for (let i = 0; i < 8; i++) {
          const message = a.random(i * 20);
          const signed = await one.signature.sign(privateKey, message);
          expect(await other.signature.verify(publicKey, message, signed)).toBe(true);
          expect(await other.signature.verify(publicKey, plaintext, signed)).toBe(false);
          const damaged = signed.slice();
          damaged[signed.length - 1 - i] = (damaged[signed.length - 1 - i] as number) ^ 1;
          expect(await other.signature.verify(publicKey, message, damaged)).toBe(false);
        }
      });
    });
  });
}

describe("EdDSA as OpenSSL has it", () => {
  it("signs deterministically, to the same bytes", async () => {
    for (const id of [1, 4]) {
      const seed = noble.suite(id).random(noble.suite(id).suite.signature.Nsk);
      const [a, b] = [noble.suite(id).signature, node.suite(id).signature];
      const [x, y] = [await a.importPrivateKey(seed), await b.importPrivateKey(seed)];
      expect(await a.sign(x.privateKey, plaintext)).toEqual(await b.sign(y.privateKey, plaintext));
    }
  });

  // Twisting A and R by a point of small order leaves an equation that holds only after multiplying by the
  // cofactor. A member who accepts such a signature and one who doesn't would no longer agree on an epoch.
  it("takes a signature that fits only after multiplication by the cofactor for Ed448 alone", async () => {
    const dom4 = new Uint8Array([...text("SigEd448"), 0, 0]);
    for (const [id, curve, minusOne, hash, accepted] of [
      [1, ed25519, `ec${"ff".repeat(30)}7f`, sha512, false],
      [
        4,
        ed448,
        `fe${"ff".repeat(27)}fe${"ff".repeat(27)}00`,
        (data: Uint8Array) => shake256(new Uint8Array([...dom4, ...data]), { dkLen: 114 }),
        true,
      ],
    ] as const) {
      const { Point } = curve;
      const { scalar, pointBytes } = curve.utils.getExtendedPublicKey(
        noble.suite(id).random(curve.lengths.secretKey as number),
      );
      const torsion = Point.fromHex(minusOne);
      expect(torsion.isSmallOrder()).toBe(true);
      const R = Point.BASE.multiply(12345n).add(torsion).toBytes();
      const digest = hash(new Uint8Array([...R, ...pointBytes, ...plaintext]));
      const k = Point.Fn.create(bytesToNumberLE(digest));
      const signature = new Uint8Array([...R, ...Point.Fn.toBytes(Point.Fn.create(12345n + k * scalar))]);
      expect(curve.verify(signature, plaintext, pointBytes, { zip215: false })).toBe(true);
      expect(await node.suite(id).signature.verify(pointBytes, plaintext, signature)).toBe(accepted);
      expect(await noble.suite(id).signature.verify(pointBytes, plaintext, signature)).toBe(accepted);
    }
  });
});
