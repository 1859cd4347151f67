// RFC 9420 §2, §4: secrets, encodings, trees.
import { C, CODEC } from "./names.mjs";

/** @type {readonly import("../rules.mjs").RfcRule[]} */
export const ENCODING = [
  {
    section: "2",
    musts: [1],
    text: "Keys and secrets MUST be kept confidential: only `save` gives them away.",
    by: "`#private` fields of `Client` and `Group`; errors that name lengths, and no values",
    tests: [
      [
        "packages/core/test/client/printing.test.ts",
        "printing clients and groups shows nothing of their state",
      ],
    ],
  },
  {
    section: "2.1.1",
    musts: [1],
    text: "A presence octet other than 0 and 1 MUST be rejected as malformed.",
    checks: ["decode: presence octet: expected 0 or 1, got …"],
  },
  {
    section: "2.1.2",
    musts: [1],
    text: "A length MUST be encoded in as few bits as possible.",
    by: "`Writer.varint` in codec/writer.ts",
    tests: [[CODEC, "byte strings, around the lengths where the header grows"]],
  },
  {
    section: "2.1.2",
    musts: [2],
    text: "A longer encoding of a length MUST be treated as malformed.",
    checks: ["decode: the encoding of the vector length … must be minimal"],
  },
  {
    section: "2.1.2",
    musts: [3],
    text: "A vector that starts with the prefix `11` MUST be rejected.",
    checks: ["decode: invalid vector length: the prefix 11 is reserved"],
  },
  {
    section: "2.1.2",
    beyond: "follows from the encoding",
    text: "A structure takes all of its bytes, and no more than there are.",
    checks: [
      "decode: expected the end, got … more bytes",
      "decode: truncated: expected … more bytes, got …",
      C.oneOf,
      C.variant,
    ],
  },
  {
    section: "4.1",
    text: "What a path or a message refers to in a tree is a node of it.",
    checks: ["4.1: a node must be in the tree"],
  },
];
