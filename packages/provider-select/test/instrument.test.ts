// What is asked of a provider, counted exactly, and nothing of it changed.
import type { CryptoProvider, HpkePrivateKey } from "@copse/core/provider";
import { composeSuite, defineProvider } from "@copse/provider-kit";
import { nodeProvider } from "@copse/provider-node";
import { instrumentProvider } from "@copse/provider-select";
import { webCryptoProvider } from "@copse/provider-webcrypto";
import { conforms } from "@copse/test-support/conformance";
import { describe, expect, it } from "vitest";

const node = nodeProvider();
const bytes = (length: number) => new Uint8Array(length).fill(7);

/** A clock that goes on by 1 each time it is read. */
function ticking() {
  let now = 0;
  return () => now++;
}

/** What an operation counts if each call takes one tick. */
const once = (bytesIn: number, bytesOut: number) => counted(1, bytesIn, bytesOut);
const counted = (calls: number, bytesIn: number, bytesOut: number, items = calls, failures = 0) => ({
  calls,
  items,
  failures,
  bytesIn,
  bytesOut,
  milliseconds: calls,
});

// Still a provider: it passes what every provider must.
conforms(instrumentProvider(defineProvider("instrumented", [node.suite(1), node.suite(2)])), {
  wycheproof: [],
  maySkip: ["hpke keys: loads what it saves"],
});

describe("instrumentProvider", () => {
  it("counts calls, bytes and time of every operation", async () => {
    const provider = instrumentProvider(node, { clock: ticking() });
    expect(provider.report()).toEqual([]);
    const { hash, kdf, aead, hpke, signature, random } = provider.suite(1);
    await hash.hash(bytes(10));
    await hash.mac(bytes(3), bytes(4));
    await hash.hashAll?.([bytes(1), bytes(2), bytes(3)]);
    await kdf.extract(bytes(5), bytes(6));
    await kdf.expand(bytes(32), bytes(7), 100);
    const outputs = [5, 6].map((size) => ({ info: bytes(size), length: 10 * size }));
    await kdf.expandAll?.(bytes(32), outputs);
    const [key, nonce, aad] = [bytes(16), bytes(12), bytes(9)];
    await aead.open(key, nonce, aad, await aead.seal(key, nonce, aad, bytes(50)));
    const pair = await hpke.generateKeyPair();
    await hpke.validatePublicKey(pair.publicKey);
    await hpke.importPrivateKey(await hpke.exportPrivateKey(pair.privateKey));
    await hpke.deriveKeyPair(bytes(20));
    const sealed = await hpke.seal(pair.publicKey, bytes(1), bytes(2), bytes(3));
    await hpke.open(pair.privateKey, sealed.kemOutput, bytes(1), bytes(2), sealed.ciphertext);
    const request = { publicKey: pair.publicKey, info: bytes(1), aad: bytes(2), plaintext: bytes(3) };
    await hpke.sealAll?.([request, request]);
    const sent = await hpke.sendExport(pair.publicKey, bytes(1), bytes(2), 40);
    await hpke.receiveExport(pair.privateKey, sent.kemOutput, bytes(1), bytes(2), 40);
    const signer = await signature.generateKeyPair();
    await signature.validatePublicKey(signer.publicKey);
    await signature.importPrivateKey(await signature.exportPrivateKey(signer.privateKey));
    const signed = await signature.sign(signer.privateKey, bytes(11));
    await signature.verify(signer.publicKey, bytes(11), signed);
    const check = { publicKey: signer.publicKey, message: bytes(11), signature: signed };
    await signature.verifyAll?.([check, check, check]);
    random(24);
    expect(provider.report()).toEqual([
      {
        id: 1,
        name: "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519",
        operations: {
          "hash.hash": once(10, 32),
          "hash.mac": once(7, 32),
          "hash.hashAll": counted(1, 6, 96, 3),
          "kdf.extract": once(11, 32),
          "kdf.expand": once(39, 100),
          "kdf.expandAll": counted(1, 43, 110, 2),
          "aead.seal": once(87, 66),
          "aead.open": once(103, 50),
          "hpke.generateKeyPair": once(0, 32),
          "hpke.validatePublicKey": once(32, 0),
          "hpke.exportPrivateKey": once(0, 32),
          "hpke.importPrivateKey": once(32, 32),
          "hpke.deriveKeyPair": once(20, 32),
          "hpke.seal": once(38, 51),
          "hpke.open": once(54, 3),
          "hpke.sealAll": counted(1, 76, 102, 2),
          "hpke.sendExport": once(35, 72),
          "hpke.receiveExport": once(35, 40),
          "signature.generateKeyPair": once(0, 32),
          "signature.validatePublicKey": once(32, 0),
          "signature.exportPrivateKey": once(0, 32),
          "signature.importPrivateKey": once(32, 32),
          "signature.sign": once(11, 64),
          "signature.verify": once(107, 0),
          "signature.verifyAll": counted(1, 321, 0, 3),
          random: once(0, 24),
        },
      },
    ]);
  });

  it("counts each suite by itself, and from zero after a reset", async () => {
    const provider = instrumentProvider(node, { clock: ticking() });
    const [one, two] = [provider.suite(1), provider.suite(2)];
    await one.hash.hash(bytes(1));
    await two.hash.hash(bytes(2));
    await two.hash.hash(bytes(3));
    expect(provider.report().map(({ id, operations }) => [id, operations["hash.hash"]])).toEqual([
      [1, once(1, 32)],
      [2, counted(2, 5, 64)],
    ]);
    const before = provider.report();
    provider.reset();
    expect(provider.report()).toEqual([]);
    await one.hash.hash(bytes(4));
    expect(provider.report()).toMatchObject([{ id: 1, operations: { "hash.hash": once(4, 32) } }]);
    // A report is what was then.
    expect(before).toMatchObject([{ operations: { "hash.hash": once(1, 32) } }, {}]);
    expect(JSON.parse(JSON.stringify(before))).toEqual(before);
  });

  it("counts failures, of what throws and of what is rejected", async () => {
    const provider = instrumentProvider(node, { clock: ticking() });
    expect(() => provider.suite(1).hpke.validatePublicKey(bytes(1))).toThrow(
      expect.objectContaining({ code: "crypto" }),
    );
    const web = instrumentProvider(await webCryptoProvider(), { clock: ticking() });
    const { aead } = web.suite(1);
    await expect(aead.open(bytes(16), bytes(12), bytes(0), bytes(16))).rejects.toMatchObject({
      code: "crypto",
    });
    const failed = (bytesIn: number) => counted(1, bytesIn, 0, 1, 1);
    expect(provider.report()).toMatchObject([{ operations: { "hpke.validatePublicKey": failed(1) } }]);
    expect(web.report()).toMatchObject([{ operations: { "aead.open": failed(44) } }]);
  });

  it("answers at once where the provider does, and counts a promise when it is kept", async () => {
    let now = 0;
    const clock = () => now;
    let answer: (value: Uint8Array) => void = () => {};
    const inner = node.suite(1);
    const slow: CryptoProvider = defineProvider("slow", [
      composeSuite({
        ...inner,
        aead: {
          ...inner.aead,
          seal: () =>
            new Promise((resolve) => {
              answer = resolve;
            }),
        },
      }),
    ]);
    const provider = instrumentProvider(slow, { clock });
    expect(provider.suite(1).hash.hash(bytes(1))).toBeInstanceOf(Uint8Array);
    const sealed = provider.suite(1).aead.seal(bytes(16), bytes(12), bytes(0), bytes(0));
    const of = () => provider.report()[0]?.operations["aead.seal"];
    expect(of()).toMatchObject({ calls: 1, bytesOut: 0, milliseconds: 0 });
    now = 25;
    answer(bytes(16));
    expect(await sealed).toEqual(bytes(16));
    expect(of()).toMatchObject({ calls: 1, bytesOut: 16, milliseconds: 25 });
  });

  it("passes handles, suites and what HPKE is made of through", async () => {
    const provider = instrumentProvider(node);
    expect([provider.name, provider.suites]).toEqual([node.name, node.suites]);
    expect(provider.suite(1)).toBe(provider.suite(1));
    expect(() => provider.suite(99)).toThrow(expect.objectContaining({ code: "unsupported" }));
    const [outer, inner] = [provider.suite(1), node.suite(1)];
    const { publicKey, privateKey } = await outer.hpke.generateKeyPair();
    const { kemOutput, ciphertext } = await inner.hpke.seal(publicKey, bytes(0), bytes(0), bytes(3));
    expect(await inner.hpke.open(privateKey, kemOutput, bytes(0), bytes(0), ciphertext)).toEqual(bytes(3));
    // An instrumented part fits where its own would.
    expect(composeSuite({ ...inner, hpke: outer.hpke }).suite).toBe(inner.suite);
    expect(() => composeSuite({ ...inner, hpke: provider.suite(3).hpke })).toThrow(/AEAD of HPKE/);
  });

  it("has the methods that the provider has, and no others", () => {
    const inner = node.suite(1);
    const { hashAll: _, ...hash } = inner.hash;
    const { expandAll: __, ...kdf } = inner.kdf;
    const { sealAll: ___, ...hpke } = inner.hpke;
    const { verifyAll: ____, ...signature } = inner.signature;
    const plain = defineProvider("plain", [{ ...inner, hash, kdf, hpke, signature }]);
    const suite = instrumentProvider(plain).suite(1);
    for (const [part, name] of [
      [suite.hash, "hashAll"],
      [suite.kdf, "expandAll"],
      [suite.hpke, "sealAll"],
      [suite.hpke, "savePrivateKey"],
      [suite.hpke, "loadPrivateKey"],
      [suite.hpke, "isStored"],
      [suite.signature, "verifyAll"],
    ] as const) {
      expect(name in part, name).toBe(false);
    }
    const keep = {} as HpkePrivateKey;
    const stored = {
      ...inner.hpke,
      savePrivateKey: () => bytes(5),
      loadPrivateKey: () => keep,
      isStored: () => false,
    };
    const provider = instrumentProvider(defineProvider("stored", [composeSuite({ ...inner, hpke: stored })]));
    const { savePrivateKey, loadPrivateKey, isStored } = provider.suite(1).hpke;
    expect(isStored?.(keep)).toBe(false);
    expect(savePrivateKey?.(keep)).toEqual(bytes(5));
    expect(loadPrivateKey?.(bytes(5))).toBe(keep);
    expect(provider.report()).toMatchObject([
      { operations: { "hpke.savePrivateKey": { bytesOut: 5 }, "hpke.loadPrivateKey": { bytesIn: 5 } } },
    ]);
  });
});
