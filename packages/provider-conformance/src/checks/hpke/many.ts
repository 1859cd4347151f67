// RFC 9180 §7.1: of many keys and messages each is different and right, the one in 256 too whose numbers are short.
import type { CipherSuiteProvider, HpkeKeyPair } from "@copse/core/provider";
import type { SuiteChecks } from "../../check.js";
import {
  ascii,
  EMPTY,
  equal,
  hasLength,
  holds,
  is,
  pattern,
  range,
  toHex,
  unless,
} from "../../tools/assert.js";
import { roundsOf } from "../../tools/cost.js";
import { bitsVary } from "../symmetric/random.js";

/** Of each at least so many, and more if they are quick: as many as take a second. */
const ROUNDS = { budget: 1000, least: 48, most: 2000 };

/** The bits of a private key that are fixed, or may be, by the KEM's id: RFC 7748 §5, and above P-521's order. */
const FIXED: Readonly<Record<number, readonly (readonly [at: number, bits: number])[]>> = {
  18: [[0, 0xfe]],
  32: [
    [0, 0x07],
    [31, 0xc0],
  ],
  33: [
    [0, 0x03],
    [55, 0x80],
  ],
};

/** The bits of a private key that may be the same in all. */
function fixedBits(id: number, length: number): Uint8Array {
  const bits = new Uint8Array(length);
  for (const [at, mask] of FIXED[id] ?? []) bits[at] = mask;
  return bits;
}

async function opens({ hpke }: CipherSuiteProvider, pair: HpkeKeyPair, what: string): Promise<void> {
  const { kemOutput, ciphertext } = await hpke.seal(pair.publicKey, EMPTY, EMPTY, ascii("a"));
  equal(await hpke.open(pair.privateKey, kemOutput, EMPTY, EMPTY, ciphertext), ascii("a"), what);
}

export const hpkeManyChecks: SuiteChecks = {
  "hpke keys: many that are generated are different and valid": async ({ hpke, suite }, { effort }) => {
    const seen = new Set<string>();
    const make = async () => hpke.validatePublicKey((await hpke.generateKeyPair()).publicKey);
    const rounds = await roundsOf(make, ROUNDS, effort);
    for (let i = 0; i < rounds; i++) {
      const { publicKey } = await hpke.generateKeyPair();
      hasLength(publicKey, suite.kem.Npk, `public key ${i}`);
      await hpke.validatePublicKey(publicKey);
      seen.add(toHex(publicKey));
      is(seen.size, i + 1, "the number of different keys");
    }
  },

  "hpke keys: every bit of a generated private key varies": async ({ hpke, suite }) => {
    const keys: Uint8Array[] = [];
    for (let i = 0; i < 64; i++) {
      const { privateKey } = await hpke.generateKeyPair();
      const bytes = await unless("key-not-extractable", () => hpke.exportPrivateKey(privateKey));
      if (bytes === undefined) return;
      hasLength(bytes, suite.kem.Nsk, `private key ${i}`);
      keys.push(bytes);
    }
    bitsVary(keys, "the private key", fixedBits(suite.kem.id, suite.kem.Nsk));
  },

  "hpke keys: each of many exports, saves and loads as itself": async (suite) => {
    const { hpke } = suite;
    const pairs: HpkeKeyPair[] = [];
    for (let i = 0; i < 6; i++) pairs.push(await hpke.generateKeyPair());
    for (let i = 0; i < 3; i++) pairs.push(await hpke.deriveKeyPair(pattern(40, i + 1)));
    // The last one first: what is exported must not be what was made or used last.
    for (const pair of [...pairs].reverse()) {
      const bytes = await unless("key-not-extractable", () => hpke.exportPrivateKey(pair.privateKey));
      const again = bytes && (await unless("unsupported", () => hpke.importPrivateKey(bytes)));
      if (again) equal(again.publicKey, pair.publicKey, "the public key of what was exported");
    }
    if (hpke.savePrivateKey && hpke.loadPrivateKey) {
      const saved: Uint8Array[] = [];
      for (const { privateKey } of pairs) saved.push(await hpke.savePrivateKey(privateKey));
      is(new Set(saved.map(toHex)).size, pairs.length, "the number of different saved keys");
      for (const i of range(0, pairs.length - 1).reverse()) {
        const privateKey = await hpke.loadPrivateKey(saved[i] as Uint8Array);
        await opens(suite, { ...(pairs[i] as HpkeKeyPair), privateKey }, `what loaded key ${i} opens`);
      }
    }
    for (const pair of pairs) await opens(suite, pair, "what a key opens after others were exported");
  },

  "hpke keys: destroying one key ends no other, an equal one neither": async (suite) => {
    const { hpke } = suite;
    const ikm = pattern(suite.suite.hash.Nh, 77);
    const [one, two] = [await hpke.deriveKeyPair(ikm), await hpke.deriveKeyPair(ikm)];
    const [before, after] = [await hpke.generateKeyPair(), await hpke.generateKeyPair()];
    await hpke.destroyPrivateKey(one.privateKey);
    for (const [what, pair] of [
      ["the same key, derived again, opens", two],
      ["a key that was made before opens", before],
      ["a key that was made later opens", after],
      ["the key opens that is derived once more", await hpke.deriveKeyPair(ikm)],
    ] as const) {
      await opens(suite, pair, `what ${what}`);
    }
  },

  "hpke: many messages to many keys all open": async (suite, { effort }) => {
    const { hpke } = suite;
    const outputs = new Set<string>();
    let pair = await hpke.generateKeyPair();
    const rounds = await roundsOf(() => opens(suite, pair, "what is opened"), ROUNDS, effort);
    for (let i = 0; i < rounds; i++) {
      if (i % 4 === 3) pair = await hpke.generateKeyPair();
      const message = pattern(i % 64, i + 1);
      const { kemOutput, ciphertext } = await hpke.seal(pair.publicKey, EMPTY, EMPTY, message);
      hasLength(kemOutput, suite.suite.kem.Nenc, `KEM output ${i}`);
      const opened = await hpke.open(pair.privateKey, kemOutput, EMPTY, EMPTY, ciphertext);
      equal(opened, message, `what is opened of message ${i}`);
      holds(!outputs.has(toHex(kemOutput)), `the ephemeral key of message ${i} was used before`);
      outputs.add(toHex(kemOutput));
    }
  },
};
