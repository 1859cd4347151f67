// RFC 9420 §10.1, §11.1: key packages, and what a group requires of its members.
import { C, INSIDER_ADD, LEAF_REQUIREMENTS, PROPOSAL } from "./names.mjs";

/** @type {readonly import("../rules.mjs").RfcRule[]} */
export const KEY_PACKAGES = [
  {
    section: "10.1",
    text: "The key package's cipher suite is the group's.",
    checks: ["10.1: the cipher suite of the KeyPackage must be the group's"],
  },
  {
    section: "10.1",
    text: "The key package's version is the group's, and that of the MLSMessage that it comes in (§10): there is one, and another is malformed.",
    checks: [C.oneOf],
    tests: [[PROPOSAL, "of another version is refused as malformed, though it is well signed"]],
  },
  {
    section: "10.1",
    text: "The key package's `leaf_node` is valid for a key package (§7.3).",
    checks: [C.source, C.credentialOwn, C.extensionsOwn, C.lifetime, C.lifetimeTotal],
    tests: [[INSIDER_ADD, "%s is refused by %s, in a commit and at creation"]],
  },
  {
    section: "10.1",
    text: "The signature on the key package is valid under the key of its leaf node.",
    checks: [C.boundKeyPackage],
    tests: [[INSIDER_ADD, "%s is refused by %s, in a commit and at creation"]],
  },
  {
    section: "10.1",
    text: "`leaf_node.encryption_key` is another key than `init_key`.",
    checks: ["10.1: leaf_node.encryption_key must be different from init_key"],
  },
  {
    section: "10.1",
    text: "`init_key` and `encryption_key` MUST be public keys of the suite's KEM (§10).",
    checks: [C.hpkeKey],
  },
  {
    section: "11.1",
    text: "All members support the cipher suite and the version in use.",
    checks: [C.suiteAndVersion],
  },
  {
    section: "11.1",
    text: "All members support the extensions, proposal types and credential types of `required_capabilities`: new members are held to it by the members.",
    checks: LEAF_REQUIREMENTS,
  },
  {
    section: "11.1",
    text: "Default extension and proposal types needn't be listed in capabilities to be required.",
    by: "`requirementsOf` in group/extensions/requirements.ts",
    tests: [
      [
        "packages/core/test/validation/tree.test.ts",
        "is accepted if valid, also with unknown extensions in the GroupInfo",
      ],
    ],
  },
  {
    section: "11.1",
    text: "GroupContextExtensions are invalid that require what some member doesn't support.",
    checks: LEAF_REQUIREMENTS,
  },
];
