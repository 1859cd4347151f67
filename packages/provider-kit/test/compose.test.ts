// RFC 9420 §5.1: suites are made of what they say, and providers' exceptions stay inside.
import { AES_256_GCM, CryptoError, MlsError, SHA384, SHA512 } from "@copse/core/provider";
import {
  composeProvider,
  composeSuite,
  defineProvider,
  guard,
  guardSync,
  isEd448PublicKey,
  isEd25519PublicKey,
  isScalar,
  kemOf,
  P256_SCALARS,
  P384_SCALARS,
  P521_SCALARS,
} from "@copse/provider-kit";
import { nodeProvider } from "@copse/provider-node";
import { webCryptoProvider } from "@copse/provider-webcrypto";
import { hex } from "@copse/test-support/bytes";
import { describe, expect, it } from "vitest";

const node = nodeProvider();
const usage = expect.objectContaining({ code: "usage" });

describe("composeSuite", () => {
  it("takes parts whose algorithms are the suite's, also if the object is another", () => {
    const parts = node.suite(1);
    const hash = { ...parts.hash, algorithm: { ...parts.hash.algorithm } };
    expect(composeSuite({ ...parts, hash }).suite).toBe(parts.suite);
  });

  // Trap: a stack ran AES-256 and SHA-512 under a suite whose name says AES-128 and SHA-256.
  it("refuses each part of another suite", () => {
    const [one, five] = [node.suite(1), node.suite(5)];
    for (const part of ["hash", "kdf", "aead", "hpke", "signature"] as const) {
      expect(() => composeSuite({ ...one, [part]: five[part] }), part).toThrow(usage);
    }
    // The same KEM, but HPKE made with another AEAD.
    expect(() => composeSuite({ ...one, hpke: node.suite(3).hpke })).toThrow(/AEAD of HPKE/);
  });

  it("refuses an algorithm of the right name and another size", () => {
    const one = node.suite(7);
    const hash = { ...one.hash, algorithm: { ...SHA384, Nh: 32 } };
    expect(() => composeSuite({ ...one, hash })).toThrow(usage);
  });
});

describe("composeProvider", () => {
  const [one, three, four] = [node.suite(1), node.suite(3), node.suite(4)];
  const data = new Uint8Array(5);

  it("makes a provider of parts of several", async () => {
    const web = (await webCryptoProvider()).suite(1);
    const provider = composeProvider({ ...one, name: "mixed", signature: web.signature, aead: web.aead });
    expect([provider.name, provider.suites]).toEqual(["mixed", [one.suite]]);
    const { signature, hpke } = provider.suite(1);
    const { publicKey, privateKey } = await signature.generateKeyPair();
    expect(await one.signature.verify(publicKey, data, await signature.sign(privateKey, data))).toBe(true);
    await expect(signature.exportPrivateKey(privateKey)).rejects.toMatchObject({
      code: "key-not-extractable",
    });
    expect(hpke).toBe(one.hpke);
    expect(composeProvider(one).name).toBe(one.suite.name);
  });

  it("makes a suite of one's own from a KEM and an AEAD of different suites", async () => {
    const suite = { ...one.suite, id: 0xf001, name: "OWN", hash: SHA512, aead: AES_256_GCM };
    const { hash, aead } = four;
    const parts = { suite, hash, aead, kem: kemOf(one.hpke), signature: one.signature, random: one.random };
    const { hpke, kdf } = composeProvider(parts).suite(0xf001);
    expect(kdf.algorithm).toBe(SHA512);
    const { publicKey, privateKey } = await hpke.generateKeyPair();
    const { kemOutput, ciphertext } = await hpke.seal(publicKey, data, data, data);
    expect(await hpke.open(privateKey, kemOutput, data, data, ciphertext)).toEqual(data);
    expect(() => one.hpke.open(privateKey, kemOutput, data, data, ciphertext)).toThrow(CryptoError);
    expect(() => composeProvider({ ...parts, hpke })).toThrow(/HPKE is given, so the KEM must not be/);
    expect(() => composeProvider({ ...parts, aead: one.aead })).toThrow(
      "OWN: AEAD: expected AES-256-GCM, got AES-128-GCM",
    );
    expect(() => composeProvider({ ...parts, kem: kemOf(four.hpke) })).toThrow(
      "OWN: KEM: expected DHKEM(X25519, HKDF-SHA256), got DHKEM(X448, HKDF-SHA512)",
    );
    for (const id of [0, -1, 0x10000, 1.5]) {
      expect(() => composeProvider({ ...parts, suite: { ...suite, id } }), `${id}`).toThrow(usage);
    }
  });

  it("says which part is missing, and in what an algorithm of the same name differs", () => {
    for (const [part, what] of [
      ["hash", "hash"],
      ["aead", "AEAD"],
      ["hpke", "KEM"],
      ["signature", "signature scheme"],
      ["random", "random source"],
    ] as const) {
      const parts = { ...one, [part]: undefined } as object as typeof one;
      expect(() => composeProvider(parts), part).toThrow(`missing part: ${what}`);
    }
    const aead = { ...one.aead, algorithm: { ...one.aead.algorithm, Nt: 12 } };
    expect(() => composeProvider({ ...one, aead })).toThrow("AEAD: AES-128-GCM differs in Nt");
  });

  it("refuses other algorithms behind a code point of RFC 9420's", () => {
    const suite = { ...one.suite, id: 3 };
    expect(() => composeProvider({ ...one, suite })).toThrow(
      `code point 3 is ${three.suite.name}, whose aead differs: expected ChaCha20Poly1305, got AES-128-GCM`,
    );
  });

  it("takes no HPKE apart that isn't the kit's", () => {
    const { kem: _, ...closed } = one.hpke as typeof one.hpke & { kem: unknown };
    expect(() => kemOf(closed)).toThrow(expect.objectContaining({ code: "unsupported" }));
  });
});

describe("defineProvider", () => {
  it("makes a suite once, when first asked for", () => {
    let made = 0;
    const lazy = {
      suite: node.suite(2).suite,
      make: () => {
        made++;
        return node.suite(2);
      },
    };
    const provider = defineProvider("test", [node.suite(1), lazy]);
    expect(provider.suites.map(({ id }) => id)).toEqual([1, 2]);
    expect(made).toBe(0);
    expect(provider.suite(2)).toBe(provider.suite(2));
    expect(made).toBe(1);
    expect(() => provider.suite(3)).toThrow(expect.objectContaining({ code: "unsupported" }));
  });

  it("refuses two suites of one code point", () => {
    expect(() => defineProvider("test", [node.suite(1), node.suite(1)])).toThrow(usage);
  });
});

describe("guard", () => {
  it("turns a provider's exceptions into CryptoErrors, and lets MlsErrors be", async () => {
    const cause = new TypeError("inner");
    const wrapped = expect.objectContaining({ code: "crypto", message: "outer", cause });
    const fail = (error: Error) => () => {
      throw error;
    };
    expect(() => guardSync("outer", fail(cause))).toThrow(wrapped);
    expect(() => guard("outer", fail(cause))).toThrow(wrapped);
    await expect(guard("outer", () => Promise.reject(cause))).rejects.toEqual(wrapped);
    expect(await guard("outer", () => Promise.resolve(1))).toBe(1);
    const kept = new MlsError("key-not-extractable", "kept");
    expect(() => guardSync("outer", fail(kept))).toThrow(kept);
    expect(new CryptoError("x")).toBeInstanceOf(MlsError);
  });
});

describe("isScalar", () => {
  for (const [name, range] of Object.entries({ P256_SCALARS, P384_SCALARS, P521_SCALARS })) {
    it(`takes 1 to order - 1 of ${name}`, () => {
      const { order } = range;
      const last = (change: number) => {
        const bytes = order.slice();
        bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) + change;
        return bytes;
      };
      const one = new Uint8Array(order.length);
      expect(isScalar(one, range)).toBe(false);
      one[order.length - 1] = 1;
      expect([one, last(-1), last(0), last(1)].map((s) => isScalar(s, range))).toEqual([
        true,
        true,
        false,
        false,
      ]);
      expect(isScalar(one.subarray(1), range)).toBe(false);
      expect(isScalar(new Uint8Array(order.length).fill(0xff), range)).toBe(false);
    });
  }
});

describe("public keys of EdDSA", () => {
  it("are those that signers make", async () => {
    for (let i = 0; i < 20; i++) {
      expect(isEd25519PublicKey((await node.suite(1).signature.generateKeyPair()).publicKey)).toBe(true);
      expect(isEd448PublicKey((await node.suite(4).signature.generateKeyPair()).publicKey)).toBe(true);
    }
  });

  it("have a canonical y, lie on the curve, and have no small order", () => {
    for (const bad of [
      // y = 1, p - 1, 0, and one of the order 8 with both signs of x
      `01${"00".repeat(31)}`,
      `ec${"ff".repeat(30)}7f`,
      "00".repeat(32),
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
      // y = 2 isn't on the curve; p + 3 would be y = 3, which is
      `02${"00".repeat(31)}`,
      `f0${"ff".repeat(30)}7f`,
    ]) {
      expect(isEd25519PublicKey(hex(bad)), bad).toBe(false);
    }
    expect(isEd25519PublicKey(hex(`03${"00".repeat(31)}`))).toBe(true);
    for (const bad of [
      `01${"00".repeat(56)}`,
      "00".repeat(57),
      `fe${"ff".repeat(27)}fe${"ff".repeat(27)}00`,
      `${"ff".repeat(28)}fe${"ff".repeat(27)}00`,
      // A bit of the last byte that isn't the sign of x
      `03${"00".repeat(55)}01`,
    ]) {
      expect(isEd448PublicKey(hex(bad)), bad).toBe(false);
    }
    expect([isEd25519PublicKey(new Uint8Array(0)), isEd448PublicKey(new Uint8Array(32))]).toEqual([
      false,
      false,
    ]);
  });
});
