// RFC 9420 §10, §11: key packages, new groups, and what a group requires of its members.
import { C, GREASE, INSIDER_ADD, LEAF_REQUIREMENTS, MAKER, ORDER, PROPOSAL, RESUMPTION } from "./names.mjs";

/** @type {readonly import("../rules.mjs").RfcRule[]} */
export const KEY_PACKAGES = [
  {
    section: "10",
    musts: [1],
    text: "`init_key` MUST be a public key of the suite's KEM, and another one in each key package of a client.",
    checks: [C.hpkeKey],
    by: "`createKeyPackage` in key-package/key-package.ts, with a new key pair each time; `HpkeProvider.validatePublicKey`",
    tests: [
      [MAKER, "the key packages of a client share no key"],
      [INSIDER_ADD, "%s is refused by %s, in a commit and at creation"],
    ],
  },
  {
    section: "10",
    musts: [2],
    text: "`leaf_node` MUST be valid for the suite, with both its keys.",
    checks: [C.hpkeKey, C.signatureKey, C.boundKeyPackage],
  },
  {
    section: "10",
    musts: [3],
    text: "A key package with an invalid signature MUST be considered malformed.",
    checks: [C.boundKeyPackage],
  },
  {
    section: "10",
    musts: [4],
    text: "The version of a key package MUST be that of the MLSMessage it comes in: there is one.",
    checks: [C.oneOf],
    tests: [[PROPOSAL, "of another version is refused as malformed, though it is well signed"]],
  },
  {
    section: "10",
    musts: [5],
    text: "The source of a key package's leaf node MUST be `key_package`.",
    checks: [C.source],
  },
  {
    section: "10",
    musts: [6],
    text: "The extensions of the key package and of its leaf node MUST be in the leaf node's `capabilities`.",
    checks: [
      "10: each extension of the KeyPackage must be in the capabilities of its leaf node",
      C.extensionsOwn,
    ],
  },
  {
    section: "10",
    musts: [7, "13.4#3"],
    text: "Unknown extensions of a key package and its leaf node, and unknown capabilities, MUST be ignored.",
    by: "`Registry.checkExtensions`, which looks at the registered types",
    tests: [[GREASE, "%s: does all that others do"]],
  },
  {
    section: "10.1",
    musts: [1],
    text: "The key package's cipher suite is the group's.",
    checks: ["10.1: the cipher suite of the KeyPackage must be the group's"],
  },
  {
    section: "10.1",
    musts: [1, "10#4"],
    text: "The key package's version is the group's, and that of the MLSMessage that it comes in (§10): there is one, and another is malformed.",
    checks: [C.oneOf],
    tests: [[PROPOSAL, "of another version is refused as malformed, though it is well signed"]],
  },
  {
    section: "10.1",
    musts: [2, "10#5"],
    text: "The key package's `leaf_node` is valid for a key package (§7.3).",
    checks: [C.source, C.credentialOwn, C.extensionsOwn, C.lifetime, C.lifetimeTotal],
    tests: [[INSIDER_ADD, "%s is refused by %s, in a commit and at creation"]],
  },
  {
    section: "10.1",
    musts: [3, "10#3"],
    text: "The signature on the key package is valid under the key of its leaf node.",
    checks: [C.boundKeyPackage],
    tests: [[INSIDER_ADD, "%s is refused by %s, in a commit and at creation"]],
  },
  {
    section: "10.1",
    musts: [4],
    text: "`leaf_node.encryption_key` is another key than `init_key`.",
    checks: ["10.1: leaf_node.encryption_key must be different from init_key"],
  },
  {
    section: "10.1",
    musts: ["10#1", "10#2"],
    text: "`init_key` and `encryption_key` MUST be public keys of the suite's KEM (§10).",
    checks: [C.hpkeKey],
  },
  {
    section: "11",
    musts: [1],
    text: "The creator MUST verify by the capabilities of the members that the version and suite are supported by all. Which of several suites is the best is for the application to say, when it makes its client.",
    checks: [C.suiteAndVersion],
  },
  {
    section: "11",
    musts: [2, 3, 4],
    text: "A new group MUST begin with its creator alone, epoch 0, an empty transcript, a random epoch secret, and the confirmation tag of these.",
    by: "`createEpoch` in group/join/create.ts",
    tests: [[MAKER, "a new group has one member, epoch 0, no transcript, and a confirmation tag over that"]],
  },
  {
    section: "11",
    beyond: "a SHOULD: group IDs are meant to be unique",
    text: "A group has an ID of at least one byte.",
    checks: ["11: the group ID must tell the group from others"],
  },
  {
    section: "11.1",
    beyond: "asked for without a MUST",
    text: "All members support the cipher suite and the version in use.",
    checks: [C.suiteAndVersion],
  },
  {
    section: "11.1",
    musts: ["7.3#4", "13.4#6"],
    text: "All members support the extensions, proposal types and credential types of `required_capabilities`: new members are held to it by the members.",
    checks: LEAF_REQUIREMENTS,
  },
  {
    section: "11.1",
    beyond: "what needn't be listed",
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
    musts: [1],
    text: "GroupContextExtensions are invalid that require what some member doesn't support.",
    checks: LEAF_REQUIREMENTS,
  },
  {
    section: "11.2",
    musts: [1, 2],
    text: "The new group MUST have the version, suite, ID and extensions of the ReInit, and its Welcome epoch 1.",
    checks: [
      "11.2: the group ID, version, cipher suite and extensions must be those of the ReInit",
      "12.4.3.1: with a resumption PSK for reinit or branch, the epoch must be 1",
    ],
  },
  {
    section: "11.2",
    musts: [3],
    text: "Its Welcome MUST name the resumption PSK of the old group, of the epoch after the ReInit.",
    by: "`resumptionPskId` in group/join/resumption.ts",
    checks: ["12.4.3.1: the last commit to the referenced group must contain a ReInit"],
    tests: [[RESUMPTION, "changes the suite and the group ID"]],
  },
  {
    section: "11.2",
    musts: [4, 5],
    text: "A resumption PSK of usage `reinit` MUST NOT be used for anything else, and a proposal with it is invalid.",
    checks: [C.pskReinit, "12.4.3.1: a resumption PSK with usage reinit or branch must be the only such PSK"],
  },
  {
    section: "11.3",
    musts: [1],
    text: "The nonce of the PSK in a subgroup's first commit MUST be random, of `KDF.Nh` bytes.",
    by: "`resumptionPskId` in group/join/resumption.ts: the provider's random bytes",
    checks: [C.pskNonce],
    tests: [[ORDER, "names a PSK with another random nonce each time, of KDF.Nh bytes"]],
  },
  {
    section: "11.3",
    musts: [2, 3, 4, 5],
    text: "Who joins a subgroup MUST verify that its version and suite are the old group's, its epoch 1, and each of its members one of the old group.",
    checks: [
      "11.3: the version and cipher suite of a subgroup must be those of the group",
      "12.4.3.1: with a resumption PSK for reinit or branch, the epoch must be 1",
      "11.3: each member of a subgroup must be a member of the group",
    ],
  },
  {
    section: "11.3",
    musts: [6, 7],
    text: "A resumption PSK of usage `branch` MUST NOT be used for anything else, and a proposal with it is invalid.",
    checks: [C.pskBranch, "12.4.3.1: a resumption PSK with usage reinit or branch must be the only such PSK"],
  },
];
