// RFC 9420 §5.1: private keys stay in the platform unless asked for, and are saved by reference.
import { CryptoError, MlsError } from "@copse/core/provider";
import { fromCryptoKey, toCryptoKey, webCryptoProvider } from "@copse/provider-webcrypto";
import { describe, expect, test } from "vitest";
import { memoryStore, SUITE_IDS, suites, VARIANTS, without } from "./support.js";

const EMPTY = new Uint8Array(0);
const text = new TextEncoder().encode("a message");

const refusal = { name: "MlsError", code: "key-not-extractable" };

describe.each([
  ["the default", {}],
  ["library curves", { forceLibraryCurves: true }],
])("with %s, no private key leaves", (_, options) => {
  test.each(SUITE_IDS)("suite %i", async (id) => {
    const { hpke, signature } = (await webCryptoProvider(options)).suite(id);
    const hpkeKeys = [
      await hpke.generateKeyPair(),
      await hpke.deriveKeyPair(new Uint8Array(32)),
      await hpke.importPrivateKey(new Uint8Array(hpke.algorithm.Nsk).fill(1, 1)),
    ];
    for (const { privateKey } of hpkeKeys) {
      await expect((async () => hpke.exportPrivateKey(privateKey))()).rejects.toMatchObject(refusal);
      expect(JSON.stringify(privateKey)).toBe("{}");
    }
    const signatureKeys = [
      await signature.generateKeyPair(),
      await signature.importPrivateKey(new Uint8Array(signature.algorithm.Nsk).fill(1, 1)),
    ];
    for (const { privateKey } of signatureKeys) {
      await expect((async () => signature.exportPrivateKey(privateKey))()).rejects.toMatchObject(refusal);
      await expect((async () => signature.exportPrivateKey(privateKey))()).rejects.toThrow(
        "extractable: true",
      );
      expect(JSON.stringify(privateKey)).toBe("{}");
    }
  });
});

describe.each(VARIANTS)("with %s", (_, options) => {
  test.each(SUITE_IDS)("suite %i exports what it imports, in the canonical form", async (id) => {
    const { hpke, signature } = (await webCryptoProvider(options)).suite(id);
    for (const part of [hpke, signature]) {
      // A leading zero must stay.
      const bytes = new Uint8Array(part.algorithm.Nsk).fill(7, 2);
      const { privateKey, publicKey } = await part.importPrivateKey(bytes);
      expect(await part.exportPrivateKey(privateKey as never)).toEqual(bytes);
      expect(publicKey.length).toBe(part.algorithm.Npk);
      const fresh = await part.generateKeyPair();
      const again = await part.importPrivateKey(await part.exportPrivateKey(fresh.privateKey as never));
      expect(again.publicKey).toEqual(fresh.publicKey);
    }
  });

  test.each(SUITE_IDS)("suite %i takes no handle of another make", async (id) => {
    const { hpke, signature } = (await webCryptoProvider(options)).suite(id);
    const other = (await webCryptoProvider(options)).suite(id === 2 ? 7 : 2);
    const [hpkeKey, signatureKey] = [
      (await other.hpke.generateKeyPair()).privateKey,
      (await other.signature.generateKeyPair()).privateKey,
    ];
    const sealed = await hpke.seal((await hpke.generateKeyPair()).publicKey, EMPTY, EMPTY, text);
    for (const call of [
      async () => hpke.open(hpkeKey, sealed.kemOutput, EMPTY, EMPTY, sealed.ciphertext),
      async () => hpke.exportPrivateKey(hpkeKey),
      async () => signature.sign(signatureKey, text),
      async () => signature.exportPrivateKey(signatureKey),
      async () => signature.sign({} as typeof signatureKey, text),
    ]) {
      await expect(call()).rejects.toThrow(CryptoError);
    }
  });

  test.each(SUITE_IDS)("suite %i refuses bad private keys", async (id) => {
    const { hpke, signature } = (await webCryptoProvider(options)).suite(id);
    for (const part of [hpke, signature]) {
      const { Nsk } = part.algorithm;
      const bad = [EMPTY, new Uint8Array(Nsk - 1).fill(1), new Uint8Array(Nsk + 1).fill(1)];
      if (id !== 1 && id !== 3) bad.push(new Uint8Array(Nsk), new Uint8Array(Nsk).fill(0xff));
      for (const bytes of bad) {
        await expect((async () => part.importPrivateKey(bytes))()).rejects.toThrow(CryptoError);
      }
    }
  });

  test.each(SUITE_IDS)("suite %i validates public keys", async (id) => {
    const { hpke, signature } = (await webCryptoProvider(options)).suite(id);
    for (const part of [hpke, signature]) {
      const { publicKey } = await part.generateKeyPair();
      await part.validatePublicKey(publicKey);
      const bad = [EMPTY, publicKey.slice(1), Uint8Array.of(...publicKey, 0), publicKey.slice().fill(0)];
      if (id === 1 || id === 3) bad.push(publicKey.slice().fill(0).fill(1, 0, 1));
      else {
        const point = publicKey.slice();
        point[point.length - 1]! ^= 1;
        const hybrid = publicKey.slice();
        hybrid[0] = 6 + (publicKey.at(-1)! & 1);
        bad.push(
          point,
          hybrid,
          Uint8Array.of(2 + (publicKey.at(-1)! & 1), ...publicKey.slice(1, 1 + part.algorithm.Nsk)),
        );
      }
      for (const bytes of bad) {
        await expect((async () => part.validatePublicKey(bytes))()).rejects.toThrow(CryptoError);
      }
    }
  });
});

describe("a key store", () => {
  test.each(SUITE_IDS)("finds the keys of suite %i again", async (id) => {
    const keyStore = memoryStore();
    const before = (await webCryptoProvider({ keyStore })).suite(id).hpke;
    const pairs = [await before.generateKeyPair(), await before.deriveKeyPair(new Uint8Array(32))];
    const saved = await Promise.all(pairs.map(({ privateKey }) => before.savePrivateKey!(privateKey)));
    expect([...keyStore.keys.values()].map((key) => key.extractable)).toEqual([false, false]);

    const after = (await webCryptoProvider({ keyStore })).suite(id).hpke;
    const loaded = await Promise.all(saved.map((bytes) => after.loadPrivateKey!(bytes)));
    for (const [i, { publicKey }] of pairs.entries()) {
      const { kemOutput, ciphertext } = await after.seal(publicKey, EMPTY, EMPTY, text);
      expect(await after.open(loaded[i]!, kemOutput, EMPTY, EMPTY, ciphertext)).toEqual(text);
      expect((await after.savePrivateKey!(loaded[i]!)).length).toBe(saved[i]!.length);
      await expect((async () => after.exportPrivateKey(loaded[i]!))()).rejects.toMatchObject(refusal);
    }
    await expect((async () => after.loadPrivateKey!(EMPTY))()).rejects.toThrow(CryptoError);
    for (const bytes of [saved[0]!.slice(0, -1), saved[0]!.slice(1), Uint8Array.of(...saved[0]!, 9)]) {
      await expect((async () => after.loadPrivateKey!(bytes))()).rejects.toThrow(CryptoError);
    }
    const other = saved[0]!.slice();
    other[20] = 9;
    await expect((async () => after.loadPrivateKey!(other))()).rejects.toMatchObject({ code: "state" });
    keyStore.get = async () => {
      throw new Error("the database is locked");
    };
    await expect((async () => after.loadPrivateKey!(saved[0]!))()).rejects.toMatchObject({
      code: "try-again",
      cause: new Error("the database is locked"),
    });
    // Loading leaves nothing behind: the next key is a fresh one.
    expect((await after.generateKeyPair()).publicKey).not.toEqual(pairs[0]!.publicKey);
  });

  test.each(SUITE_IDS)(
    "holds a key of suite %i once, however often it is saved, until it is destroyed",
    async (id) => {
      const keyStore = memoryStore();
      const before = (await webCryptoProvider({ keyStore })).suite(id).hpke;
      const { privateKey } = await before.generateKeyPair();
      const all = await Promise.all([1, 2, 3].map(() => before.savePrivateKey!(privateKey)));
      expect(new Set(all.map(String)).size).toBe(1);
      expect(keyStore.keys.size).toBe(1);
      const after = (await webCryptoProvider({ keyStore })).suite(id).hpke;
      const loaded = await after.loadPrivateKey!(all[0]!);
      expect(await after.savePrivateKey!(loaded)).toEqual(all[0]);
      await after.destroyPrivateKey(loaded);
      expect(keyStore.keys.size).toBe(0);
      await after.destroyPrivateKey(loaded);
      await expect((async () => after.loadPrivateKey!(all[0]!))()).rejects.toMatchObject({ code: "state" });
      // A key that was never saved leaves no trace either.
      await before.destroyPrivateKey((await before.generateKeyPair()).privateKey);
      expect(keyStore.keys.size).toBe(0);
    },
  );

  test("isn't offered for keys that the platform doesn't hold", async () => {
    const provider = await webCryptoProvider({ keyStore: memoryStore(), forceLibraryCurves: true });
    expect(provider.suite(1).hpke.savePrivateKey).toBeUndefined();
    expect(provider.suite(2).hpke.savePrivateKey).toBeDefined();
  });
});

test("a signature key is a CryptoKey, that an application can keep itself", async () => {
  for (const { signature } of await suites()) {
    const { publicKey, privateKey } = await signature.generateKeyPair();
    const kept = structuredClone(toCryptoKey(privateKey));
    expect(await signature.verify(publicKey, text, await signature.sign(fromCryptoKey(kept), text))).toBe(
      true,
    );
  }
  const { signature } = (await webCryptoProvider({ forceLibraryCurves: true })).suite(1);
  const { privateKey } = await signature.generateKeyPair();
  expect(() => toCryptoKey(privateKey)).toThrow(MlsError);
});

describe("what a platform lacks", () => {
  test("curves are replaced by the libraries', and work with those of a platform that has them", async () => {
    const lacking = (await webCryptoProvider({ crypto: without("X25519", "Ed25519") })).suite(1);
    const full = (await webCryptoProvider()).suite(1);
    for (const [from, to] of [
      [lacking, full],
      [full, lacking],
    ] as const) {
      const keys = await to.hpke.generateKeyPair();
      const sealed = await from.hpke.seal(keys.publicKey, text, text, text);
      expect(await to.hpke.open(keys.privateKey, sealed.kemOutput, text, text, sealed.ciphertext)).toEqual(
        text,
      );
      const signer = await from.signature.generateKeyPair();
      const signed = await from.signature.sign(signer.privateKey, text);
      expect(await to.signature.verify(signer.publicKey, text, signed)).toBe(true);
    }
  });

  test("only what works is listed", async () => {
    const ids = async (...names: string[]) =>
      (await webCryptoProvider({ crypto: without(...names) })).suites.map(({ id }) => id);
    expect(await ids()).toEqual([1, 2, 3, 7, 5]);
    expect(await ids("P-521")).toEqual([1, 2, 3, 7]);
    expect(await ids("ECDSA")).toEqual([1, 3]);
    expect(await ids("AES-GCM")).toEqual([3]);
    expect(await ids("X25519", "Ed25519")).toEqual([1, 2, 3, 7, 5]);
    await expect(
      (async () => (await webCryptoProvider({ crypto: without("P-521") })).suite(5))(),
    ).rejects.toMatchObject({ code: "unsupported" });
  });

  test("without crypto.subtle there is no provider, and the error says why", async () => {
    await expect(webCryptoProvider({ crypto: {} as Crypto })).rejects.toMatchObject({ code: "usage" });
  });
});
