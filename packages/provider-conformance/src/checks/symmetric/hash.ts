// RFC 9420 §5.1: checks of the hash function, its MAC and the KDF over it (FIPS 180-4, RFC 2104, RFC 5869).
import type { CipherSuiteProvider } from "@copse/core/provider";
import { type SuiteChecks, skip } from "../../check.js";
import { DIGESTS, KDFS, MACS } from "../../known/symmetric.js";
import { WORKING_GROUP } from "../../known/working-group.js";
import {
  ascii,
  concat,
  EMPTY,
  equal,
  filled,
  hasLength,
  hex,
  is,
  pattern,
  range,
  refuses,
} from "../../tools/assert.js";

/** How many a batch has: all few, around powers of two and round numbers, and a large group's. */
const BATCHES = {
  full: [
    ...range(1, 20),
    ...[31, 32, 33, 63, 64, 65, 99, 100, 101, 127, 128, 129, 255, 256, 257, 512, 513, 1000],
  ],
  short: [1, 2, 3, 4, 5, 9, 17, 33, 65, 129],
};

/** Data of many lengths; every third begins like others, and differs at its end. */
const varied = (i: number, size: number): Uint8Array =>
  i % 3 === 0 ? concat(pattern(130, 1), Uint8Array.of(i >> 8, i)) : pattern(i % 150, size + i);

export const hashChecks: SuiteChecks = {
  "hash: a digest has Nh bytes": async ({ hash, suite }) => {
    for (const size of [0, 1, 63, 64, 65, 200, 100_000]) {
      hasLength(await hash.hash(pattern(size)), suite.hash.Nh, `the digest of ${size} bytes`);
    }
  },

  "hash: known answers": async ({ hash, suite }) => {
    const known = DIGESTS[suite.hash.name] ?? skip(`there are none for ${suite.hash.name}`);
    for (const { data, out } of known) equal(await hash.hash(hex(data)), out, `the digest of ${data}`);
  },

  "hash: hashAll agrees with hash": async ({ hash }, { effort }) => {
    if (hash.hashAll === undefined) skip("there is no hashAll");
    for (const size of BATCHES[effort]) {
      const inputs = range(1, size).map((i) => varied(i, size));
      const digests = await hash.hashAll(inputs);
      is(digests.length, size, `the number of digests of ${size} inputs`);
      for (const [i, input] of inputs.entries()) {
        equal(digests[i] as Uint8Array, await hash.hash(input), `digest ${i} of ${size} of hashAll`);
      }
    }
    const inputs = [ascii("a"), EMPTY, pattern(1000), ascii("a"), pattern(64), ...many(40)];
    const digests = await hash.hashAll(inputs);
    is(digests.length, inputs.length, "the number of digests");
    for (const [i, input] of inputs.entries()) {
      equal(digests[i] as Uint8Array, await hash.hash(input), `digest ${i} of hashAll`);
    }
    is((await hash.hashAll([])).length, 0, "the number of digests of no inputs");
  },

  "mac: a MAC has Nh bytes": async ({ hash, suite }) => {
    for (const size of [0, 1, 64, 300]) {
      hasLength(await hash.mac(pattern(size), pattern(size)), suite.hash.Nh, `a MAC with ${size} bytes`);
    }
  },

  "mac: known answers": async ({ hash, suite }) => {
    const known = MACS[suite.hash.name] ?? skip(`there are none for ${suite.hash.name}`);
    for (const { key, data, out } of known) {
      equal(await hash.mac(hex(key), hex(data)), out, `the MAC of ${data}`);
    }
  },

  "mac: takes an empty key, and any other length": async ({ hash, suite }) => {
    const data = ascii("data");
    // HMAC fills a key up with zeros to a block, which has at least Nh bytes, and hashes longer ones.
    const none = await hash.mac(EMPTY, data);
    for (const size of [1, suite.hash.Nh, 64]) {
      equal(await hash.mac(new Uint8Array(size), data), none, `the MAC with a key of ${size} zeros`);
    }
    for (const size of [129, 500]) {
      const key = pattern(size);
      equal(
        await hash.mac(key, data),
        await hash.mac(await hash.hash(key), data),
        `the MAC with a key of ${size} bytes, beside that with its digest`,
      );
    }
    hasLength(await hash.mac(EMPTY, EMPTY), suite.hash.Nh, "the MAC of nothing with an empty key");
  },
};

export const kdfChecks: SuiteChecks = {
  "kdf: known answers": async ({ kdf, suite }) => {
    const known = KDFS[suite.hash.name] ?? skip(`there are none for ${suite.hash.name}`);
    for (const { ikm, salt, info, prk, okm } of known) {
      equal(await kdf.extract(hex(salt), hex(ikm)), prk, `what is extracted from ${ikm}`);
      equal(await kdf.expand(hex(prk), hex(info), okm.length / 2), okm, `what is expanded from ${prk}`);
    }
  },

  "kdf: known answers of the MLS working group": async ({ kdf, suite }) => {
    const known = WORKING_GROUP.find((vector) => vector.suite === suite.id);
    if (known === undefined) skip("there are none for this suite");
    const { prk, info, okm } = known.expand;
    equal(await kdf.expand(hex(prk), hex(info), okm.length / 2), okm, "what ExpandWithLabel gives");
  },

  "kdf: extract is HMAC with the salt as its key": async ({ kdf, hash, suite }) => {
    const { Nh } = suite.hash;
    for (const [salt, ikm] of [
      [pattern(Nh, 1), pattern(Nh, 2)],
      [pattern(13, 3), pattern(22, 4)],
      [pattern(200, 5), EMPTY],
    ] as const) {
      const what = `extract with ${salt.length} bytes of salt and ${ikm.length} of input`;
      equal(await kdf.extract(salt, ikm), await hash.mac(salt, ikm), what);
    }
  },

  "kdf: an empty salt is Nh zero bytes": async ({ kdf, suite }) => {
    const zeros = await kdf.extract(new Uint8Array(suite.hash.Nh), ascii("ikm"));
    equal(await kdf.extract(EMPTY, ascii("ikm")), zeros, "extract without a salt");
    hasLength(await kdf.extract(EMPTY, EMPTY), suite.hash.Nh, "extract of nothing");
  },

  "kdf: expand is RFC 5869's, from no byte to 255 blocks": async ({ kdf, hash, suite }) => {
    const { Nh } = suite.hash;
    const [prk, info] = [pattern(Nh, 7), ascii("info")];
    const longest = await expandByMac(hash, prk, info, 255);
    for (const length of [0, 1, Nh - 1, Nh, Nh + 1, 2 * Nh, 3 * Nh + 7, 254 * Nh + 1, 255 * Nh]) {
      equal(await kdf.expand(prk, info, length), longest.slice(0, length), `expand to ${length} bytes`);
    }
    const bare = await expandByMac(hash, prk, EMPTY, 2);
    equal(await kdf.expand(prk, EMPTY, 2 * Nh), bare, "expand without info");
  },

  "kdf: expandAll agrees with expand": async ({ kdf, suite }, { effort }) => {
    if (kdf.expandAll === undefined) skip("there is no expandAll");
    const { Nh } = suite.hash;
    for (const size of BATCHES[effort]) {
      const prk = pattern(Nh, size);
      const requests = range(1, size).map((i) => ({
        info: varied(i, size),
        length: i % (2 * Nh),
      }));
      const outputs = await kdf.expandAll(prk, requests);
      is(outputs.length, size, `the number of outputs for ${size} requests`);
      for (const [i, { info, length }] of requests.entries()) {
        const what = `output ${i} of ${size} of expandAll`;
        equal(outputs[i] as Uint8Array, await kdf.expand(prk, info, length), what);
      }
    }
    const lengths = [Nh, 12, 16, 0, 1, Nh];
    for (const prk of [pattern(Nh, 9), EMPTY, pattern(200, 3)]) {
      for (const more of [[], [3 * Nh + 1]]) {
        const requests = [...lengths, ...more].map((length, i) => ({ info: pattern(50 * i, i), length }));
        const outputs = await kdf.expandAll(prk, requests);
        is(outputs.length, requests.length, "the number of outputs");
        for (const [i, { info, length }] of requests.entries()) {
          equal(outputs[i] as Uint8Array, await kdf.expand(prk, info, length), `output ${i} of expandAll`);
        }
      }
    }
    is((await kdf.expandAll(pattern(Nh), [])).length, 0, "the number of outputs for no requests");
  },

  "kdf: expand refuses more than 255 blocks, and what is no length": async ({ kdf, suite }) => {
    const { Nh } = suite.hash;
    for (const length of [255 * Nh + 1, 256 * Nh, 2 ** 20, -1, 1.5, Number.NaN]) {
      const prk = filled(Nh, 1);
      await refuses(`expand to ${length} bytes`, () => kdf.expand(prk, EMPTY, length));
      if (kdf.expandAll === undefined) continue;
      const requests = [
        { info: EMPTY, length: Nh },
        { info: EMPTY, length },
      ];
      await refuses(`expandAll to ${length} bytes`, () => kdf.expandAll!(prk, requests));
    }
  },
};

/** RFC 5869 §2.3, by the provider's own HMAC. */
async function expandByMac(
  hash: CipherSuiteProvider["hash"],
  prk: Uint8Array,
  info: Uint8Array,
  blocks: number,
): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  let last: Uint8Array = EMPTY;
  for (let i = 1; i <= blocks; i++) {
    last = await hash.mac(prk, concat(last, info, Uint8Array.of(i)));
    all.push(last);
  }
  return concat(...all);
}

const many = (count: number): Uint8Array[] => Array.from({ length: count }, (_, i) => pattern(i * 3, i + 1));
