// RFC 9420 §12.4.3: GroupInfo, Welcome, external commits and ratchet trees.
import { C, EXTERNAL, ORDER, WELCOME } from "./names.mjs";

/** @type {readonly import("../rules.mjs").RfcRule[]} */
export const JOINING = [
  {
    section: "12.4.3",
    musts: [1, "13.4#4"],
    text: "Unknown extensions in `GroupInfo.extensions` MUST be ignored.",
    by: "`findExtension` in wire/extension.ts, which looks for those it knows",
    tests: [[WELCOME, "is accepted if valid, and unknown extensions of its GroupInfo are ignored"]],
  },
  {
    section: "12.4.3",
    musts: [2, "13.4#8", "13.4#9", "13.4#10"],
    text: "The GroupContext's extensions MUST be supported by who joins.",
    checks: ["13.4: a client must support every extension in the GroupContext of its groups"],
  },
  {
    section: "12.4.3",
    musts: [3],
    text: "`group_id` MUST be unique among the groups that who joins is in.",
    checks: [C.groupIdUnique],
  },
  {
    section: "12.4.3",
    musts: [4],
    text: "The GroupInfo's `signature` MUST be verified with the key of the leaf at `signer`.",
    checks: [C.infoSignature, C.infoSigner],
  },
  {
    section: "12.4.3.1",
    musts: [1],
    text: "Without the tree in the Welcome the client MUST get it elsewhere before it goes on.",
    checks: ["missing: expected options.ratchetTree: the GroupInfo doesn't carry the tree"],
  },
  {
    section: "12.4.3.1",
    musts: [2],
    text: "An entry of `secrets` is for a key package of this client, of the Welcome's suite.",
    checks: [
      "missing: the Welcome is for none of this client's key packages",
      "12.4.3.1: the cipher suite indicated in the KeyPackage must match the one in the Welcome",
    ],
  },
  {
    section: "12.4.3.1",
    beyond: "its length by §8",
    text: "The joiner secret is one of the suite (§8).",
    checks: ["8: the joiner secret has KDF.Nh bytes"],
  },
  { section: "12.4.3.1", musts: [3], text: "The client has all PSKs that are named.", checks: [C.pskKnown] },
  {
    section: "12.4.3.1",
    musts: [4],
    text: "A PSK of usage `reinit` or `branch` is the only such PSK.",
    checks: ["12.4.3.1: a resumption PSK with usage reinit or branch must be the only such PSK"],
  },
  {
    section: "12.4.3.1",
    musts: [5, 6],
    text: "The signature on the GroupInfo is valid, and the leaf at `signer` not blank.",
    checks: [C.infoSignature, C.infoSigner],
  },
  {
    section: "12.4.3.1",
    musts: [7],
    text: "`group_id` is unique among the client's groups.",
    checks: [C.groupIdUnique],
  },
  {
    section: "12.4.3.1",
    musts: [8],
    text: "The GroupInfo's suite is the key package's.",
    checks: ["12.4.3.1: the cipher suite in the GroupInfo must match the client's"],
  },
  {
    section: "12.4.3.1",
    musts: [9, 10],
    text: "The tree's hash is the GroupInfo's `tree_hash`.",
    checks: [C.treeHash],
  },
  {
    section: "12.4.3.1",
    musts: [9, 11],
    text: "Each non-empty parent node is parent-hash valid (§7.9.2).",
    checks: [C.parentHashChain],
  },
  {
    section: "12.4.3.1",
    musts: [9],
    text: "Each non-empty leaf node is valid (§7.3).",
    checks: [
      C.boundTree,
      C.extensionsOwn,
      C.credentialForAll,
      C.signatureKeyUnique,
      C.encryptionKeyUnique,
      C.hpkeKey,
      C.authentication,
    ],
  },
  {
    section: "12.4.3.1",
    musts: [9, 12, "7.1#1"],
    text: "Each unmerged leaf is a non-blank leaf below the parent node; the list is sorted (§7.1).",
    checks: [
      "12.4.3.1: each unmerged leaf must be a descendant of its parent node",
      "12.4.3.1: each unmerged leaf must be non-blank",
      "7.1: unmerged_leaves must be sorted in increasing order",
    ],
  },
  {
    section: "12.4.3.1",
    musts: [13],
    text: "Every non-blank node between an unmerged leaf and the parent node lists it too.",
    checks: [
      "12.4.3.1: every non-blank node between an unmerged leaf and the parent node must list the leaf too",
    ],
  },
  {
    section: "12.4.3.1",
    musts: [14, "16.7#1"],
    text: "A parent node's encryption key is in no other node.",
    checks: [C.parentKeyUnique],
  },
  {
    section: "12.4.3.1",
    musts: [15],
    text: "A leaf is identical to the key package's.",
    checks: ["12.4.3.1: a leaf must be identical to the leaf node of the KeyPackage"],
  },
  {
    section: "12.4.3.1",
    musts: [16],
    text: "The path secret is for the common ancestor with another member, the signer, and the private keys that come of it MUST correspond to the tree's public keys.",
    checks: [
      "12.4.3.1: the signer must be another member",
      "12.4.3.1: the nodes that the path secret is for, from the common ancestor up, must not be blank",
      "12.4.3.1: the path secret's private keys must correspond to the public keys in the tree",
      C.pathSecretLength,
    ],
  },
  {
    section: "12.4.3.1",
    musts: [17],
    text: "The GroupInfo's confirmation tag is that of the epoch.",
    checks: ["12.4.3.1: the confirmation tag in the GroupInfo must be the one that the epoch gives"],
  },
  {
    section: "12.4.3.1",
    musts: [18, "11.2#2", "11.3#4"],
    text: "With a PSK of usage `reinit` or `branch` the epoch is 1, and the group that it names is known.",
    checks: [
      "12.4.3.1: with a resumption PSK for reinit or branch, the epoch must be 1",
      "missing: the group that this one resumes isn't known here",
    ],
  },
  {
    section: "12.4.3.1",
    musts: [19, "11.2#1"],
    text: "For `reinit`, the last commit to the old group has a ReInit, and the group's ID, version, suite and extensions are the ReInit's.",
    checks: [
      "12.4.3.1: the last commit to the referenced group must contain a ReInit",
      "11.2: the group ID, version, cipher suite and extensions must be those of the ReInit",
    ],
  },
  {
    section: "12.4.3.1",
    musts: [20],
    text: "For `reinit`, all members of the old group are in the new one.",
    checks: ["12.4.3.1: all members of the old group must be members of the new one"],
  },
  {
    section: "12.4.3.1",
    musts: [21, "11.3#2", "11.3#3"],
    text: "For `branch`, version and suite are the old group's.",
    checks: ["11.3: the version and cipher suite of a subgroup must be those of the group"],
  },
  {
    section: "12.4.3.1",
    musts: [21, "11.3#2", "11.3#5"],
    text: "For `branch`, the members are some of the old group's.",
    checks: ["11.3: each member of a subgroup must be a member of the group"],
  },
  {
    section: "11.3",
    beyond: "our choice",
    text: "The group that is resumed is the one that its PSK names, the one that the application expects, and the one that ended by a ReInit to this group ID.",
    checks: [
      "11.3: the resumption PSK must be one of the group that is resumed",
      "11.3: a group that resumes another one must have a resumption PSK of that one",
      "11.2: the group that a ReInit names must have a resumption PSK of the group that the ReInit ended",
    ],
  },
  {
    section: "11.2",
    beyond: "our choice",
    text: "A ReInit leads to another group, which some member can create.",
    checks: [
      "11.2: the group ID of a ReInit must not be that of the group that it ends",
      "11.2: some member must support the version, the cipher suite and the extensions of a ReInit",
    ],
  },
  {
    section: "12.4.3.2",
    beyond: "asked for without a MUST",
    text: "An external commit takes a GroupInfo with `external_pub`, of the client's suite.",
    checks: [
      "missing: expected a GroupInfo with the external_pub extension",
      "12.4.3.1: the cipher suite in the GroupInfo must match the client's",
    ],
  },
  {
    section: "12.4.3.2",
    musts: [1],
    text: "An external commit MUST have a path.",
    checks: [C.noPathExternal, C.pathPresent],
  },
  {
    section: "12.4.3.2",
    musts: [2],
    text: "An external commit MUST NOT have proposals by reference, but of registered types that may be.",
    checks: [C.noReference, "12.4: a proposal of a registered type is included as its registration says"],
  },
  {
    section: "12.4.3.2",
    musts: [3, 4, "6.1#5"],
    text: "An external commit MUST be signed by the new member: the signature MUST be valid under the key of the path's leaf.",
    checks: [C.signature],
    tests: [[EXTERNAL, "signed by another key than its leaf's is refused by 6.1: recipients must verify"]],
  },
  {
    section: "12.4.3.2",
    musts: [5],
    text: "Members and the new member MUST use the external init secret.",
    checks: [C.commitTag],
    tests: [[EXTERNAL, "joins at the leftmost blank leaf, with the same state as the members"]],
  },
  {
    section: "12.4.3.2",
    musts: [6, "6.1#6"],
    text: "The sender type of an external commit MUST be `new_member_commit`, and that one sends nothing else.",
    checks: [
      "12.2: a regular commit must not contain an ExternalInit",
      "6.1: the content of a new member's commit must be a commit",
      "6.1: a commit is sent by a member, or by a new member",
    ],
  },
  {
    section: "12.4.3.3",
    musts: [1],
    text: "A sender MUST NOT list blank nodes after the last that isn't.",
    by: "`treeToNodes` in tree/node-list.ts",
    tests: [[ORDER, "lists no blank nodes at the end of a tree"]],
  },
  {
    section: "12.4.3.3",
    musts: [2],
    text: "A receiver MUST check that the last node isn't blank.",
    checks: ["12.4.3.3: the last node in ratchet_tree must be non-blank"],
  },
  {
    section: "12.4.3.3",
    beyond: "follows from the description of the list",
    text: "Leaves stand at even places and parents at odd ones, and a list MUST be of odd length: a parent at its end has no leaf to its right.",
    checks: [
      "12.4.3.3: even entries of ratchet_tree are leaves",
      "12.4.3.3: odd entries of ratchet_tree are parents",
      C.emptyHalf,
    ],
  },
  {
    section: "12.4.3.3",
    musts: [3],
    text: "The client MUST verify the tree's hash against the GroupContext's before it uses the tree, wherever it comes from.",
    checks: [C.treeHash],
  },
];
