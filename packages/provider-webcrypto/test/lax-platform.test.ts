// RFC 9180 §7.1.4: a platform that imports any bytes as a point, as Deno and WebKitGTK do, is not trusted with that; and what
// other platforms do wrong isn't used.
import { CryptoError } from "@copse/core/provider";
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

it.each([2, 5, 7])("suite %i refuses all such points on a platform that refuses some", async (id) => {
  const picky = new Proxy(laxSubtle, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (name !== "importKey") return typeof value === "function" ? value.bind(target) : value;
      return async (...args: Parameters<SubtleCrypto["importKey"]>) => {
        // The coordinate x is small. It might be any reason.
        const isSmall =
          args[0] === ("raw" as string) && !(args[1] as Uint8Array).subarray(1, 32).some(Boolean);
        if (isSmall && Object.hasOwn(args[2] as object, "namedCurve"))
          throw new DOMException("", "DataError");
        return importKey(...args);
      };
    },
  });
  const { hpke, signature } = (await webCryptoProvider({ crypto: { ...crypto, subtle: picky } })).suite(id);
  for (const part of [hpke, signature]) {
    const { publicKey } = await part.generateKeyPair();
    const off = publicKey.slice();
    off[off.length - 1]! ^= 1;
    await expect((async () => part.validatePublicKey(off))()).rejects.toThrow(CryptoError);
    await part.validatePublicKey(publicKey);
  }
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

describe("the public key of a private key of a NIST curve", () => {
  /** Where PKCS#8 comes for one of these curves, the platform does this instead. */
  const withPkcs8 = (instead: (...args: Parameters<SubtleCrypto["importKey"]>) => Promise<CryptoKey>) => {
    let asked = 0;
    const faulty = new Proxy(subtle, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (name !== "importKey") return typeof value === "function" ? value.bind(target) : value;
        return (...args: Parameters<SubtleCrypto["importKey"]>) => {
          const isNist = args[0] === ("pkcs8" as string) && Object.hasOwn(args[2] as object, "namedCurve");
          if (!isNist) return target.importKey(...args);
          asked++;
          return instead(...args);
        };
      },
    });
    const { getRandomValues } = globalThis.crypto;
    const crypto = { subtle: faulty, getRandomValues: getRandomValues.bind(globalThis.crypto) } as Crypto;
    return { crypto, asked: () => asked };
  };
  const refuses = async () => {
    throw new DOMException("The operation failed for an operation-specific reason", "OperationError");
  };
  const importsAnother = async (
    ...[, , algorithm, extractable, usages]: Parameters<SubtleCrypto["importKey"]>
  ) => {
    const all: KeyUsage[] = [...usages].includes("sign") ? ["sign", "verify"] : ["deriveBits"];
    const own = (await subtle.generateKey(algorithm as EcKeyAlgorithm, true, all)) as CryptoKeyPair;
    const other = (await subtle.generateKey(algorithm as EcKeyAlgorithm, true, all)) as CryptoKeyPair;
    const jwk: JsonWebKey = await subtle.exportKey("jwk", own.privateKey);
    const { x, y } = (await subtle.exportKey("jwk", other.publicKey)) as Record<"x" | "y", string>;
    // Node 20 takes a JWK whose parts don't belong together; where one doesn't, that is a refusal.
    return subtle.importKey("jwk", { ...jwk, x, y }, algorithm as EcKeyAlgorithm, extractable, [...usages]);
  };

  it.each([2, 5, 7])(
    "in suite %i is computed by the platform or a library, with the same result",
    async (id) => {
      const own = withPkcs8((...args) =>
        subtle.importKey(...(args as Parameters<SubtleCrypto["importKey"]>)),
      );
      const platforms = [own, withPkcs8(refuses), withPkcs8(importsAnother)];
      const providers = await Promise.all(platforms.map(({ crypto }) => webCryptoProvider({ crypto })));
      const scalar = new Uint8Array(providers[0]!.suite(id).hpke.algorithm.Nsk).fill(9, 3);
      const pairs = [];
      for (const one of providers) {
        const { hpke, signature } = one.suite(id);
        pairs.push({
          imported: (await hpke.importPrivateKey(scalar)).publicKey,
          derived: (await hpke.deriveKeyPair(new Uint8Array(32).fill(5))).publicKey,
          signer: (await signature.importPrivateKey(scalar)).publicKey,
        });
        // What was imported belongs to its public key.
        const { publicKey, privateKey } = await hpke.deriveKeyPair(new Uint8Array(64).fill(1));
        const { kemOutput, ciphertext } = await hpke.seal(publicKey, scalar, scalar, scalar);
        expect(await hpke.open(privateKey, kemOutput, scalar, scalar, ciphertext)).toEqual(scalar);
      }
      expect(pairs[1]).toEqual(pairs[0]);
      expect(pairs[2]).toEqual(pairs[0]);
      // Two of HPKE and one of signatures, and another for the trial; of a platform that fails, the trial alone.
      expect(platforms.map(({ asked }) => asked())).toEqual([5, 1, 1]);
    },
  );
});
