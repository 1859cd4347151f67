// RFC 9180 §5: every byte of info, additional data, exporter context and plaintext counts, at every length.
import type { CipherSuiteProvider, HpkeKeyPair } from "@copse/core/provider";
import type { SuiteChecks } from "../../check.js";
import { differs, EMPTY, equal, flipped, pattern, refuses } from "../../tools/assert.js";
import { keySchedule } from "../../tools/key-schedule.js";
import { knownPoints, knowsSchedule, receiverOf } from "./zeros.js";

/** Around internal blocks and buffers. Each takes several operations with keys. */
const SIZES = {
  full: [
    1, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 79, 80, 81, 95, 96, 97, 100, 111, 112, 113, 127, 128,
    129, 191, 192, 193, 200, 255, 256, 257, 300, 511, 512, 513, 1000, 1023, 1024, 1025, 2048, 4096, 4097,
    8193, 16_385, 65_535, 65_536, 65_537, 100_001,
  ],
  short: [1, 16, 33, 65, 129, 1024, 100_001],
};

/** What is cut off at some length is missed at each above it; so here a few will do. */
const FEW = {
  full: [1, 17, 33, 65, 101, 129, 257, 1025, 4097, 65_537, 100_001],
  short: [1, 65, 4097, 100_001],
};

/** As much of an exporter context as every provider takes: MLS has short ones, and hpke-js refuses more. */
const LONGEST_CONTEXT = 8192;

/** The last byte changed. */
const other = (bytes: Uint8Array): Uint8Array => flipped(bytes, 8 * bytes.length - 1);

/** A receiver, and whether a key schedule is known by which to check it from outside. */
async function receiver(suite: CipherSuiteProvider): Promise<HpkeKeyPair> {
  const [known] = knownPoints(suite.suite.kem);
  return known === undefined ? suite.hpke.generateKeyPair() : receiverOf(suite, known);
}

export const hpkeLengthChecks: SuiteChecks = {
  "hpke: info of every length counts": async (suite, { effort }) => {
    const { hpke } = suite;
    const { publicKey, privateKey } = await receiver(suite);
    for (const size of FEW[effort]) {
      const info = pattern(size, size);
      const { kemOutput, ciphertext } = await hpke.seal(publicKey, info, EMPTY, pattern(9));
      const opened = await hpke.open(privateKey, kemOutput, info, EMPTY, ciphertext);
      equal(opened, pattern(9), `what is opened with ${size} bytes of info`);
      await refuses(`open with the last of ${size} bytes of info changed`, () =>
        hpke.open(privateKey, kemOutput, other(info), EMPTY, ciphertext),
      );
    }
  },

  "hpke: additional data of every length counts": async (suite, { effort }) => {
    const { hpke } = suite;
    const { publicKey, privateKey } = await receiver(suite);
    for (const size of FEW[effort]) {
      const aad = pattern(size, size);
      const { kemOutput, ciphertext } = await hpke.seal(publicKey, EMPTY, aad, pattern(9));
      const opened = await hpke.open(privateKey, kemOutput, EMPTY, aad, ciphertext);
      equal(opened, pattern(9), `what is opened with ${size} bytes of additional data`);
      await refuses(`open with the last of ${size} bytes of additional data changed`, () =>
        hpke.open(privateKey, kemOutput, EMPTY, other(aad), ciphertext),
      );
    }
  },

  "hpke: plaintexts of every length come out again": async (suite, { effort }) => {
    const { hpke } = suite;
    const { publicKey, privateKey } = await receiver(suite);
    for (const size of [0, 15, 16, ...FEW[effort], 63, 64, 512, 1024, 4096, 65_536]) {
      const { kemOutput, ciphertext } = await hpke.seal(publicKey, EMPTY, EMPTY, pattern(size, size));
      const opened = await hpke.open(privateKey, kemOutput, EMPTY, EMPTY, ciphertext);
      equal(opened, pattern(size, size), `what is opened of ${size} bytes`);
    }
  },

  "hpke: info and exporter contexts of every length count in what is exported": async (suite, { effort }) => {
    const { hpke } = suite;
    const { publicKey, privateKey } = await receiver(suite);
    const { kemOutput } = await hpke.sendExport(publicKey, EMPTY, EMPTY, 8);
    for (const size of FEW[effort]) {
      const bytes = pattern(size, size);
      for (const [what, info, context] of [
        ["info", bytes, EMPTY],
        ["an exporter context", EMPTY, bytes],
      ] as const) {
        if (context.length > LONGEST_CONTEXT) continue;
        const [otherInfo, otherContext] = info === bytes ? [other(bytes), EMPTY] : [EMPTY, other(bytes)];
        const secret = await hpke.receiveExport(privateKey, kemOutput, info, context, 32);
        const next = await hpke.receiveExport(privateKey, kemOutput, otherInfo, otherContext, 32);
        differs(next, secret, `${what} of ${size} bytes with another last byte gives the same secret`);
        const sent = await hpke.sendExport(publicKey, info, context, 32);
        const received = await hpke.receiveExport(privateKey, sent.kemOutput, info, context, 32);
        equal(received, sent.secret, `what the receiver exports with ${what} of ${size} bytes`);
      }
    }
  },

  "hpke: the key schedule is RFC 9180's, with inputs of every length": async (suite, { effort }) => {
    const { hpke, aead } = suite;
    const [known] = knownPoints(suite.suite.kem);
    // For other KEMs the four checks above must do.
    if (known === undefined || !knowsSchedule(suite)) return;
    const { privateKey } = await receiverOf(suite, known);
    const { kemOutput } = known;
    for (const size of SIZES[effort]) {
      const [info, rest] = [pattern(size, 1), pattern(size, 2)];
      const { key, nonce, exported } = await keySchedule(suite, known, info);
      const ciphertext = await aead.seal(key, nonce, rest, rest);
      const opened = await hpke.open(privateKey, kemOutput, info, rest, ciphertext);
      equal(opened, rest, `what is opened of ${size} bytes with as much info and additional data`);
      const length = 1 + (size % (255 * suite.suite.hash.Nh));
      const context = rest.slice(0, LONGEST_CONTEXT);
      const secret = await hpke.receiveExport(privateKey, kemOutput, info, context, length);
      const what = `what is exported to ${length} bytes with ${size} bytes of info and of context`;
      equal(secret, await exported(context, length), what);
    }
  },
};
