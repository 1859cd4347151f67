// RFC 9420 §5.1.2: batches of 1 to 1,000 verifications, with a wrong one at each place.
import type { CipherSuiteProvider, SignaturePart, VerifyRequest } from "@copse/core/provider";
import { type SuiteChecks, skip } from "../../check.js";
import { ascii, concat, EMPTY, is, pattern, range } from "../../tools/assert.js";
import { costOf, type Effort } from "../../tools/cost.js";

const SIZES = {
  full: [
    16, 17, 31, 32, 33, 63, 64, 65, 99, 100, 101, 127, 128, 129, 200, 255, 256, 257, 500, 511, 512, 513, 999,
  ],
  short: [16, 33, 65, 129, 257, 999],
};

/** The largest of the small batches; for slow providers 4. */
const SMALL = { full: 12, short: 3 };

/** The largest batch: of a large group's tree. */
const LARGEST = 1000;

/** How long a check may verify, in milliseconds: batches of a slow provider have fewer good signatures in them. */
const BUDGET = { full: 1500, short: 100 };

type Kind = "good" | "other" | "empty";

/** Requests of a few keys and messages, good and bad. */
interface Pool {
  /** A good request, one that is wrong but well-formed, or one that is refused at a glance. */
  request(i: number, kind: Kind): VerifyRequest;
  /** How long one verification takes, in milliseconds. */
  readonly cost: number;
}

async function pool({ signature }: CipherSuiteProvider, effort: Effort): Promise<Pool> {
  const good: VerifyRequest[] = [];
  for (let k = 0; k < 3; k++) {
    const { publicKey, privateKey } = await signature.generateKeyPair();
    for (let m = 0; m < 3; m++) {
      const message = concat(ascii(`message ${m}`), pattern(30 * m, k));
      good.push({ publicKey, message, signature: await signature.sign(privateKey, message) });
    }
  }
  let next = 0;
  const cost = await costOf(() => {
    const one = good[next++] as VerifyRequest;
    return signature.verify(one.publicKey, one.message, one.signature);
  }, effort);
  const at = (i: number) => good[i % good.length] as VerifyRequest;
  return {
    cost: Math.max(0.02, cost),
    request(i, kind) {
      // The next message of the same key, or the next key: never the same message.
      if (kind === "other") return { ...at(i), message: at(i + 1).message };
      return kind === "good" ? at(i) : { ...at(i), signature: EMPTY };
    },
  };
}

async function held(
  signature: SignaturePart,
  { request }: Pool,
  kinds: readonly Kind[],
  what: string,
): Promise<void> {
  const answers = (await signature.verifyAll?.(kinds.map((kind, i) => request(i, kind)))) ?? [];
  is(answers.length, kinds.length, `the number of answers to ${what}`);
  for (const [i, kind] of kinds.entries()) {
    is(answers[i], kind === "good", `answer ${i} of ${kinds.length} to ${what}`);
  }
}

export const signatureBatchChecks: SuiteChecks = {
  "signature: verifyAll finds a wrong one at each place of a small batch": async (suite, { effort }) => {
    const { signature } = suite;
    if (signature.verifyAll === undefined) skip("there is no verifyAll");
    const requests = await pool(suite, effort);
    for (const size of range(1, Math.min(SMALL[effort], requests.cost > 2 ? 4 : 12))) {
      await held(signature, requests, new Array<Kind>(size).fill("good"), "good ones");
      for (const bad of ["other", "empty"] as const) {
        for (let place = 0; place < size; place++) {
          const kinds = range(1, size).map((_, i) => (i === place ? bad : ("good" as const)));
          await held(signature, requests, kinds, `good ones with a wrong one at ${place}`);
          const reverse = range(1, size).map((_, i) => (i === place ? ("good" as const) : bad));
          await held(signature, requests, reverse, `wrong ones with a good one at ${place}`);
        }
      }
    }
  },

  "signature: verifyAll finds a wrong one at the ends of batches to 999": async (suite, { effort }) => {
    const { signature } = suite;
    if (signature.verifyAll === undefined) skip("there is no verifyAll");
    const requests = await pool(suite, effort);
    // Where a whole batch takes too long, most of it is refused at a glance.
    const real = Math.min(
      64,
      Math.max(4, Math.floor(BUDGET[effort] / (3 * SIZES[effort].length * requests.cost))),
    );
    for (const size of SIZES[effort]) {
      const step = Math.ceil((2 * size) / real);
      for (const place of requests.cost > 2 ? [size - 1] : [0, size >> 1, size - 1]) {
        const kinds = range(0, size - 1).map((i): Kind => {
          if (i === place) return "other";
          return i % step === 0 || size - i < real / 2 ? "good" : "empty";
        });
        await held(signature, requests, kinds, `with a wrong one at ${place}`);
      }
    }
  },

  "signature: verifyAll answers rightly at each place of a batch of 1,000": async (suite, { effort }) => {
    const { signature } = suite;
    if (signature.verifyAll === undefined) skip("there is no verifyAll");
    const requests = await pool(suite, effort);
    // Each place is once wrong among good ones, and once good among wrong ones: by the bits of its number.
    const rounds = range(0, 9).flatMap((bit) => [0, 1].map((value) => ({ bit, value })));
    const step = Math.ceil((rounds.length * LARGEST * requests.cost) / BUDGET[effort]);
    for (const [n, { bit, value }] of rounds.entries()) {
      const kinds = range(0, LARGEST - 1).map((i): Kind => {
        if (i % step !== n % step) return "empty";
        return ((i >> bit) & 1) === value ? "good" : "other";
      });
      await held(signature, requests, kinds, `those with ${value} as bit ${bit} of their place`);
    }
  },
};
