// NIST SP 800-38D, RFC 5869: the storage ciphers of all providers: known answers, and each reads what the others sealed.
import { createSecretKey } from "node:crypto";
import { equalBytes } from "@copse/core";
import type { StorageCipher } from "@copse/core/provider";
import { memoryStorage, sealedStorage } from "@copse/core/storage";
import { nobleStorageCipher } from "@copse/provider-noble/storage";
import { nodeStorageCipher } from "@copse/provider-node/storage";
import { newStorageKey, webCryptoStorageCipher } from "@copse/provider-webcrypto/storage";
import { flipped, hex, text } from "@copse/test-support/bytes";
import { code, failure } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";

const ascii = (value: string) => new TextEncoder().encode(value);
const count = (length: number, first = 0) => Uint8Array.from({ length }, (_, i) => first + i);
const MASTER = count(32);

/** One master key, given in each way. */
const CIPHERS: readonly (readonly [
  string,
  (master: Uint8Array) => StorageCipher | Promise<StorageCipher>,
])[] = [
  ["node", (master) => nodeStorageCipher(master)],
  ["node, with a KeyObject", (master) => nodeStorageCipher(createSecretKey(master))],
  ["noble", (master) => nobleStorageCipher(master)],
  ["webcrypto", (master) => webCryptoStorageCipher(master)],
  [
    "webcrypto, with a CryptoKey",
    async (master) => {
      const key = await crypto.subtle.importKey("raw", new Uint8Array(master), "HKDF", false, ["deriveKey"]);
      return webCryptoStorageCipher(key);
    },
  ],
];

/** Of Python's `cryptography` 48: HKDF and AESGCM. `sealed` is the nonce, the ciphertext and the tag. */

const KNOWN = [
  {
    master: MASTER,
    salt: count(8, 0xa0),
    info: "Copse storage 1 client/",
    associatedData: ascii("client/signer"),
    plaintext: ascii("what is sealed"),
    sealed: "b0b1b2b3b4b5b6b7b8b9babbfa7829dd0991cd564d62acca669359e436f2817be4212a593bbe964aed09",
  },
  {
    master: MASTER,
    salt: count(8, 0xa0),
    info: "Copse storage 1 group/0123456789abcdef/",
    associatedData: Uint8Array.of(...ascii("group/0123456789abcdef/version\0"), ...count(32)),
    plaintext: new Uint8Array(),
    sealed: "b0b1b2b3b4b5b6b7b8b9babb52d3cf7bdd1aee3cf936d4fe6b8cc526",
  },
  {
    master: new Uint8Array(32).fill(0xff),
    salt: new Uint8Array(8),
    info: "Copse storage 1 ",
    associatedData: ascii("a"),
    plaintext: new Uint8Array(40),
    sealed:
      "00000000000000000000000055982d04bd4647eb03718dde13bd153bc84d0bb264aab4ac9f84e417d7edf3820c77dbbea175032bcaac552d32608336425f2e7fe44da5a8",
  },
];

describe.each(CIPHERS)("%s", (_, make) => {
  it.each(KNOWN)("opens and seals for $info as others do", async (known) => {
    const key = await (await make(known.master)).deriveKey(known.salt, ascii(known.info));
    const sealed = hex(known.sealed);
    const [nonce, ciphertext] = [sealed.slice(0, 12), sealed.slice(12)];
    expect(await key.open(nonce, ciphertext, known.associatedData)).toEqual(known.plaintext);
    expect(await key.seal(nonce, known.plaintext, known.associatedData)).toEqual(ciphertext);
  });

  it("opens nothing that was changed, by a bit or in its length", async () => {
    const { master, salt, info, associatedData, sealed } = KNOWN[0] as (typeof KNOWN)[number];
    const key = await (await make(master)).deriveKey(salt, ascii(info));
    const open = (bytes: Uint8Array, place = associatedData) =>
      key.open(bytes.slice(0, 12), bytes.slice(12), place);
    const bytes = hex(sealed);
    for (let bit = 0; bit < 8 * bytes.length; bit++)
      expect(await open(flipped(bytes, bit >> 3, bit & 7)), `bit ${bit}`).toBeUndefined();
    for (let length = 12; length < bytes.length; length++)
      expect(await open(bytes.slice(0, length)), `${length} bytes`).toBeUndefined();
    expect(await open(Uint8Array.of(...bytes, 0))).toBeUndefined();
    expect(await open(bytes, associatedData.slice(1))).toBeUndefined();
  });

  it("opens what it sealed, of any length", async () => {
    const key = await (await make(MASTER)).deriveKey(count(8), ascii("info"));
    for (const size of [0, 1, 15, 16, 17, 100, 70_000]) {
      const [nonce, plaintext] = [count(12, size), count(size)];
      const ciphertext = await key.seal(nonce, plaintext, plaintext);
      expect(ciphertext.length).toBe(size + 16);
      const opened = (await key.open(nonce, ciphertext, plaintext)) as Uint8Array;
      expect(equalBytes(opened, plaintext)).toBe(true);
    }
  });

  it("isn't changed by what becomes of the bytes of its master key", async () => {
    const { master, salt, info, associatedData, plaintext, sealed } = KNOWN[0] as (typeof KNOWN)[number];
    const given = master.slice();
    const cipher = await make(given);
    given.fill(0);
    const key = await cipher.deriveKey(salt, ascii(info));
    const bytes = hex(sealed);
    expect(await key.open(bytes.slice(0, 12), bytes.slice(12), associatedData)).toEqual(plaintext);
  });

  it("has other keys for another master key, salt or info", async () => {
    const [nonce, place] = [count(12), ascii("place")];
    const key = await (await make(MASTER)).deriveKey(count(8), ascii("one"));
    const ciphertext = await key.seal(nonce, MASTER, place);
    for (const [master, salt, info] of [
      [count(32, 1), count(8), "one"],
      [MASTER, count(8, 1), "one"],
      [MASTER, count(8), "two"],
    ] as const) {
      const other = await (await make(master)).deriveKey(salt, ascii(info));
      expect(await other.open(nonce, ciphertext, place)).toBeUndefined();
    }
  });
});

it.each(CIPHERS.flatMap(([a, from]) => CIPHERS.map(([b, to]) => [a, b, from, to] as const)))(
  "what %s sealed in a storage, %s reads and goes on with",
  async (_, __, from, to) => {
    const inner = memoryStorage();
    const one = sealedStorage(inner, await from(MASTER));
    const steps = [{ key: "client/version", from: undefined, to: ascii("v1") }];
    expect(await one.write([{ key: "client/signer", value: ascii("hello") }], steps)).toBe(true);
    const two = sealedStorage(inner, await to(MASTER));
    expect((await two.list("client/")).map(({ value }) => text(value))).toEqual(["hello", "v1"]);
    const next = [{ key: "client/version", from: ascii("v1"), to: ascii("v2") }];
    expect(await two.write([{ key: "client/other", value: ascii("more") }], next)).toBe(true);
    expect((await one.list("client/")).map(({ value }) => text(value))).toEqual(["more", "hello", "v2"]);
  },
);

describe("a master key that is none is refused by", () => {
  const usage = code("usage");
  const wrong: readonly unknown[] = [
    new Uint8Array(31),
    new Uint8Array(33),
    new Uint8Array(),
    "key",
    null,
    {},
  ];
  it("node", () => {
    for (const key of [...wrong, createSecretKey(new Uint8Array(16))])
      expect(() => nodeStorageCipher(key as Uint8Array)).toThrow(usage);
  });
  it("noble", () => {
    for (const key of wrong) expect(() => nobleStorageCipher(key as Uint8Array)).toThrow(usage);
  });
  it("webcrypto", async () => {
    const aes = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt"]);
    const bits = await crypto.subtle.importKey("raw", MASTER, "HKDF", false, ["deriveBits"]);
    for (const key of [...wrong, aes, bits])
      expect(await failure(webCryptoStorageCipher(key as Uint8Array))).toEqual(usage);
  });
});

it("options that a cipher doesn't know are refused", async () => {
  expect(() => nobleStorageCipher(MASTER, { randomness: 1 } as object)).toThrow(code("usage"));
  expect(await failure(webCryptoStorageCipher(MASTER, { platform: crypto } as object))).toEqual(
    code("usage"),
  );
  expect(await failure(newStorageKey({ extractable: true } as object))).toEqual(code("usage"));
});

it("noble takes the application's random source, and checks what it gives", () => {
  const fixed = nobleStorageCipher(MASTER, { random: (length) => new Uint8Array(length).fill(7) });
  expect(fixed.random(3)).toEqual(Uint8Array.of(7, 7, 7));
  const short = nobleStorageCipher(MASTER, { random: () => new Uint8Array(2) });
  expect(() => short.random(3)).toThrow(code("crypto"));
});

it("a key of newStorageKey can't be extracted, and is another each time", async () => {
  const [one, two] = [await newStorageKey(), await newStorageKey()];
  expect(one).toMatchObject({ extractable: false, type: "secret", usages: ["deriveKey"] });
  const inner = memoryStorage();
  await sealedStorage(inner, await webCryptoStorageCipher(one)).write(
    [{ key: "client/a", value: MASTER }],
    [],
  );
  const again = sealedStorage(inner, await webCryptoStorageCipher(structuredClone(one)));
  expect(await again.get("client/a")).toEqual(MASTER);
  const other = sealedStorage(inner, await webCryptoStorageCipher(two));
  expect(await failure(Promise.resolve(other.get("client/a")))).toEqual(code("state"));
});
