// RFC 9420 §5: suites, keys, credentials.
import { C } from "./names.mjs";

/** @type {readonly import("../rules.mjs").RfcRule[]} */
export const CREDENTIALS = [
  {
    section: "5.1.1",
    text: "An HPKE public key is one of the suite's KEM, in the encoding of RFC 9180: in key packages, Updates, paths and trees.",
    checks: [C.hpkeKey],
    by: "`HpkeProvider.validatePublicKey`, which the core asks for the keys of key packages, Updates and paths",
    tests: [["packages/core/test/client/insider-path.test.ts", "with %s is refused by %s"]],
  },
  {
    section: "5.1.1",
    text: "A signature public key is one of the suite's signature scheme.",
    checks: [C.signatureKey],
  },
  {
    section: "5.1.2",
    musts: [1],
    text: "Everybody signs with the signature algorithm of the suite, and the keys in leaf nodes MUST be of it.",
    by: "`CipherSuiteProvider.signature`, the only scheme that the core knows",
    checks: [C.signatureKey, C.boundKeyPackage, C.boundPath, C.boundTree, C.signature],
  },
  {
    section: "5.3.1",
    musts: [1],
    text: "Each new credential MUST be validated with the authentication service: of a key package to add, an Add, an Update, a path, all in a GroupInfo's tree, and external senders when a group lists them.",
    checks: [C.authentication],
  },
  {
    section: "5.3.1",
    musts: [2],
    text: "Where a credential takes the place of another, the authentication service MUST say that it may.",
    checks: [C.successor, "authentication: only `isSuccessor` can replace a credential of type …"],
  },
];
