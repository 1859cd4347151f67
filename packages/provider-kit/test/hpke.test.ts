// RFC 9180: the kit's HPKE gives the RFC's own answers, at once or as promises, and leaves no secret behind.
import {
  type Awaitable,
  type CipherSuiteProvider,
  CryptoError,
  chain,
  DHKEM_P256,
  DHKEM_X25519,
  isPromise,
  type KdfPart,
} from "@copse/core/provider";
import { type DhPrimitives, dhkem, hkdf, hpke } from "@copse/provider-kit";
import { nodeProvider } from "@copse/provider-node";
import { hex, toHex } from "@copse/test-support/bytes";
import { describe, expect, it } from "vitest";
import { RFC_9180 } from "../../provider-conformance/src/known/rfc9180.js";
import { dhGroup } from "../../provider-node/src/asymmetric.js";

const node = nodeProvider();
const testContext = new TextEncoder().encode("TestContext");
const none = new Uint8Array(0);

/** The group with the key pair that is derived from `ikmE` as its only ephemeral one. */
function withEphemeral(suite: CipherSuiteProvider, ikmE: Uint8Array) {
  const group = dhGroup(suite.suite.kem);
  type Key = ReturnType<typeof group.generateKeyPair>;
  let ephemeral: Key | undefined;
  const fixed: typeof group = {
    ...group,
    // deriveKeyPair imports what it has derived: that is where the ephemeral key comes from.
    importPrivateKey: (bytes) =>
      chain(group.importPrivateKey(bytes), (pair) => {
        ephemeral ??= pair;
        return pair;
      }),
    generateKeyPair: () => ephemeral as Key,
    // It is used twice.
    destroyPrivateKey: () => undefined,
  };
  const kem = dhkem(fixed, suite.kdf);
  return chain(kem.deriveKeyPair(ikmE), () => hpke({ kem, kdf: suite.kdf, aead: suite.aead }));
}

describe("RFC 9180, appendix A", () => {
  for (const v of RFC_9180) {
    const suite = node.suite(v.suite);
    it(`${v.section}: derives the receiver's key pair, opens and exports`, async () => {
      const { publicKey, privateKey } = await suite.hpke.deriveKeyPair(hex(v.ikmR));
      expect(toHex(publicKey)).toBe(v.pkRm);
      expect(toHex(await suite.hpke.exportPrivateKey(privateKey))).toBe(v.skRm);
      const opened = await suite.hpke.open(privateKey, hex(v.enc), hex(v.info), hex(v.aad), hex(v.ct));
      expect(toHex(opened)).toBe(v.pt);
      expect(
        toHex(await suite.hpke.receiveExport(privateKey, hex(v.enc), hex(v.info), testContext, 32)),
      ).toBe(v.exported);
    });

    it(`${v.section}: seals and exports with the same ephemeral key`, async () => {
      const fixed = await withEphemeral(suite, hex(v.ikmE));
      const sealed = await fixed.seal(hex(v.pkRm), hex(v.info), hex(v.aad), hex(v.pt));
      expect([toHex(sealed.kemOutput), toHex(sealed.ciphertext)]).toEqual([v.enc, v.ct]);
      const sent = await fixed.sendExport(hex(v.pkRm), hex(v.info), testContext, 32);
      expect([toHex(sent.kemOutput), toHex(sent.secret)]).toEqual([v.enc, v.exported]);
    });
  }
});

/** The same parts, each answer a promise. */
function asynchronous(suite: CipherSuiteProvider) {
  const later =
    <A extends unknown[], T>(call: (...args: A) => Awaitable<T>) =>
    async (...args: A): Promise<T> => {
      await new Promise((resolve) => setImmediate(resolve));
      return call(...args);
    };
  const group = dhGroup(suite.suite.kem);
  const kdf = hkdf({ algorithm: suite.suite.hash, mac: later(suite.hash.mac) });
  const aead = { ...suite.aead, seal: later(suite.aead.seal), open: later(suite.aead.open) };
  const kem = dhkem(
    {
      ...group,
      generateKeyPair: later(group.generateKeyPair),
      importPrivateKey: later(group.importPrivateKey),
      dh: later(group.dh),
    },
    kdf,
  );
  return { kdf, hpke: hpke({ kem, kdf, aead }) };
}

describe("parts that answer later", () => {
  for (const id of [1, 5]) {
    it(`give the same answers: suite ${id}`, async () => {
      const suite = node.suite(id);
      const later = asynchronous(suite);
      const ikm = new Uint8Array(64).fill(5);
      const derived = later.hpke.deriveKeyPair(ikm);
      expect(isPromise(derived)).toBe(true);
      const { publicKey, privateKey } = await derived;
      expect(publicKey).toEqual((await suite.hpke.deriveKeyPair(ikm)).publicKey);
      const request = { publicKey, info: ikm, aad: none, plaintext: ikm };
      const [first, second] = (await later.hpke.sealAll?.([request, request])) ?? [];
      for (const sealed of [first, second, await suite.hpke.seal(publicKey, ikm, none, ikm)]) {
        const { kemOutput, ciphertext } = sealed!;
        expect(await later.hpke.open(privateKey, kemOutput, ikm, none, ciphertext)).toEqual(ikm);
      }
      await expect(
        later.hpke.open(privateKey, first!.kemOutput, none, none, first!.ciphertext),
      ).rejects.toBeInstanceOf(CryptoError);
      expect(await later.kdf.expand(ikm, none, 1000)).toEqual(await suite.kdf.expand(ikm, none, 1000));
    });
  }
});

describe("secrets", () => {
  /** A KDF and a group that remember all that they gave. */
  function remembering(suite: CipherSuiteProvider) {
    const given: Uint8Array[] = [];
    const keep = (bytes: Uint8Array): Uint8Array => {
      given.push(bytes);
      return bytes;
    };
    const group = dhGroup(suite.suite.kem);
    const kdf: KdfPart = {
      algorithm: suite.kdf.algorithm,
      extract: (salt, ikm) => chain(suite.kdf.extract(salt, ikm), keep),
      expand: (prk, info, length) => chain(suite.kdf.expand(prk, info, length), keep),
    };
    const destroyed: unknown[] = [];
    const kem = dhkem(
      {
        ...group,
        dh: (key, publicKey) => chain(group.dh(key, publicKey), keep),
        destroyPrivateKey: (key) => void destroyed.push(key),
      },
      kdf,
    );
    return { given, destroyed, hpke: hpke({ kem, kdf, aead: suite.aead }) };
  }
  const live = (given: Uint8Array[]) => given.filter((bytes) => bytes.some((byte) => byte !== 0));

  it("are wiped once they are used, whether it succeeds or fails", async () => {
    const { given, destroyed, hpke: parts } = remembering(node.suite(1));
    const { publicKey, privateKey } = await parts.deriveKeyPair(new Uint8Array(32));
    expect(live(given)).toEqual([]);
    const { kemOutput, ciphertext } = await parts.seal(publicKey, none, none, none);
    expect(destroyed).toHaveLength(1);
    await parts.open(privateKey, kemOutput, none, none, ciphertext);
    expect(() => parts.open(privateKey, kemOutput, none, none, ciphertext.fill(0))).toThrow(CryptoError);
    // What is left are the public hashes of the key schedule: psk_id_hash once, info_hash each time.
    expect(live(given)).toHaveLength(4);
    given.length = 0;
    const { secret } = await parts.sendExport(publicKey, none, none, 32);
    expect(live(given)).toHaveLength(2);
    expect(live(given)).toContain(secret);
  });

  it("hashes the info of many encryptions once", async () => {
    const { given, hpke: parts } = remembering(node.suite(1));
    const { publicKey } = await parts.generateKeyPair();
    const request = { publicKey, aad: none, plaintext: none };
    const infos = [1, 1, 1, 2].map((byte) => Uint8Array.of(byte));
    await parts.sealAll?.(infos.map((info) => ({ ...request, info })));
    expect(live(given)).toHaveLength(3);
  });
});

describe("DHKEM", () => {
  const { kdf } = node.suite(1);
  const pair = { publicKey: new Uint8Array(32), privateKey: null };
  const zero: DhPrimitives<null> = {
    algorithm: DHKEM_X25519,
    generateKeyPair: () => pair,
    importPrivateKey: () => pair,
    exportPrivateKey: () => none,
    validatePublicKey: () => undefined,
    dh: () => new Uint8Array(32),
  };

  it("refuses a shared secret of zero even if the provider does not", async () => {
    const kem = dhkem(zero, kdf);
    const { publicKey, privateKey } = await kem.generateKeyPair();
    expect(() => kem.encap(publicKey)).toThrow(CryptoError);
    expect(() => kem.decap(publicKey, privateKey)).toThrow(CryptoError);
  });

  it("tries the next candidate while one is out of range, and gives up after 256", async () => {
    const counters: number[] = [];
    const counting: KdfPart = {
      ...kdf,
      expand: (prk, info, length) => {
        counters.push(info[info.length - 1] as number);
        return kdf.expand(prk, info, length);
      },
    };
    const p256 = (firstByte: number) => {
      const order = new Uint8Array(32);
      order[0] = firstByte;
      order[31] = 1;
      const group = { ...zero, algorithm: DHKEM_P256, scalars: { order, bitmask: 0xff } };
      return dhkem(group, counting);
    };
    // One candidate of 16 is below this order.
    await p256(0x10).deriveKeyPair(none);
    expect(counters.length).toBeGreaterThan(1);
    expect(counters).toEqual(counters.map((_, i) => i));
    counters.length = 0;
    expect(() => p256(0).deriveKeyPair(none)).toThrow(CryptoError);
    expect(counters).toHaveLength(256);
  });

  it("keeps the handles of different groups apart", async () => {
    const [a, b] = [dhkem(zero, kdf), dhkem({ ...zero }, kdf)];
    const { privateKey } = await a.generateKeyPair();
    expect(() => b.decap(new Uint8Array(32), privateKey)).toThrow(/not a handle of this provider/);
  });
});

describe("a batch of a group that answers later", () => {
  const { kdf, aead } = node.suite(1);
  const group = dhGroup(DHKEM_X25519);
  const later: typeof group = {
    ...group,
    dh: async (privateKey, publicKey) => {
      await Promise.resolve();
      return group.dh(privateKey, publicKey);
    },
  };
  const part = hpke({ kem: dhkem(later, kdf), kdf, aead });

  it("leaves no rejection that nobody handles, if a later key has a wrong length", async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on("unhandledRejection", note);
    try {
      // The first is refused later, the second at once.
      const keys = [new Uint8Array(32), new Uint8Array(31)];
      const requests = keys.map((publicKey) => ({ publicKey, info: none, aad: none, plaintext: none }));
      await expect(part.sealAll?.(requests)).rejects.toMatchObject({ code: "crypto" });
      await new Promise((resolve) => setTimeout(resolve, 10));
      expect(unhandled).toEqual([]);
    } finally {
      process.off("unhandledRejection", note);
    }
  });
});
