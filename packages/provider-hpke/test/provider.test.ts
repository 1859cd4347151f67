// RFC 9420 §5.1: the provider by hpke-js conforms, and agrees with all others.
import { inspect } from "node:util";
import { hpkeProvider } from "@copse/provider-hpke";
import { nodeProvider } from "@copse/provider-node";
import { conforms } from "@copse/test-support/conformance";
import { vectorProviders } from "@copse/test-support/providers";
import { agree } from "@copse/test-support/second-opinion";
import { describe, expect, it, test } from "vitest";

const provider = await hpkeProvider();
conforms(provider, {
  // Its signatures are those of provider-noble.
  areas: [
    "suites",
    "algorithms",
    "hash",
    "mac",
    "kdf",
    "aead",
    "random",
    "hpke",
    "verdicts",
    "memory",
    "calls",
    "errors",
  ],
  full: 1,
  all: [1, 2, 3],
  second: nodeProvider(),
  make: hpkeProvider,
  maySkip: [
    "hpke keys: loads what it saves",
    "hpke: sealAll agrees with seal",
    "hpke: sealAll seals each of 1 to 1,000 as it should",
    "hpke: sealAll refuses a bad key at each place",
  ],
});

describe("a second opinion on HPKE", async () => {
  for (const other of (await vectorProviders()).filter(({ name }) => name !== "hpke")) {
    test.each(other.suites.map(({ id }) => id))(`${other.name}, suite %i`, async (id) => {
      await agree(provider.suite(id).hpke, other.suite(id).hpke, 4);
    });
  }
});

describe("the provider by hpke-js", () => {
  it("serves all seven suites", () => {
    expect(provider.suites.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it("takes a key of one suite and instance in another with the same KEM", async () => {
    const { publicKey, privateKey } = await provider.suite(1).hpke.generateKeyPair();
    const { hpke } = (await hpkeProvider()).suite(3);
    const [info, text] = [Uint8Array.of(1), Uint8Array.of(2)];
    const sealed = await hpke.seal(publicKey, info, info, text);
    expect(await hpke.open(privateKey, sealed.kemOutput, info, info, sealed.ciphertext)).toEqual(text);
    const p256 = provider.suite(2).hpke;
    await expect(p256.exportPrivateKey(privateKey)).rejects.toThrow("not a handle of this provider");
  });

  it("reads its inputs before it answers", async () => {
    for (const { id } of provider.suites) {
      const { hpke, aead, suite } = provider.suite(id);
      const { publicKey, privateKey } = await hpke.generateKeyPair();
      const input = () => [publicKey.slice(), ...[1, 2, 3].map((n) => new Uint8Array(40).fill(n))] as const;
      const [to, info, aad, text] = input();
      const sealing = hpke.seal(to!, info!, aad!, text!);
      for (const one of [to, info, aad, text]) one!.fill(9);
      const { kemOutput, ciphertext } = await sealing;
      const [, info2, aad2, text2] = input();
      const opening = hpke.open(privateKey, kemOutput, info2!, aad2!, ciphertext);
      for (const one of [kemOutput, info2, aad2, ciphertext]) one!.fill(9);
      expect(await opening).toEqual(text2);

      const [key, nonce] = [new Uint8Array(suite.aead.Nk), new Uint8Array(suite.aead.Nn)];
      const first = aead.seal(key, nonce, aad2!, text2!);
      text2!.fill(8);
      key.fill(8);
      const opened = await aead.open(new Uint8Array(key.length), nonce, aad2!, await first);
      expect(opened).toEqual(new Uint8Array(40).fill(3));
    }
  });

  it("overwrites a destroyed private key of X25519 and X448", async () => {
    for (const id of [1, 6]) {
      const { hpke } = provider.suite(id);
      const { privateKey } = await hpke.generateKeyPair();
      await hpke.destroyPrivateKey(privateKey);
      await expect(hpke.exportPrivateKey(privateKey)).rejects.toThrow("destroyed");
    }
  });

  it("ends the calls that work with a key when it is destroyed, with right answers", async () => {
    for (const { id } of provider.suites) {
      const { hpke } = provider.suite(id);
      const { publicKey, privateKey } = await hpke.importPrivateKey(
        new Uint8Array(hpke.algorithm.Nsk).fill(1),
      );
      const empty = new Uint8Array();
      const { kemOutput, secret } = await hpke.sendExport(publicKey, empty, empty, 32);
      const [received, exported] = [
        hpke.receiveExport(privateKey, kemOutput, empty, empty, 32),
        hpke.exportPrivateKey(privateKey),
      ];
      await hpke.destroyPrivateKey(privateKey);
      expect(await received).toEqual(secret);
      expect(await exported).toEqual(new Uint8Array(hpke.algorithm.Nsk).fill(1));
      const late = hpke.receiveExport(privateKey, kemOutput, empty, empty, 32);
      await expect(Promise.resolve(late)).rejects.toThrow("destroyed");
    }
  });

  it("shows no private key to a log or a serialiser", async () => {
    const { hpke } = provider.suite(3);
    const { privateKey } = await hpke.importPrivateKey(new Uint8Array(32).fill(0xab));
    expect(JSON.stringify(privateKey)).toBe("{}");
    expect(inspect(privateKey, { showHidden: true, depth: 9 })).not.toMatch(/171|ab,/);
  });
});
