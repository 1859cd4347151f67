// RFC 9420 §7.3, §7.9: leaf nodes and parent hashes.
import { C, INSIDER_ADD, LEAF_REQUIREMENTS } from "./names.mjs";

/** @type {readonly import("../rules.mjs").RfcRule[]} */
export const LEAF_NODES = [
  {
    section: "7.3",
    text: "The credential of a leaf node is valid (§5.3.1): the application's authentication service says so, of one in a key package, an Update, a path or a tree to join.",
    checks: [C.authentication],
  },
  {
    section: "5.3.1",
    text: "A credential that replaces another one is valid as its successor, says the application.",
    checks: [C.successor, "authentication: only `isSuccessor` can replace a credential of type …"],
  },
  {
    section: "5.1.1",
    text: "The `signature_key` of a leaf node is a public key of the suite's signature scheme.",
    checks: [C.signatureKey],
  },
  {
    section: "7.3",
    text: "The signature on a leaf node is valid under its `signature_key`.",
    checks: [C.boundKeyPackage, C.boundPath, C.boundTree],
  },
  {
    section: "7.3",
    text: "The extensions, proposal types and credential types of `required_capabilities` MUST be in the leaf node's `capabilities`.",
    checks: LEAF_REQUIREMENTS,
  },
  {
    section: "7.3",
    text: "The credential type is supported by all members, and the leaf node supports all credential types that the members use; its own among them (§7.2).",
    checks: [C.credentialForAll, C.credentialOwn],
  },
  {
    section: "7.3",
    text: "A client that sends a leaf node in a proposal or a commit MUST verify that the time is within its `lifetime`. Receivers do so if their policy says so (`strictLifetimes`).",
    checks: [C.lifetime],
  },
  {
    section: "7.3",
    text: "A lifetime in all is no longer than the application allows (§7.2). Receivers check it if their policy says so (`strictLifetimes`).",
    checks: [C.lifetimeTotal],
  },
  {
    section: "7.3",
    text: "The extensions of a leaf node are listed in its `capabilities`.",
    checks: [C.extensionsOwn],
  },
  {
    section: "7.3",
    text: "`leaf_node_source` is `key_package` in a key package, `update` in an Update, `commit` in a path.",
    checks: [C.source],
    tests: [
      [INSIDER_ADD, "%s is refused by %s, in a commit and at creation"],
      ["packages/core/test/client/insider-path.test.ts", "with %s is refused by %s"],
    ],
  },
  {
    section: "7.3",
    text: "An Update brings another `encryption_key` than that of the leaf node it replaces.",
    checks: [C.keyChanges],
  },
  { section: "7.3", text: "`signature_key` is unique among the members.", checks: [C.signatureKeyUnique] },
  { section: "7.3", text: "`encryption_key` is unique among the members.", checks: [C.encryptionKeyUnique] },
  {
    section: "7.9.2",
    text: "Who joins MUST authenticate that each non-blank parent node is parent-hash valid, by exactly one chain up from a leaf.",
    checks: [C.parentHashChain],
  },
  {
    section: "7.9.2",
    text: "Who processes a commit with a path MUST compute the `parent_hash` of the committer's new leaf, and compare it.",
    checks: [C.parentHashLeaf],
  },
];
