// draft-ietf-mls-pq-ciphersuites: all suites of the draft go through the conformance kit.
import { conforms } from "@copse/test-support/conformance";
import * as pq from "../src/pq.js";

const codePoints: pq.PqCodePoints = Object.fromEntries(
  pq.PQ_SUITE_NAMES.map((name, i) => [name, 0xf100 + i]),
);

conforms(pq.noblePqProvider({ codePoints }), {
  suites: Object.values(codePoints) as number[],
  // A hybrid, a KEM by itself, and ML-DSA.
  full: 0xf100,
  all: [0xf100, 0xf105, 0xf109],
  maySkip: [
    "hpke keys: loads what it saves",
    "hpke: known answers of the MLS working group",
    "kdf: known answers of the MLS working group",
    "signature: known answers",
    "signature: known answers of the MLS working group",
    "signature: nonces have no bits that are always the same",
  ],
});
