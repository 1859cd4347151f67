// RFC 9420 §9.2, §16.2: a private key whose bytes were saved is imported once, when it is first used, and ends like any other.
import { CryptoError, type HpkePrivateKey } from "@copse/core";
import { nodeSuite } from "@copse/test-support/providers";
import { describe, expect, it } from "vitest";
import { EMPTY } from "../../src/bytes.js";
import { guardProvider } from "../../src/crypto/guard.js";
import { importLater } from "../../src/crypto/later-keys.js";

const suite = nodeSuite(1);

/** A key that is imported late, a message for it, and what the provider is asked for. */
async function later(isSlow: boolean) {
  const pair = await suite.hpke.generateKeyPair();
  const bytes = await suite.hpke.exportPrivateKey(pair.privateKey);
  const sealed = await suite.hpke.seal(pair.publicKey, EMPTY, EMPTY, Uint8Array.of(1, 2, 3));
  const seen = { imported: 0, destroyed: 0, lent: [] as Uint8Array[] };
  const wait = async <T>(value: T | Promise<T>) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return value;
  };
  const { hpke } = guardProvider({
    ...suite,
    hpke: {
      ...suite.hpke,
      importPrivateKey(given) {
        seen.imported++;
        seen.lent.push(given);
        const made = suite.hpke.importPrivateKey(given);
        return isSlow ? wait(made) : made;
      },
      destroyPrivateKey(key) {
        seen.destroyed++;
        return suite.hpke.destroyPrivateKey(key);
      },
    },
  });
  const key = importLater(hpke, bytes) as HpkePrivateKey;
  const open = async () => hpke.open(key, sealed.kemOutput, EMPTY, EMPTY, sealed.ciphertext);
  return { hpke, bytes, key, open, seen };
}

const isZero = (bytes: Uint8Array) => bytes.every((byte) => byte === 0);

describe.each([false, true])(
  "a key that is imported late, by a provider that answers later: %s",
  (isSlow) => {
    it("is imported once, by whichever of many calls is the first", async () => {
      const { open, seen } = await later(isSlow);
      expect(seen.imported).toBe(0);
      for (const opened of await Promise.all([open(), open(), open()]))
        expect(opened).toEqual(Uint8Array.of(1, 2, 3));
      await open();
      expect(seen.imported).toBe(1);
      expect(seen.lent.every(isZero)).toBe(true);
    });

    it("is exported as the bytes that it came as, before and after it is imported", async () => {
      const { hpke, key, bytes, open, seen } = await later(isSlow);
      expect(await hpke.exportPrivateKey(key)).toEqual(bytes);
      (await hpke.exportPrivateKey(key)).fill(0);
      expect(seen.imported).toBe(0);
      const opening = open();
      expect(await hpke.exportPrivateKey(key)).toEqual(bytes);
      await opening;
      expect(await hpke.exportPrivateKey(key)).toEqual(bytes);
    });

    it("ends before it is imported, while it is, and after", async () => {
      for (const when of ["before", "during", "after"]) {
        const { hpke, key, open, seen } = await later(isSlow);
        const opening = when === "before" ? undefined : open().catch(() => undefined);
        if (when === "after") await opening;
        await hpke.destroyPrivateKey(key);
        await opening;
        expect(seen).toMatchObject(
          when === "before" ? { imported: 0, destroyed: 0 } : { imported: 1, destroyed: 1 },
        );
        await hpke.destroyPrivateKey(key);
        expect(seen.lent.every(isZero), when).toBe(true);
        await expect(open(), when).rejects.toBeInstanceOf(CryptoError);
        await expect(async () => hpke.exportPrivateKey(key), when).rejects.toBeInstanceOf(CryptoError);
      }
    });
  },
);

it("a key that can't be imported fails each call, and a provider that can save keys itself gets none", async () => {
  const { hpke } = guardProvider(suite);
  const key = importLater(hpke, new Uint8Array(7)) as HpkePrivateKey;
  for (let i = 0; i < 2; i++)
    await expect(async () => hpke.open(key, new Uint8Array(32), EMPTY, EMPTY, EMPTY)).rejects.toBeInstanceOf(
      CryptoError,
    );
  expect(importLater(suite.hpke, new Uint8Array(32))).toBeUndefined();
});
