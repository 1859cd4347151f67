// RFC 9420 §5.1.2: an answer is about key, message and signature together, whatever was asked before.
import type { CipherSuiteProvider, VerifyRequest } from "@copse/core/provider";
import type { SuiteChecks } from "../../check.js";
import { ascii, errorOf, flipped, is, pattern, refuses } from "../../tools/assert.js";
import { signed } from "./signature.js";

/** A request, and what must be answered to it. */
type Asked = readonly [request: VerifyRequest, answer: boolean, what: string];

/** Good requests of two keys and two messages, and each way to mix them up. */
async function mixed(suite: CipherSuiteProvider): Promise<Asked[]> {
  const [m1, m2] = [ascii("message"), ascii("another")];
  const [a, b] = [await signed(suite, m1), await signed(suite, m1)];
  const [a2, b2] = [
    await suite.signature.sign(a.privateKey, m2),
    await suite.signature.sign(b.privateKey, m2),
  ];
  const ask = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => ({
    publicKey: Uint8Array.from(publicKey),
    message: Uint8Array.from(message),
    signature: Uint8Array.from(signature),
  });
  return [
    [ask(a.publicKey, m1, a.value), true, "a good signature"],
    [ask(a.publicKey, m2, a.value), false, "the same key and signature with another message"],
    [ask(a.publicKey, m1, a2), false, "the same key and message with another's signature"],
    [ask(b.publicKey, m1, a.value), false, "the same message and signature with another key"],
    [ask(a.publicKey, m1, flipped(a.value, 8 * a.value.length - 20)), false, "a changed signature"],
    [ask(a.publicKey, m2, a2), true, "a good signature of the other message"],
    [ask(b.publicKey, m2, b2), true, "the other key's good signature"],
    [ask(b.publicKey, m2, a2), false, "the one's signature under the other's key"],
    [ask(b.publicKey, m1, b.value), true, "the other key's good signature of the first message"],
    [ask(a.publicKey, m1, b.value), false, "the other's signature under the first key"],
  ];
}

/** Around the blocks of hash functions, and large. */
const SIZES = {
  full: [
    1, 2, 31, 32, 33, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 256, 1024, 4097, 16_385, 65_537, 131_073,
    1_048_577,
  ],
  short: [1, 33, 64, 129, 4097, 131_073],
};

/** Each after how many of the requests. */
const MIXED = { full: 10, short: 1 };

export const answerChecks: SuiteChecks = {
  "signature: a good signature makes no other good, and a bad one no other bad": async (
    suite,
    { effort },
  ) => {
    const { signature } = suite;
    const list = await mixed(suite);
    // In this order, in the other one, and then each after each good one; in a short run, after the first.
    const good = list.filter(([, answer]) => answer).slice(0, MIXED[effort]);
    const orders = [list, [...list].reverse(), good.flatMap((one) => list.flatMap((two) => [one, two]))];
    for (const order of orders) {
      for (const [{ publicKey, message, signature: value }, answer, what] of order) {
        is(await signature.verify(publicKey, message, value), answer, `the answer to ${what}`);
      }
    }
  },

  "signature: a good signature in a batch makes no other good": async (suite, { effort }) => {
    const { signature } = suite;
    const list = await mixed(suite);
    const verifyAll = async (all: readonly Asked[]) =>
      signature.verifyAll?.(all.map(([request]) => request)) ?? all.map(([, answer]) => answer);
    for (const one of list.slice(0, MIXED[effort])) {
      for (const two of one[1] ? list : list.slice(0, 1)) {
        const answers = await verifyAll([one, two]);
        is(answers.join(), `${one[1]},${two[1]}`, `the answers to ${one[2]} and ${two[2]}`);
      }
      const [{ publicKey, message, signature: value }, answer, what] = one;
      is(await signature.verify(publicKey, message, value), answer, `the answer, after a batch, to ${what}`);
    }
  },

  "signature: every byte of a message counts, at every length": async (suite, { effort }) => {
    const { signature } = suite;
    const { publicKey, privateKey } = await signature.generateKeyPair();
    for (const size of SIZES[effort]) {
      const message = pattern(size, size);
      const value = await signature.sign(privateKey, message);
      is(await signature.verify(publicKey, message, value), true, `the answer to ${size} bytes`);
      const last = flipped(message, 8 * size - 1);
      is(
        await signature.verify(publicKey, last, value),
        false,
        `the answer to ${size} bytes, the last changed`,
      );
    }
  },

  "signature keys: a good public key makes no other good": async (suite) => {
    const { signature } = suite;
    const { publicKey } = await signature.generateKeyPair();
    const reused = Uint8Array.from(publicKey);
    const bad = [publicKey.slice(1), Uint8Array.of(...publicKey, 0)];
    const wrong = Uint8Array.from(publicKey).fill(0xff);
    for (let round = 0; round < 2; round++) {
      await signature.validatePublicKey(reused);
      for (const key of bad)
        await refuses("validatePublicKey of a longer or shorter one", () => signature.validatePublicKey(key));
      if ((await errorOf(() => signature.validatePublicKey(wrong))) === undefined) continue;
      reused.set(wrong);
      await refuses("validatePublicKey of an array that held a good key before", () =>
        signature.validatePublicKey(reused),
      );
      reused.set(publicKey);
    }
    await signature.validatePublicKey(reused);
  },
};
