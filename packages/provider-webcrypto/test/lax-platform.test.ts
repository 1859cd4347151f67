// RFC 9180 §7.1.4: a platform that imports any bytes as a point, as Deno does, is not trusted with that.
import { checksFor } from "@copse/provider-conformance";
import { webCryptoProvider } from "@copse/provider-webcrypto";
import { describe, expect, it } from "vitest";

const { subtle } = globalThis.crypto;

/** Takes 65, 97 or 133 bytes for a point, whatever they are: if they are none, it is another's. */
async function importKey(...args: Parameters<SubtleCrypto["importKey"]>): Promise<CryptoKey> {
  try {
    return await subtle.importKey(...args);
  } catch (error) {
    const [format, , algorithm, extractable, usages] = args;
    if (format !== "raw" || !Object.hasOwn(algorithm as object, "namedCurve")) throw error;
    const signs = (algorithm as EcKeyAlgorithm).name === "ECDSA";
    const pair = await subtle.generateKey(
      algorithm as EcKeyAlgorithm,
      extractable,
      signs ? ["sign", "verify"] : ["deriveBits"],
    );
    expect(usages).toEqual(signs ? ["verify"] : []);
    return pair.publicKey;
  }
}

const laxSubtle = new Proxy(subtle, {
  get(target, name) {
    if (name === "importKey") return importKey;
    const value: unknown = Reflect.get(target, name);
    return typeof value === "function" ? value.bind(target) : value;
  },
});
const crypto = {
  subtle: laxSubtle,
  getRandomValues: globalThis.crypto.getRandomValues.bind(globalThis.crypto),
} as Crypto;

const provider = await webCryptoProvider({ crypto });

describe.each([2, 5, 7])("suite %i on a platform that takes any bytes for a point", (suite) => {
  const checks = checksFor(provider, { suites: [suite] }).filter(({ name }) => /keys: refuses/.test(name));

  it("has checks for points", () => {
    expect(checks.filter(({ name }) => /curve|infinity|encodings/.test(name)).length).toBe(6);
  });

  it.each(checks)("$name", async (check) => {
    await check.run();
  });
});

it("refuses a plain object that shows what a key of the platform does, as copies of keys do on workerd", async () => {
  const { signature } = provider.suite(2);
  const key = (await signature.generateKeyPair()).privateKey as object as CryptoKey;
  const { type, algorithm, extractable, usages } = key;
  for (const prototype of [Object.prototype, null]) {
    const copy = Object.assign(Object.create(prototype), { type, algorithm, extractable, usages });
    await expect((async () => signature.exportPrivateKey(copy))()).rejects.toMatchObject({ code: "crypto" });
    await expect((async () => signature.sign(copy, new Uint8Array(1)))()).rejects.toMatchObject({
      code: "crypto",
    });
  }
});

describe("a platform that takes keys and secrets of X25519 for numbers", () => {
  const refuse = () => {
    throw new DOMException("The operation failed for an operation-specific reason", "OperationError");
  };
  // Where the key's bytes are in a PKCS#8 of RFC 8410.
  const importsNone = async (...args: Parameters<SubtleCrypto["importKey"]>) =>
    args[0] === "pkcs8" && (args[1] as Uint8Array)[16] === 0 ? refuse() : subtle.importKey(...args);
  const givesNone = async (...args: Parameters<SubtleCrypto["deriveBits"]>) => {
    const bits = await subtle.deriveBits(...args);
    return new Uint8Array(bits)[0] === 0 ? refuse() : bits;
  };

  /** How often the platform agrees on a secret for one that is sealed, and opened with a key that begins with a zero. */
  async function agreements(faults: Partial<SubtleCrypto>): Promise<number> {
    let count = 0;
    const counted: Partial<SubtleCrypto> = {
      ...faults,
      deriveBits(...args) {
        count++;
        return (faults.deriveBits ?? subtle.deriveBits.bind(subtle))(...args);
      },
    };
    const faulty = new Proxy(subtle, {
      get(target, name) {
        const value: unknown = Reflect.get(counted, name) ?? Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const { getRandomValues } = globalThis.crypto;
    const crypto = { subtle: faulty, getRandomValues: getRandomValues.bind(globalThis.crypto) } as Crypto;
    const { hpke } = (await webCryptoProvider({ crypto })).suite(1);
    const key = new Uint8Array(32).fill(1);
    key[0] = 0;
    const { publicKey, privateKey } = await hpke.importPrivateKey(key);
    count = 0;
    const [info, aad, plaintext] = [new Uint8Array(1), new Uint8Array(2), new Uint8Array(3)];
    const { kemOutput, ciphertext } = await hpke.seal(publicKey, info, aad, plaintext);
    expect(await hpke.open(privateKey, kemOutput, info, aad, ciphertext)).toEqual(plaintext);
    return count;
  }

  it.each<[string, Partial<SubtleCrypto>]>([
    [
      "no key that begins with a zero byte can be imported",
      { importKey: importsNone as typeof subtle.importKey },
    ],
    ["no secret that begins with a zero byte comes out", { deriveBits: givesNone }],
  ])("%s: a library takes its place", async (_, faults) => {
    expect(await agreements(faults)).toBe(0);
  });

  it("one without such faults is used", async () => {
    expect(await agreements({})).toBe(2);
  });
});
