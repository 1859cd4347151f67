// RFC 9420 §12.4, §12.4.1, §12.4.2: building and processing commits.
import { C, EXTERNAL, ORDER } from "./names.mjs";

/** @type {readonly import("../rules.mjs").RfcRule[]} */
export const COMMITS = [
  {
    section: "12.4",
    musts: [1],
    text: "A member that has seen valid proposals MUST commit before it sends application data.",
    checks: ["pending: proposals were received: commit them before sending application data"],
  },
  {
    section: "12.4",
    musts: [2, 3],
    text: "Sender and receiver of a commit MUST verify its list of proposals (§12.2).",
    by: "`buildCommit` and `processCommit`, which both call `validateProposals`",
    tests: [
      ["packages/core/test/client/insider-add.test.ts", "%s is refused by %s, in a commit and at creation"],
    ],
  },
  {
    section: "12.4",
    musts: [4],
    text: "`path` MUST be there, unless there are proposals and none of them requires one.",
    checks: [C.pathPresent],
  },
  {
    section: "12.4",
    musts: [5],
    text: "A new proposal type MUST say whether it requires a path.",
    by: "`ProposalDefinition.pathRequired` in group/extensions/extension-definition.ts: a registration without it doesn't compile",
    checks: [C.pathPresent],
  },
  {
    section: "12.4.1",
    musts: [1, 2],
    text: "A committer verifies its list (§12.2), and where a path is required, it MUST make one.",
    by: "`buildCommit` in group/commit/build.ts",
    tests: [[ORDER, "has a path where one is required, and a Welcome for each new member"]],
  },
  {
    section: "12.4.1",
    musts: [3, "8.4#1"],
    text: "The `psks` in a Welcome MUST stand in the order of the proposals.",
    by: "`createWelcome` in group/join/create-welcome.ts",
    tests: [
      [
        "packages/core/test/client/resumption.test.ts",
        "external and resumption PSKs, several in one commit, and in a Welcome",
      ],
    ],
  },
  {
    section: "12.4.1",
    musts: [4],
    text: "The Welcomes MUST cover every new member.",
    by: "`createWelcome` in group/join/create-welcome.ts: one for all",
    tests: [[ORDER, "has a path where one is required, and a Welcome for each new member"]],
  },
  {
    section: "12.4.1",
    musts: [5],
    text: "After a ReInit the committer MUST create the new group with the ReInit's parameters and the same members.",
    by: "`reinitialize`, whose commit `buildCommit` checks as the new members do",
    checks: [
      "11.2: the group ID, version, cipher suite and extensions must be those of the ReInit",
      "12.4.3.1: all members of the old group must be members of the new one",
    ],
    tests: [
      [
        "packages/core/test/client/resumption.test.ts",
        "must include all members, and have the suite and ID of the ReInit",
      ],
    ],
  },
  {
    section: "12.4.1",
    musts: [6, 7, 8, 9, 10, "11.2#3"],
    text: "Its Welcome MUST name the resumption PSK of usage `reinit`, of the old group and of its epoch after the commit.",
    by: "`resumptionPskId` in group/join/resumption.ts",
    checks: ["12.4.3.1: the last commit to the referenced group must contain a ReInit"],
    tests: [["packages/core/test/client/resumption.test.ts", "changes the suite and the group ID"]],
  },
  {
    section: "12.4.2",
    musts: [1],
    text: "The commit's epoch is the group's.",
    checks: [
      "future-epoch: expected a message of epoch …, got epoch …",
      "past-epoch: expected a message of epoch …, got epoch …",
      "past-epoch: another commit ended epoch … here before this one",
    ],
  },
  {
    section: "12.4.2",
    musts: ["6.2#2"],
    text: "The membership tag of a PublicMessage is verified.",
    checks: ["6.2: the membership tag of a member's message must be that of the epoch"],
  },
  {
    section: "12.4.2",
    musts: ["6.3.1#6"],
    text: "A PrivateMessage is decrypted by the sender's key of that generation.",
    by: "`openPrivate` in framing/private-message.ts: the AEAD refuses all else, and so does the secret tree",
    tests: [
      ["packages/core/test/framing/private-message.test.ts", "another member's leaf, generation or ratchet"],
    ],
  },
  {
    section: "12.4.2",
    musts: [2, "6.1#9"],
    text: "The signature on the FramedContent is verified.",
    checks: [C.signature, "unknown-sender: the sender is no member of the group"],
  },
  {
    section: "12.4.2",
    musts: [3],
    text: "The proposals are valid (§12.2), those by reference known.",
    checks: ["proposal-missing: the commit refers to proposals that weren't received: … of …"],
  },
  { section: "12.4.2", musts: [4], text: "All PSKs that are proposed are at hand.", checks: [C.pskKnown] },
  { section: "12.4.2", musts: [5], text: "`path` is there where it is required.", checks: [C.pathPresent] },
  {
    section: "12.4.2",
    beyond: "a step without a MUST",
    text: "An external commit's sender gets the leftmost blank leaf, in a larger tree if there is none.",
    by: "`leftmostBlank` and `reserve` in tree/ratchet-tree.ts",
    tests: [[EXTERNAL, "joins at the leftmost blank leaf, with the same state as the members"]],
  },
  {
    section: "12.4.2",
    musts: [6, "7.3#13", "7.5#1"],
    text: "The path's leaf node is valid (§7.3), and its `leaf_node_source` MUST be `commit`.",
    checks: [
      C.source,
      "12.4.2: the leaf_node_source of an UpdatePath's leaf node must be commit",
      C.boundPath,
      C.authentication,
    ],
  },
  {
    section: "12.4.2",
    musts: [7],
    text: "The path's leaf node has another `encryption_key` than the committer's leaf had.",
    checks: [C.keyChanges],
  },
  {
    section: "12.4.2",
    musts: [8, "16.7#1"],
    text: "None of the path's public keys is in the new tree already.",
    checks: [C.pathKeysNew],
  },
  {
    section: "12.4.2",
    musts: ["7.6#2"],
    text: "The path fits the sender's filtered direct path: a node for each, a ciphertext for each recipient (§7.5, §7.6).",
    checks: [
      "7.5: an update path has a node for each node of the sender's filtered direct path",
      C.ciphertexts,
    ],
  },
  {
    section: "12.4.2",
    musts: ["7.5#4"],
    text: "The path secret is one, and gives the public keys that the path says (§7.4, §7.5).",
    checks: [C.pathSecretLength, "7.5: the derived public keys must be those sent in the UpdatePath"],
  },
  {
    section: "12.4.2",
    musts: [9, "6.2#2", "6.3.1#6"],
    text: "The confirmation tag is that of the new epoch.",
    checks: [C.commitTag],
  },
  {
    section: "12.4.2",
    musts: [10, 11],
    text: "After a ReInit the group MUST NOT be used to send any more, nor for handshakes.",
    checks: [C.closedReceived],
  },
  {
    section: "12.4.2",
    beyond: "a note of the RFC, without a MUST",
    text: "Who is removed can't send any more, and takes nothing.",
    checks: ["removed: this client was removed from the group"],
  },
];
