// RFC 9420 §5.1: the provider by node:crypto conforms.
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { nodeProvider } from "@copse/provider-node";
import { checkSynchronous, conforms } from "@copse/test-support/conformance";
import { describe, expect, it } from "vitest";

const provider = nodeProvider();
conforms(provider, {
  full: 2,
  all: [1, 2, 4],
  make: nodeProvider,
  maySkip: ["hpke keys: loads what it saves"],
});

describe("the provider by node:crypto", () => {
  it("serves all seven suites", () => {
    expect(provider.suites.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });
  for (const { id } of provider.suites) checkSynchronous(provider.suite(id));

  it("takes keys that another instance of it made", async () => {
    const [a, b] = [nodeProvider().suite(1), nodeProvider().suite(1)];
    const none = new Uint8Array(0);
    const { publicKey, privateKey } = await a.hpke.generateKeyPair();
    const { kemOutput, ciphertext } = await b.hpke.seal(publicKey, none, none, none);
    expect(await b.hpke.open(privateKey, kemOutput, none, none, ciphertext)).toEqual(none);
  });

  it("signs with a KeyObject of the application's own, if it is of the scheme", async () => {
    const { signature } = provider.suite(1);
    type Handle = Parameters<typeof signature.sign>[0];
    const own = generateKeyPairSync("ed25519");
    const publicKey = new Uint8Array(own.publicKey.export({ format: "der", type: "spki" }).subarray(12));
    const signed = await signature.sign(own.privateKey as object as Handle, publicKey);
    expect(await signature.verify(publicKey, publicKey, signed)).toBe(true);
    const pem = generateKeyPairSync("ed448").privateKey.export({ format: "pem", type: "pkcs8" });
    expect(() => signature.sign(createPrivateKey(pem) as object as Handle, publicKey)).toThrow(
      expect.objectContaining({ code: "crypto" }),
    );
  });

  it("refuses to sign with the key of another curve", async () => {
    for (const [own, other] of [
      [2, 5],
      [5, 7],
      [7, 2],
    ] as const) {
      const { privateKey } = await provider.suite(other).signature.generateKeyPair();
      const { signature } = provider.suite(own);
      const refusal = expect.objectContaining({ code: "crypto" });
      expect(() => signature.sign(privateKey, new Uint8Array(1))).toThrow(refusal);
      expect(() => signature.exportPrivateKey(privateKey)).toThrow(refusal);
    }
  });

  it("forgets the oldest of many public keys, and still verifies under all", async () => {
    const { signature } = provider.suite(1);
    const message = new Uint8Array(1);
    const signed: [Uint8Array, Uint8Array][] = [];
    for (let i = 0; i < 1100; i++) {
      const { publicKey, privateKey } = await signature.generateKeyPair();
      signed.push([publicKey, await signature.sign(privateKey, message)]);
    }
    for (const round of [1, 2]) {
      for (const [key, value] of signed)
        expect(await signature.verify(key, message, value), `${round}`).toBe(true);
    }
  });
});
