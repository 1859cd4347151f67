// RFC 9420 §12.1: proposals, each by itself.
import { C, INSIDER_ADD, LEAF_REQUIREMENTS, ORDER, PROPOSAL } from "./names.mjs";

/** @type {readonly import("../rules.mjs").RfcRule[]} */
export const PROPOSALS = [
  {
    section: "12.1",
    musts: [1],
    text: "Who receives a proposal MUST verify its signature.",
    checks: [C.signature],
  },
  {
    section: "12.1",
    musts: [1],
    text: "Who receives a proposal MUST verify that its epoch is the group's.",
    checks: [
      "future-epoch: expected a message of epoch …, got epoch …",
      "past-epoch: expected a message of epoch …, got epoch …",
      "past-epoch: expected a proposal of epoch …, got epoch …",
    ],
  },
  {
    section: "12.1",
    beyond: "follows from the encoding",
    text: "A proposal is of a type that is known: of another one not even its length is.",
    checks: [C.variant],
    tests: [[PROPOSAL, "of a type that nobody registered is malformed"]],
  },
  {
    section: "12.1",
    beyond: "for extensions of the protocol",
    text: "A proposal of a registered type is sent, and committed, as its registration says.",
    checks: [
      "12.1: a proposal of a registered type is sent as often in an epoch as its registration says",
      "12.4: a proposal that commits have by value only isn't sent by itself",
      "12.4: a proposal of a registered type is included as its registration says",
    ],
  },
  {
    section: "12.1.1",
    musts: [1],
    text: "An Add is invalid if its key package is (§10.1).",
    checks: ["10.1: the cipher suite of the KeyPackage must be the group's", C.boundKeyPackage, C.source],
    tests: [[INSIDER_ADD, "%s is refused by %s, in a commit and at creation"]],
  },
  {
    section: "12.1.2",
    musts: [1],
    text: "An Update is invalid if its leaf node is, for an Update (§7.3).",
    checks: [C.source, C.keyChanges, C.boundKeyPackage],
  },
  {
    section: "12.1.2",
    beyond: "said without a MUST, in the description of an Update",
    text: "An Update is for the leaf of its sender, a member.",
    checks: ["12.1.2: an Update replaces the leaf node of its sender, a member"],
  },
  {
    section: "12.1.3",
    musts: [1],
    text: "A Remove is invalid if `removed` isn't a non-blank leaf.",
    checks: [C.removedMember],
  },
  {
    section: "12.1.4",
    musts: [1, 2, "11.2#4", "11.2#5"],
    text: "A PreSharedKey of usage `reinit` is invalid outside of a reinitialization; so it MUST be by §11.2.",
    checks: [C.pskReinit],
  },
  {
    section: "12.1.4",
    musts: [1, 3, "11.3#6", "11.3#7"],
    text: "A PreSharedKey of usage `branch` is invalid outside of a subgroup's branching; so it MUST be by §11.3.",
    checks: [C.pskBranch],
  },
  { section: "12.1.4", musts: [4, "8.4#2"], text: "`psk_nonce` is of `KDF.Nh` bytes.", checks: [C.pskNonce] },
  {
    section: "8.6",
    beyond: "our choice, for who commits",
    text: "All members of the new epoch need a resumption PSK that a commit injects.",
    checks: [
      "8.6: a resumption PSK must be known to all members of the new epoch, so they must have been members in its epoch",
    ],
  },
  {
    section: "12.1.4",
    musts: [5, "8.4#2", "11.3#1"],
    text: "`psk_nonce` MUST be sampled at random.",
    by: "`Group.propose`, `Group.commit`, `joinByExternalCommit`: the provider's random bytes",
    tests: [[ORDER, "names a PSK with another random nonce each time, of KDF.Nh bytes"]],
  },
  {
    section: "12.1.4",
    musts: ["8.4#1"],
    text: "Members derive `psk_secret` with the PSKs in the order of the proposals.",
    by: "`applyProposals` in group/proposals/apply.ts, `pskSecretOf` in group/psks.ts",
    tests: [
      [
        "packages/core/test/client/resumption.test.ts",
        "external and resumption PSKs, several in one commit, and in a Welcome",
      ],
    ],
  },
  {
    section: "12.1.5",
    musts: [1],
    text: "A ReInit is invalid to a version below the group's.",
    checks: ["12.1.5: the version of a ReInit must not be less than the group's"],
  },
  {
    section: "12.1.6",
    text: "An ExternalInit is for external commits only.",
    checks: [C.externalInitOnly, "12.2: a regular commit must not contain an ExternalInit"],
  },
  {
    section: "12.1.7",
    musts: [1],
    text: "GroupContextExtensions are invalid that require what some member doesn't support: those whom the same commit adds count, those whom it removes don't.",
    checks: LEAF_REQUIREMENTS,
    tests: [
      [ORDER, "an Add must do what the extensions of the same commit ask for"],
      [
        "packages/core/test/client/refused-proposals.test.ts",
        "are refused at creation and on receipt, and accepted if all members support them",
      ],
    ],
  },
  {
    section: "12.1.8",
    musts: ["6.1#3"],
    text: "External senders are those that the GroupContext's `external_senders` lists.",
    checks: ["unknown-sender: the group's external_senders have no entry …"],
  },
  {
    section: "12.1.8",
    musts: ["6.1#8"],
    text: "A new member's own proposal is an Add (§6.1).",
    checks: ["6.1: the content of a new member's proposal must be an add"],
  },
  {
    section: "12.1.8",
    beyond: "for the application to decide",
    text: "External proposals that the application doesn't authorize are invalid.",
    checks: ["forbidden: the policy doesn't authorize this … proposal"],
  },
  {
    section: "12.1.8",
    musts: [1],
    text: "An external proposal MUST be sent as a PublicMessage.",
    by: "`createExternalProposal` in group/proposals/standalone.ts, which makes nothing else; a PrivateMessage has no field for such a sender",
    tests: [[PROPOSAL, "is accepted if valid, from a member, an external sender and a new member"]],
  },
  {
    section: "12.1.8",
    musts: [2, "6.1#4"],
    text: "Other types than add, remove, psk, reinit and group_context_extensions MUST be rejected from external senders.",
    checks: [C.externalTypes, "6.1: the content of an external sender must be a proposal"],
  },
  {
    section: "12.1.8",
    musts: [3],
    text: "A new proposal type MUST say whether external senders may send it.",
    by: "`ProposalDefinition.external` in group/extensions/extension-definition.ts: a registration without it doesn't compile",
    checks: [C.externalTypes],
  },
];
