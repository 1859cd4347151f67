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
