// The provider in pure JavaScript never uses WebCrypto on the way.
import { randomFillSync, webcrypto } from "node:crypto";
import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";
import type { CryptoProvider } from "@copse/core/provider";
import { type NobleOptions, nobleProvider } from "@copse/provider-noble";
import { build } from "esbuild";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { NoblePqOptions } from "../src/pq.js";

const packages = fileURLToPath(new URL("../../", import.meta.url));

/** The package's entry points as an application would ship them. */
let bundle: string;
let pqBundle: string;
beforeAll(async () => {
  [bundle, pqBundle] = await Promise.all([bundleOf("index"), bundleOf("pq")]);
});

async function bundleOf(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [`${packages}provider-noble/src/${entry}.ts`],
    bundle: true,
    write: false,
    format: "iife",
    globalName: "noble",
    platform: "neutral",
    mainFields: ["module", "main"],
    alias: {
      "@copse/core/provider": `${packages}core/src/provider/index.ts`,
      "@copse/provider-kit": `${packages}provider-kit/src/index.ts`,
    },
  });
  return outputFiles[0]?.text ?? "";
}

type Make = (options?: NobleOptions) => CryptoProvider;

/** `nobleProvider` in a world that has the given globals and those of ECMAScript, and no others. */
function inWorldOf(globals: object): Make {
  return runInContext(`${bundle}; noble.nobleProvider`, createContext({ ...globals })) as Make;
}

/** A provider of post-quantum suites, likewise. */
function pqInWorldOf(globals: object, options: NobleOptions): CryptoProvider {
  const make = runInContext(`${pqBundle}; noble.noblePqProvider`, createContext({ ...globals })) as (
    options: NoblePqOptions,
  ) => CryptoProvider;
  const codePoints = {
    MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519: 0xf001,
    MLS_192_MLKEM1024P384_AES256GCM_SHA384_P384: 0xf002,
    MLS_128_MLKEM768X25519_CHACHA20POLY1305_SHA384_MLDSA44: 0xf003,
  };
  return make({ ...options, codePoints });
}

const random = (length: number): Uint8Array => randomFillSync(new Uint8Array(length));

/** Every kind of operation of every suite. */
async function exercise(provider: CryptoProvider): Promise<void> {
  const data = Uint8Array.of(1, 2, 3);
  expect(provider.suites.length).toBeGreaterThanOrEqual(7);
  for (const { id } of provider.suites) {
    const { hash, kdf, aead, hpke, signature, suite, ...rest } = provider.suite(id);
    expect(rest.random(100_000)).toHaveLength(100_000);
    const prk = await kdf.extract(await hash.mac(data, data), await hash.hash(data));
    const key = await kdf.expand(prk, data, suite.aead.Nk);
    const nonce = await kdf.expand(prk, data, suite.aead.Nn);
    expect([...(await aead.open(key, nonce, data, await aead.seal(key, nonce, data, data)))]).toEqual([
      1, 2, 3,
    ]);
    for (const pair of [await hpke.generateKeyPair(), await hpke.deriveKeyPair(prk)]) {
      await hpke.validatePublicKey(pair.publicKey);
      const { kemOutput, ciphertext } = await hpke.seal(pair.publicKey, data, data, data);
      expect([...(await hpke.open(pair.privateKey, kemOutput, data, data, ciphertext))]).toEqual([1, 2, 3]);
      const sent = await hpke.sendExport(pair.publicKey, data, data, 8);
      expect(await hpke.receiveExport(pair.privateKey, sent.kemOutput, data, data, 8)).toEqual(sent.secret);
    }
    const { publicKey, privateKey } = await signature.generateKeyPair();
    await signature.validatePublicKey(publicKey);
    const again = await signature.importPrivateKey(await signature.exportPrivateKey(privateKey));
    const signed = await signature.sign(again.privateKey, data);
    expect(await signature.verify(publicKey, data, signed)).toBe(true);
    expect(await signature.verify(publicKey, key, signed)).toBe(false);
  }
}

const trapped = {
  getRandomValues: <T extends Uint8Array>(array: T): T => webcrypto.getRandomValues(array),
  get subtle(): never {
    throw new Error("crypto.subtle was asked for");
  },
};

describe("where there is no WebCrypto", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it("runs with the application's random source, and nothing of the platform but TextEncoder", async () => {
    await exercise(inWorldOf({ TextEncoder })({ random }));
    await exercise(pqInWorldOf({ TextEncoder }, { random }));
    await exercise(inWorldOf({})({ random }));
  });

  it("refuses to start without any random source", () => {
    for (const globals of [{ TextEncoder }, { TextEncoder, crypto: {} }, { TextEncoder, crypto: null }]) {
      expect(() => inWorldOf(globals)()).toThrow(
        expect.objectContaining({
          code: "unsupported",
          message: expect.stringContaining("random") as string,
        }),
      );
    }
    vi.stubGlobal("crypto", undefined);
    expect(() => nobleProvider()).toThrow(expect.objectContaining({ code: "unsupported" }));
  });

  it("takes random bytes from getRandomValues, and never looks at crypto.subtle", async () => {
    await exercise(inWorldOf({ TextEncoder, crypto: trapped })());
    await exercise(pqInWorldOf({ TextEncoder, crypto: trapped }, {}));
    vi.stubGlobal("crypto", trapped);
    expect(() => globalThis.crypto.subtle).toThrow("asked for");
    await exercise(nobleProvider());
  });

  it("never names it either", () => {
    expect(bundle + pqBundle).not.toContain(".subtle");
  });

  it("holds nothing of the post-quantum suites", () => {
    expect(pqBundle).toMatch(/ml-dsa/);
    expect(bundle).not.toMatch(/ML-KEM|ml-dsa/i);
  });

  it("takes a random source before the platform's, and checks what it gives", () => {
    const sevens = nobleProvider({ random: (length) => new Uint8Array(length).fill(7) });
    expect(sevens.suite(1).random(3)).toEqual(Uint8Array.of(7, 7, 7));
    const pool = new Uint8Array(64).fill(1);
    const pooled = nobleProvider({ random: (length) => pool.subarray(0, length) }).suite(1);
    const taken = pooled.random(32);
    pool.fill(2);
    expect(taken).toEqual(new Uint8Array(32).fill(1));
    for (const bad of [() => new Uint8Array(1), () => "bytes" as never, () => undefined as never]) {
      const { hpke, signature, random: take } = nobleProvider({ random: bad }).suite(1);
      for (const call of [() => take(32), () => hpke.generateKeyPair(), () => signature.generateKeyPair()]) {
        expect(call).toThrow(expect.objectContaining({ code: "crypto" }));
      }
    }
  });
});
