// RFC 9180 §6.1: many encryptions at once are each its own, however many they are, and one bad key is found anywhere.
import type { CipherSuiteProvider, HpkeKeyPair, HpkeSealed, HpkeSealRequest } from "@copse/core/provider";
import { type SuiteChecks, skip } from "../../check.js";
import {
  ascii,
  concat,
  EMPTY,
  equal,
  filled,
  hasLength,
  holds,
  is,
  pattern,
  range,
  refuses,
  toHex,
} from "../../tools/assert.js";
import { costOf, type Effort } from "../../tools/cost.js";

const SIZES = {
  full: [...range(1, 10), 16, 17, 33, 65, 100, 101, 129, 257, 513, 1000],
  short: [1, 2, 3, 10, 33, 65],
};
const REFUSED_SIZES = { full: [1, 2, 3, 8, 33, 65, 101, 129, 257, 1000], short: [1, 3, 8, 33] };

/** How long one batch may take, in milliseconds: a slow provider is held to smaller ones. */
const BUDGET = { full: 700, short: 40 };

async function pairs({ hpke }: CipherSuiteProvider): Promise<HpkeKeyPair[]> {
  const list: HpkeKeyPair[] = [];
  for (let i = 0; i < 5; i++) list.push(await hpke.generateKeyPair());
  return list;
}

/** How long it takes to seal and to open, in milliseconds. */
const roundTrip = ({ hpke }: CipherSuiteProvider, { publicKey, privateKey }: HpkeKeyPair, effort: Effort) =>
  costOf(async () => {
    const { kemOutput, ciphertext } = await hpke.seal(publicKey, EMPTY, EMPTY, EMPTY);
    await hpke.open(privateKey, kemOutput, EMPTY, EMPTY, ciphertext);
  }, effort);

/** Requests of which neighbours differ in everything, and each in something. */
function requests(keys: readonly HpkeKeyPair[], size: number): HpkeSealRequest[] {
  return range(0, size - 1).map((i) => ({
    publicKey: (keys[i % keys.length] as HpkeKeyPair).publicKey,
    // Runs of the same info, as a path has them, and infos that begin alike.
    info: concat(pattern(70, 1), Uint8Array.of((i >> 3) & 0xff)),
    aad: pattern(i % 40, i),
    plaintext: concat(ascii(`${i}`), pattern(i % 50, i)),
  }));
}

export const hpkeBatchChecks: SuiteChecks = {
  "hpke: sealAll seals each of 1 to 1,000 as it should": async (suite, { effort }) => {
    const { hpke } = suite;
    const { sealAll } = hpke;
    if (sealAll === undefined) skip("there is no sealAll");
    const keys = await pairs(suite);
    const cost = await roundTrip(suite, keys[0] as HpkeKeyPair, effort);
    const always = { full: 17, short: 3 }[effort];
    for (const size of SIZES[effort].filter((n) => n <= always || n * cost < BUDGET[effort])) {
      const list = requests(keys, size);
      const sealed = await sealAll.call(hpke, list);
      is(sealed.length, size, `the number of answers to ${size} requests`);
      const outputs = new Set(sealed.map(({ kemOutput }) => toHex(kemOutput)));
      is(outputs.size, size, `the number of different KEM outputs of ${size}`);
      for (const [i, { info, aad, plaintext }] of list.entries()) {
        const { kemOutput, ciphertext } = sealed[i] as HpkeSealed;
        hasLength(ciphertext, plaintext.length + suite.suite.aead.Nt, `ciphertext ${i} of ${size}`);
        // All of the small ones are opened; of the large ones every seventh, and the last.
        if (size > 33 && i % 7 !== size % 7 && i < size - 2) continue;
        const { privateKey } = keys[i % keys.length] as HpkeKeyPair;
        const opened = await hpke.open(privateKey, kemOutput, info, aad, ciphertext);
        equal(opened, plaintext, `what is opened of answer ${i} of ${size}`);
      }
    }
  },

  "hpke: sealAll refuses a bad key at each place": async (suite, { effort }) => {
    const { hpke } = suite;
    if (hpke.sealAll === undefined) skip("there is no sealAll");
    const keys = await pairs(suite);
    const { Npk } = suite.suite.kem;
    const cost = await roundTrip(suite, keys[0] as HpkeKeyPair, effort);
    const always = { full: 8, short: 3 }[effort];
    const sizes = REFUSED_SIZES[effort].filter((n) => n <= always || n * cost < BUDGET[effort]);
    for (const size of sizes) {
      const places = size <= 8 ? range(0, size - 1) : [0, size - 1];
      for (const place of places) {
        const bad = place % 2 === 0 ? filled(Npk - 1, 1) : EMPTY;
        const list = requests(keys, size).map((one, i) => (i === place ? { ...one, publicKey: bad } : one));
        await refuses(`sealAll of ${size} with a bad key at ${place}`, () => hpke.sealAll?.(list));
      }
    }
  },

  "hpke: what was sealed or opened before changes nothing": async (suite) => {
    const { hpke } = suite;
    const keys = await pairs(suite);
    const [first, second] = [keys[0] as HpkeKeyPair, keys[1] as HpkeKeyPair];
    const [info, aad, plaintext] = [ascii("info"), ascii("aad"), ascii("plaintext")];
    const good = await hpke.seal(first.publicKey, info, aad, plaintext);
    const open = (key: HpkeKeyPair, sealed: HpkeSealed, i = info, a = aad) =>
      hpke.open(key.privateKey, sealed.kemOutput, i, a, sealed.ciphertext);
    const changed = { ...good, ciphertext: good.ciphertext.map((byte, i) => (i === 0 ? byte ^ 1 : byte)) };
    const others = await hpke.seal(second.publicKey, info, aad, plaintext);
    for (let round = 0; round < 3; round++) {
      equal(await open(first, good), plaintext, `what is opened in round ${round}`);
      await refuses("a changed ciphertext after the good one", () => open(first, changed));
      await refuses("another info after the right one", () => open(first, good, aad));
      await refuses("other additional data after the right ones", () => open(first, good, info, info));
      await refuses("another key after the right one", () => open(second, good));
      await refuses("another KEM output after the right one", () =>
        open(first, { ...good, kemOutput: others.kemOutput }),
      );
      equal(await open(second, others), plaintext, `what the other key opens in round ${round}`);
    }
    const outputs = new Set<string>();
    for (let i = 0; i < 20; i++)
      outputs.add(toHex((await hpke.seal(first.publicKey, info, aad, plaintext)).kemOutput));
    holds(outputs.size === 20, "the same message is sealed with the same ephemeral key again");
  },
};
