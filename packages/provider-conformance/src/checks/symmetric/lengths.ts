// FIPS 180-4, RFC 2104, RFC 5869, RFC 5116: answers at every length, so that no block, buffer or page makes a difference.
import type { CipherSuiteProvider } from "@copse/core/provider";
import { type SuiteChecks, skip } from "../../check.js";
import { AEAD_SUMS, DIGEST_SUMS } from "../../known/lengths.js";
import {
  checksum,
  concat,
  EMPTY,
  equal,
  filled,
  flipped,
  is,
  pattern,
  range,
  refuses,
} from "../../tools/assert.js";
import type { Effort } from "../../tools/cost.js";
import { aeadInputs, digestsAt, LARGE, LENGTH_GROUPS, sealedAt } from "../../tools/lengths.js";

const SMALL = range(0, 303);
const TO_64K = {
  full: [...SMALL, ...LARGE.filter((length) => length < 70_000)],
  short: [...range(0, 66), 127, 128, 129, 255, 256, 257, 1025, 4097, 65_537],
};

/** The longest that is held to a known checksum, in bytes. */
const LONGEST = { full: Number.POSITIVE_INFINITY, short: 8192 };

/** Holds the answers at each group of lengths to the known checksum. */
async function held(
  effort: Effort,
  known: readonly string[],
  answers: (length: number) => Promise<Uint8Array[]>,
  what: string,
): Promise<void> {
  for (const [i, group] of LENGTH_GROUPS.entries()) {
    if ((group.at(-1) as number) > LONGEST[effort]) continue;
    const parts: Uint8Array[] = [];
    for (const length of group) parts.push(...(await answers(length)));
    is(checksum(parts), known[i], `the checksum of ${what} of ${group[0]} to ${group.at(-1)} bytes`);
  }
}

/** RFC 2104, by the provider's own hash. */
async function hmac(
  { hash, suite }: CipherSuiteProvider,
  key: Uint8Array,
  data: Uint8Array,
): Promise<Uint8Array> {
  const block = filled(suite.hash.Nh > 32 ? 128 : 64, 0);
  block.set(key.length > block.length ? await hash.hash(key) : key);
  const inner = await hash.hash(
    concat(
      block.map((byte) => byte ^ 0x36),
      data,
    ),
  );
  return hash.hash(
    concat(
      block.map((byte) => byte ^ 0x5c),
      inner,
    ),
  );
}

export const lengthChecks: SuiteChecks = {
  "hash: known answers at every length to 303, and at large ones": async ({ hash, suite }, { effort }) => {
    const known = DIGEST_SUMS[suite.hash.name] ?? skip(`there are none for ${suite.hash.name}`);
    await held(effort, known, (length) => digestsAt(hash, length), "digests");
  },

  "mac: is HMAC for keys and data of every length": async (suite, { effort }) => {
    const { hash } = suite;
    if (!(suite.suite.hash.name in DIGEST_SUMS)) skip(`the block of ${suite.suite.hash.name} isn't known`);
    for (const length of TO_64K[effort]) {
      for (const [k, d] of [
        [length, 20],
        [32, length],
      ] as const) {
        const [key, data] = [pattern(k, k + 1), pattern(d, d + 2)];
        equal(await hash.mac(key, data), await hmac(suite, key, data), `the MAC of ${d} with ${k} bytes`);
      }
    }
  },

  "kdf: salts, inputs and infos of every length count": async ({ kdf, hash, suite }, { effort }) => {
    const { Nh } = suite.hash;
    for (const length of TO_64K[effort]) {
      const bytes = pattern(length, length + 1);
      for (const [salt, ikm] of [
        [bytes, pattern(Nh)],
        [pattern(Nh), bytes],
      ] as const) {
        const what = `extract with ${salt.length} bytes of salt and ${ikm.length} of input`;
        equal(await kdf.extract(salt, ikm), await hash.mac(salt, ikm), what);
      }
      const prk = pattern(Nh, 3);
      const first = await hash.mac(prk, concat(bytes, Uint8Array.of(1)));
      const second = await hash.mac(prk, concat(first, bytes, Uint8Array.of(2)));
      const wanted = concat(first, second);
      equal(await kdf.expand(prk, bytes, 2 * Nh), wanted, `expand with ${length} bytes of info`);
      if (length > 303) continue;
      const one = await hash.mac(bytes, Uint8Array.of(1));
      equal(await kdf.expand(bytes, EMPTY, Nh), one, `expand of a key of ${length} bytes`);
    }
  },

  "kdf: expands to every length": async ({ kdf, hash, suite }) => {
    const [prk, info] = [pattern(suite.hash.Nh, 5), pattern(10, 6)];
    const blocks: Uint8Array[] = [];
    for (let i = 1; i <= 16; i++) {
      blocks.push(await hash.mac(prk, concat(blocks.at(-1) ?? EMPTY, info, Uint8Array.of(i))));
    }
    const all = concat(...blocks);
    for (const length of SMALL) {
      equal(await kdf.expand(prk, info, length), all.slice(0, length), `expand to ${length} bytes`);
    }
  },

  "aead: known answers at every length to 303, and at large ones": async ({ aead, suite }, { effort }) => {
    const known = AEAD_SUMS[suite.aead.name] ?? skip(`there are none for ${suite.aead.name}`);
    await held(effort, known, (length) => sealedAt(aead, length), "ciphertexts");
  },

  "aead: opens at every length, and no other additional data": async ({ aead }, { effort }) => {
    for (const length of TO_64K[effort]) {
      for (const [key, nonce, aad, plaintext] of aeadInputs(aead, length)) {
        const sealed = await aead.seal(key, nonce, aad, plaintext);
        const what = `${plaintext.length} bytes with ${aad.length} beside them`;
        equal(await aead.open(key, nonce, aad, sealed), plaintext, `what comes out of ${what}`);
        if (aad.length === 0) continue;
        const other = flipped(aad, 8 * aad.length - 1);
        await refuses(`${what}, the last one changed`, () => aead.open(key, nonce, other, sealed));
      }
    }
  },
};
