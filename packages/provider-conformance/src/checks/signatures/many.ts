// RFC 9420 §5.1.2: of many keys and signatures each is different and right, the one in 256 too whose numbers are short.
import type { CipherSuiteProvider, SignatureKeyPair } from "@copse/core/provider";
import type { SuiteChecks } from "../../check.js";
import { ascii, equal, hasLength, holds, is, pattern, toHex, unless } from "../../tools/assert.js";
import { roundsOf } from "../../tools/cost.js";
import { ECDSA_CURVES } from "../../tools/curves.js";
import { readSignature } from "../../tools/der.js";
import { bitsVary } from "../symmetric/random.js";

/** Of each at least so many, and more if they are quick: as many as take a second. */
const ROUNDS = { budget: 1000, least: 48, most: 2000 };

/** A message of its own for each number. */
const numbered = (i: number): Uint8Array => Uint8Array.of(i >> 8, i, 7);

async function signs(
  { signature }: CipherSuiteProvider,
  pair: SignatureKeyPair,
  what: string,
): Promise<void> {
  const value = await signature.sign(pair.privateKey, ascii("a"));
  is(await signature.verify(pair.publicKey, ascii("a"), value), true, `the answer to ${what}`);
}

export const signatureManyChecks: SuiteChecks = {
  "signature keys: many that are generated are different and valid": async (
    { signature, suite },
    { effort },
  ) => {
    const seen = new Set<string>();
    const make = async () => signature.validatePublicKey((await signature.generateKeyPair()).publicKey);
    const rounds = await roundsOf(make, ROUNDS, effort);
    for (let i = 0; i < rounds; i++) {
      const { publicKey } = await signature.generateKeyPair();
      hasLength(publicKey, suite.signature.Npk, `public key ${i}`);
      await signature.validatePublicKey(publicKey);
      seen.add(toHex(publicKey));
      is(seen.size, i + 1, "the number of different keys");
    }
  },

  "signature keys: every bit of a generated private key varies": async ({ signature, suite }) => {
    const keys: Uint8Array[] = [];
    for (let i = 0; i < 64; i++) {
      const { privateKey } = await signature.generateKeyPair();
      const bytes = await unless("key-not-extractable", () => signature.exportPrivateKey(privateKey));
      if (bytes === undefined) return;
      hasLength(bytes, suite.signature.Nsk, `private key ${i}`);
      keys.push(bytes);
    }
    const fixed = new Uint8Array(suite.signature.Nsk);
    // P-521's order has 521 bits.
    if (suite.signature.id === 1539) fixed[0] = 0xfe;
    bitsVary(keys, "the private key", fixed);
  },

  "signature keys: each of many exports and signs as itself": async (suite) => {
    const { signature } = suite;
    const pairs: SignatureKeyPair[] = [];
    for (let i = 0; i < 8; i++) pairs.push(await signature.generateKeyPair());
    // The last one first: what is exported must not be what was made or used last.
    for (const pair of [...pairs].reverse()) {
      const bytes = await unless("key-not-extractable", () => signature.exportPrivateKey(pair.privateKey));
      const again = bytes && (await unless("unsupported", () => signature.importPrivateKey(bytes)));
      if (again) equal(again.publicKey, pair.publicKey, "the public key of what was exported");
    }
    for (const pair of [...pairs].reverse()) await signs(suite, pair, "a key after others were exported");
  },

  "signature keys: destroying one key ends no other, an equal one neither": async (suite) => {
    const { signature } = suite;
    const [one, two, three] = [
      await signature.generateKeyPair(),
      await signature.generateKeyPair(),
      await signature.generateKeyPair(),
    ];
    const bytes = await unless("key-not-extractable", () => signature.exportPrivateKey(two.privateKey));
    const equalOne = bytes && (await unless("unsupported", () => signature.importPrivateKey(bytes)));
    await signature.destroyPrivateKey(two.privateKey);
    await signs(suite, one, "a key that was made before");
    await signs(suite, three, "a key that was made later");
    if (equalOne === undefined || bytes === undefined) return;
    await signs(suite, equalOne, "the same key, imported before the first was destroyed");
    await signs(suite, await signature.importPrivateKey(bytes), "the same key, imported once more");
  },

  "signature: many signatures are all well-formed and verify": async (suite, { effort }) => {
    const { signature } = suite;
    const isEcdsa = suite.suite.signature.id in ECDSA_CURVES;
    let pair = await signature.generateKeyPair();
    const once = () => signs(suite, pair, "a signature");
    const verified = await roundsOf(once, { ...ROUNDS, most: 1000 }, effort);
    const rounds = isEcdsa && verified === 1000 ? 5000 : verified;
    for (let i = 0; i < rounds; i++) {
      if (i % 100 === 99) pair = await signature.generateKeyPair();
      const message = i % 2 ? numbered(i) : pattern(i % 200, i);
      const value = await signature.sign(pair.privateKey, message);
      holds(!isEcdsa || readSignature(value) !== undefined, `${toHex(value)} is no ECDSA-Sig-Value in DER`);
      // Later ones of ECDSA are only read, which is quick.
      if (i >= verified) continue;
      is(await signature.verify(pair.publicKey, message, value), true, `the answer to signature ${i}`);
    }
  },
};
