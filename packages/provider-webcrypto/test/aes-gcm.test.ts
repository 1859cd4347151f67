// FIPS 197 and NIST SP 800-38D: AES-GCM in JavaScript is that of the platform, gate by gate and as a whole.
import { createCipheriv } from "node:crypto";
import { type CipherSuiteProvider, CryptoError } from "@copse/core/provider";
import { webCryptoProvider } from "@copse/provider-webcrypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { aesGcm, fastAesGcm, SHORT as SHORT_ON, shortHere } from "../src/aead.js";
import { Aes } from "../src/aes-gcm/aes.js";
import { openGcm, sealGcm } from "../src/aes-gcm/gcm.js";
import { subBytes } from "../src/aes-gcm/sub-bytes.js";

const SHORT = SHORT_ON.servers;
const EMPTY = new Uint8Array(0);
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const upTo = (length: number) => fc.uint8Array({ maxLength: length, size: "max" });
const anyKey = fc.constantFrom(16, 32).chain(bytes);

/** AES-GCM of OpenSSL. */
function reference(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const cipher = createCipheriv(key.length === 16 ? "aes-128-gcm" : "aes-256-gcm", key, nonce);
  cipher.setAAD(aad);
  const ciphertext = [cipher.update(plaintext), cipher.final()];
  return Uint8Array.from(Buffer.concat([...ciphertext, cipher.getAuthTag()]));
}

describe("AES", () => {
  test("the circuit is the S-box: the inverse in GF(2^8), and the affine map of FIPS 197 §5.1.1", () => {
    const times = (a: number, b: number) => {
      let product = 0;
      for (let bit = 0; bit < 8; bit++) {
        if ((b >> bit) & 1) product ^= a << bit;
      }
      for (let bit = 14; bit >= 8; bit--) {
        if ((product >> bit) & 1) product ^= 0x11b << (bit - 8);
      }
      return product;
    };
    const all = Array.from({ length: 256 }, (_, i) => i);
    for (const value of all) {
      const inverse = all.find((other) => times(value, other) === 1) ?? 0;
      let expected = 0x63;
      for (let i = 0; i < 5; i++) expected ^= ((inverse << i) | (inverse >> (8 - i))) & 0xff;
      // The value in all 32 bytes, so that each place of a word is looked at.
      const sliced = (byte: number) => Int32Array.from({ length: 8 }, (_, i) => -((byte >> i) & 1));
      const state = sliced(value);
      subBytes(state);
      expect(state).toEqual(sliced(expected));
    }
  });

  test("two blocks at once are the two that OpenSSL encrypts", () => {
    const aes = new Aes();
    fc.assert(
      fc.property(anyKey, bytes(16), bytes(16), (key, ...blocks) => {
        const state = new Int32Array(8);
        const words = blocks.map((block) => new Int32Array(block.slice().buffer));
        for (let i = 0; i < 8; i++) state[i] = words[i & 1]![i >> 1]!;
        aes.setKey(key);
        aes.encrypt(state);
        for (const [which, block] of blocks.entries()) {
          const cipher = createCipheriv(key.length === 16 ? "aes-128-ecb" : "aes-256-ecb", key, null);
          const expected = new Int32Array(Uint8Array.from(cipher.update(block)).buffer);
          expect([0, 2, 4, 6].map((i) => state[i + which])).toEqual(Array.from(expected));
        }
      }),
    );
  });
});

describe("AES-GCM in JavaScript", () => {
  test("every length of text and of what is authenticated beside it, over a few blocks", () => {
    const [key, nonce] = [new Uint8Array(32).fill(1), new Uint8Array(12).fill(2)];
    for (let length = 0; length <= 100; length++) {
      const data = Uint8Array.from({ length }, (_, i) => 7 * i);
      const other = data.subarray(0, 100 - length);
      expect(sealGcm(key, nonce, other, data), `${length}`).toEqual(reference(key, nonce, other, data));
    }
  });

  test("seals as OpenSSL does, and opens it", () => {
    fc.assert(
      fc.property(anyKey, bytes(12), upTo(300), upTo(SHORT), (key, nonce, aad, plaintext) => {
        const sealed = reference(key, nonce, aad, plaintext);
        expect(sealGcm(key, nonce, aad, plaintext)).toEqual(sealed);
        expect(openGcm(key, nonce, aad, sealed)).toEqual(plaintext);
      }),
    );
  });

  test("opens nothing with a bit changed anywhere", () => {
    const flip = (data: Uint8Array, bit: number) => {
      const changed = data.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      return changed;
    };
    const inputs = [16, 12, 21, 35].map((length, i) => new Uint8Array(length).fill(i)) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    const [key, nonce, aad, plaintext] = inputs;
    const sealed = sealGcm(...inputs);
    expect(openGcm(key, nonce, aad, sealed)).toEqual(plaintext);
    for (let bit = 0; bit < 8 * sealed.length; bit++) {
      expect(openGcm(key, nonce, aad, flip(sealed, bit))).toBeUndefined();
    }
    for (let bit = 0; bit < 8 * 12; bit++) {
      expect(openGcm(flip(key, bit), nonce, aad, sealed)).toBeUndefined();
      expect(openGcm(key, flip(nonce, bit), aad, sealed)).toBeUndefined();
      expect(openGcm(key, nonce, flip(aad, bit), sealed)).toBeUndefined();
    }
    expect(openGcm(key, nonce, aad.subarray(1), sealed)).toBeUndefined();
  });

  test("leaves what it is given as it is", () => {
    const inputs = [16, 12, 21, 35].map((length, i) => new Uint8Array(length).fill(i + 1));
    const [key, nonce, aad, plaintext] = inputs as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    const sealed = sealGcm(key, nonce, aad, plaintext);
    const copy = sealed.slice();
    openGcm(key, nonce, aad, sealed);
    expect(inputs.map((input, i) => input.every((byte) => byte === i + 1))).toEqual(Array(4).fill(true));
    expect(sealed).toEqual(copy);
  });
});

describe("who encrypts", () => {
  const aeadOf = async (options?: Parameters<typeof webCryptoProvider>[0]) =>
    (await webCryptoProvider(options)).suite(1).aead;
  const [key, nonce] = [new Uint8Array(16), new Uint8Array(12)];
  const outcome = (aead: CipherSuiteProvider["aead"], length: number, aad = EMPTY) => {
    const sealed = aead.seal(key, nonce, aad, new Uint8Array(length));
    return sealed instanceof Promise ? "platform" : "JavaScript";
  };

  test("JavaScript, at once, up to 2 KiB of text and additional data together; then the platform", async () => {
    const aead = await aeadOf();
    expect(outcome(aead, 0)).toBe("JavaScript");
    expect(outcome(aead, SHORT)).toBe("JavaScript");
    expect(outcome(aead, SHORT + 1)).toBe("platform");
    expect(outcome(aead, SHORT - 10, new Uint8Array(11))).toBe("platform");
  });

  test("in browsers, whose calls take less, up to 256 bytes", async () => {
    expect(shortHere()).toBe(SHORT);
    expect(shortHere({})).toBe(SHORT_ON.browsers);
    // As bundlers put it in a page.
    expect(shortHere({ process: { env: {}, versions: {} } })).toBe(SHORT_ON.browsers);
    expect(shortHere({ process: { env: {} } })).toBe(SHORT_ON.browsers);
    const { algorithm } = await aeadOf();
    const aead = fastAesGcm(aesGcm(globalThis.crypto.subtle, algorithm), shortHere({}));
    expect(outcome(aead, 256)).toBe("JavaScript");
    expect(outcome(aead, 257)).toBe("platform");
  });

  test("the platform alone, if told so", async () => {
    expect(outcome(await aeadOf({ encryption: "native" }), 0)).toBe("platform");
  });

  test("what one seals the other opens, around the limit", async () => {
    const [fast, native] = [await aeadOf(), await aeadOf({ encryption: "native" })];
    for (const length of [SHORT - 17, SHORT - 16, SHORT - 15, SHORT - 1, SHORT, SHORT + 1]) {
      const plaintext = new Uint8Array(length).fill(length);
      const sealed = await fast.seal(key, nonce, EMPTY, plaintext);
      expect(await native.seal(key, nonce, EMPTY, plaintext)).toEqual(sealed);
      for (const aead of [fast, native]) {
        expect(await aead.open(key, nonce, EMPTY, sealed)).toEqual(plaintext);
      }
    }
  });

  test("both refuse alike: with a CryptoError that names no secret", async () => {
    for (const encryption of ["fast", "native"] as const) {
      const aead = await aeadOf({ encryption });
      const refused = async (...inputs: Parameters<typeof aead.open>) => aead.open(...inputs);
      const sealed = await aead.seal(key, nonce, EMPTY, Uint8Array.of(1, 2, 3));
      sealed[0]! ^= 1;
      const failed = { name: CryptoError.name, message: "AES-128-GCM: the ciphertext doesn't open" };
      await expect(refused(key, nonce, EMPTY, sealed)).rejects.toMatchObject(failed);
      await expect(refused(key, nonce, EMPTY, sealed.subarray(0, 15))).rejects.toThrow(
        "shorter than its tag",
      );
      await expect(refused(new Uint8Array(32), nonce, EMPTY, sealed)).rejects.toThrow("a key");
      await expect(refused(key, new Uint8Array(16), EMPTY, sealed)).rejects.toThrow("a nonce");
    }
  });
});
