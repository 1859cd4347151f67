// RFC 9420 §5.1: what is asked of the platform for each operation.
import { webCryptoProvider } from "@copse/provider-webcrypto";
import { beforeEach, describe, expect, test } from "vitest";
import { publicKeyCache } from "../src/public-keys.js";
import { SUITE_IDS } from "./support.js";

const EMPTY = new Uint8Array(0);
const text = new TextEncoder().encode("a message");

/** The calls of subtle since the last reset, by method. */
let calls: Record<string, number> = {};
const counted = {
  subtle: new Proxy(crypto.subtle, {
    get(target, property) {
      const method = Reflect.get(target, property);
      return (...args: unknown[]) => {
        calls[String(property)] = (calls[String(property)] ?? 0) + 1;
        return method.apply(target, args);
      };
    },
  }),
  getRandomValues: crypto.getRandomValues.bind(crypto),
} as Crypto;

const provider = await webCryptoProvider({ crypto: counted });
beforeEach(() => {
  calls = {};
});

describe.each(SUITE_IDS)("suite %i", (id) => {
  const { aead, hash, hpke, kdf, signature, suite } = provider.suite(id);
  const [key, nonce] = [new Uint8Array(suite.aead.Nk), new Uint8Array(suite.aead.Nn)];

  test("hashing asks nothing of the platform, and answers at once", () => {
    expect(hash.hash(text)).toBeInstanceOf(Uint8Array);
    expect(hash.mac(text, text)).toBeInstanceOf(Uint8Array);
    expect(kdf.extract(text, text)).toBeInstanceOf(Uint8Array);
    expect(kdf.expand(text, text, 100)).toBeInstanceOf(Uint8Array);
    expect(calls).toEqual({});
  });

  test.each([0, 9, 5000])(
    "AES-GCM of %i bytes is the platform's, with one import for each key",
    async (size) => {
      const plaintext = new Uint8Array(size);
      const sealed = await aead.seal(key, nonce, text, plaintext);
      expect(await aead.open(key, nonce, text, sealed)).toEqual(plaintext);
      expect(calls).toEqual(id === 3 ? {} : { importKey: 2, encrypt: 1, decrypt: 1 });
    },
  );

  test("a second encryption to the same key doesn't import it again", async () => {
    const { publicKey, privateKey } = await hpke.generateKeyPair();
    await hpke.seal(publicKey, EMPTY, EMPTY, text);
    calls = {};
    const { kemOutput, ciphertext } = await hpke.seal(publicKey.slice(), EMPTY, EMPTY, text);
    // With AES-GCM there is one import of the AEAD's key, which is new each time.
    const sealing = id === 3 ? {} : { importKey: 1, encrypt: 1 };
    expect(calls).toEqual({ generateKey: 1, exportKey: 1, deriveBits: 1, ...sealing });
    calls = {};
    await hpke.open(privateKey, kemOutput, EMPTY, EMPTY, ciphertext);
    expect(calls).toEqual(
      id === 3 ? { deriveBits: 1, importKey: 1 } : { deriveBits: 1, importKey: 2, decrypt: 1 },
    );
  });

  test("verifications with one key, also at the same time, import it once", async () => {
    const { publicKey, privateKey } = await signature.generateKeyPair();
    const signed = await signature.sign(privateKey, text);
    calls = {};
    const answers = await Promise.all([1, 2, 3].map(() => signature.verify(publicKey, text, signed)));
    expect(answers).toEqual([true, true, true]);
    expect(calls).toEqual({ importKey: 1, verify: 3 });
  });
});

test.each([1, 2])(
  "suite %i signs and verifies what it was given, though that changes at once",
  async (id) => {
    const { signature } = provider.suite(id);
    const { publicKey, privateKey } = await signature.generateKeyPair();
    const message = new Uint8Array(65_536).fill(1);
    const signing = signature.sign(privateKey, message);
    message.fill(2);
    const signed = await signing;
    // With a key that must be imported first, and with one that is there.
    for (const as of ["a new key", "a known key"]) {
      const [key, given, fits] = [publicKey.slice(), message.slice().fill(1), signed.slice()];
      const verifying = signature.verify(key, given, fits);
      for (const input of [key, given, fits]) input.fill(0);
      expect(await verifying, as).toBe(true);
    }
    expect(await signature.verify(publicKey, message, signed)).toBe(false);
  },
);

test.each([1, 2, 3, 5, 7])("suite %i takes inputs in memory that the platform doesn't take", async (id) => {
  /** As Web IDL has it; Node 20 refuses shared memory alone. */
  const strict = new Proxy(crypto.subtle, {
    get(target, property) {
      const method = Reflect.get(target, property);
      return async (...args: unknown[]) => {
        const isResizable = (arg: unknown) =>
          ArrayBuffer.isView(arg) && (arg.buffer as { resizable?: boolean }).resizable === true;
        const parameters = args.flatMap((arg) => [arg, ...Object.values({ ...(arg as object) })]);
        if (parameters.some(isResizable)) throw new TypeError("resizable");
        return method.apply(target, args);
      };
    },
  });
  const getRandomValues = crypto.getRandomValues.bind(crypto);
  const strictCrypto = { subtle: strict, getRandomValues } as Crypto;
  const suite = (await webCryptoProvider({ crypto: strictCrypto, hashing: "native" })).suite(id);
  const Resizable = ArrayBuffer as unknown as new (
    length: number,
    options: { maxByteLength: number },
  ) => ArrayBuffer;
  const memories = {
    shared: (length: number) => new SharedArrayBuffer(length),
    resizable: (length: number) => new Resizable(length, { maxByteLength: 2 * length }),
  };
  const { publicKey, privateKey } = await suite.signature.generateKeyPair();
  for (const [name, memory] of Object.entries(memories)) {
    const inside = (bytes: Uint8Array): Uint8Array => {
      const view = new Uint8Array(memory(bytes.length));
      view.set(bytes);
      return view;
    };
    const signed = await suite.signature.sign(privateKey, inside(text));
    // With a key that must be imported first, and with one that is there.
    for (let i = 0; i < 2; i++)
      expect(await suite.signature.verify(publicKey, inside(text), inside(signed)), name).toBe(true);
    expect(await suite.hash.hash(inside(text)), name).toEqual(await suite.hash.hash(text));
    const [key, nonce] = [suite.suite.aead.Nk, suite.suite.aead.Nn].map((n) => inside(new Uint8Array(n)));
    const sealed = await suite.aead.seal(key!, nonce!, inside(text), inside(text));
    expect(await suite.aead.open(key!, nonce!, inside(text), inside(sealed)), name).toEqual(text);
  }
});

describe("the cache of public keys", () => {
  const key = (n: number) => Uint8Array.of(n);

  test("keeps those used last", async () => {
    const imported: number[] = [];
    const cache = publicKeyCache(async ([n]) => {
      imported.push(n as number);
      return {} as CryptoKey;
    }, 2);
    for (const n of [1, 2, 1, 3, 1, 2]) await cache(key(n));
    expect(imported).toEqual([1, 2, 3, 2]);
  });

  test("gives a key at once when it is there", async () => {
    const imported = {} as CryptoKey;
    const cache = publicKeyCache(async () => imported);
    const [first, second] = [cache(key(1)), cache(key(1))];
    expect(first).toBeInstanceOf(Promise);
    expect(second).toBe(first);
    await first;
    expect(cache(key(1))).toBe(imported);
  });

  test("doesn't remember what can't be imported", async () => {
    let attempts = 0;
    const cache = publicKeyCache(async () => {
      if (attempts++ === 0) throw new Error("not now");
      return {} as CryptoKey;
    });
    await expect(cache(key(1))).rejects.toThrow("not now");
    await cache(key(1));
    await cache(key(1));
    expect(attempts).toBe(2);
  });
});
