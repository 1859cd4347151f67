// What RFC 9420 asks for in §7.3, §7.9, §10.1, §11.1 and §12.1 to §12.4, one entry for each MUST, each "Verify" of its
// lists and each way to be invalid; with the checks that hold it, by their names in the sources.
//
// What no check of a message can hold, as it is about what a sender makes or about the order of work, names the part
// of the sources that does it (`by`), and tests (`tests`).

/**
 * @typedef {object} RfcRule
 * @property {string} section
 * @property {string} text in our own words
 * @property {readonly string[]} [checks] names of checks
 * @property {string} [by] what else holds it
 * @property {readonly (readonly [file: string, title: string])[]} [tests]
 */

const C = {
  authentication: "authentication: the authentication service refused a credential",
  boundKeyPackage:
    "7.3: the signatures of a LeafNode and of its KeyPackage must be valid using signature_key",
  boundPath: "7.3: the signature on the LeafNode must be valid using signature_key",
  boundTree: "7.3: the signature on each LeafNode must be valid using signature_key",
  extensionsRequired:
    "13.4: the capabilities must indicate support for each extension in the GroupContext and those it requires",
  proposalsRequired: "7.3: the proposal types of required_capabilities must be in the capabilities",
  credentialsRequired: "7.3: the credential types of required_capabilities must be in the capabilities",
  credentialForAll: "7.3: the credential type must be supported by all members of the group",
  credentialOwn: "7.2: the credential type used in the LeafNode must be in its capabilities",
  lifetime: "7.3: the current time must be within the lifetime",
  lifetimeTotal:
    "7.2: a LeafNode whose total lifetime is longer than the application's maximum must be rejected",
  extensionsOwn: "7.3: each extension of the LeafNode must be in its capabilities",
  source: "7.3: leaf_node_source must fit the message that the leaf node comes in",
  keyChanges: "7.3: the encryption_key must be different from that of the leaf node being replaced",
  signatureKeyUnique: "7.3: signature_key must be unique among the members of the group",
  encryptionKeyUnique: "7.3: encryption_key must be unique among the members of the group",
  suiteAndVersion: "11.1: all members need to support the cipher suite and protocol version in use",
  hpkeKey: "5.1.1: an HPKE public key must have the encoding that the KEM gives it",
  oneOf: "decode: expected …, got …",
  variant: "decode: expected a known …, got …",
  signature: "6.1: recipients must verify the signature with the sender's key",
  removedMember: "12.1.3: removed must identify a non-blank leaf node",
  pskNonce: "12.1.4: psk_nonce must be of length KDF.Nh",
  pskReinit:
    "12.1.4: a resumption PSK with usage reinit belongs to the first commit after a reinitialization",
  pskBranch: "12.1.4: a resumption PSK with usage branch belongs to the first commit of a subgroup",
  pskKnown: "missing: … isn't known here",
  pskOnce:
    "12.2: a commit must not contain multiple PreSharedKey proposals that reference the same PreSharedKeyID",
  oneTarget:
    "12.2: a commit must not contain multiple Update and/or Remove proposals that apply to the same leaf",
  externalInitOnly: "12.1.6: an ExternalInit can only be used by new members, in an external commit",
  externalTypes: "6.1: the proposal's type must be one that is allowed for external senders",
  pathPresent: "12.4: the path of a commit must be populated unless all of its proposals do without",
  pathKeysNew:
    "12.4.2: none of the public keys in the UpdatePath may appear in any node of the new ratchet tree",
  commitTag: "12.4.2: the confirmation tag must be the one that the new epoch gives",
  parentHashLeaf: "7.9.2: the leaf node's parent_hash must be the parent hash of its filtered direct path",
  parentHashChain: "7.9.2: each non-blank parent node must be parent-hash valid by exactly one chain",
  ciphertexts:
    "7.6: encrypted_path_secret must have one ciphertext for each node of the copath node's resolution",
  pathSecretLength: "7.4: a path secret has KDF.Nh bytes",
  treeHash: "12.4.3.1: the tree hash of the ratchet tree must match the tree_hash in the GroupInfo",
  infoSignature: "12.4.3: new members must verify the signature of the GroupInfo",
  infoSigner: "12.4.3.1: the signer of a GroupInfo must be a member",
  parentKeyUnique:
    "12.4.3.1: the encryption key of a parent node must not appear in any other node of the tree",
  groupIdUnique: "12.4.3: group_id must be unique among the groups that a client participates in",
  noPathExternal: "12.4.3.2: external commits must contain a path",
  noReference: "12.4.3.2: an external commit must not include any proposals by reference",
  oneExternalInit: "12.2: an external commit must contain exactly one ExternalInit",
  nonDefault:
    "12.2: a commit must not contain a proposal of a non-default type that some member who processes it doesn't support",
  closedReceived: "closed: the group ended by ReInit",
  emptyHalf:
    "4.1.2: a parent node without members below both of its children is filtered out of every path, and blank",
};

const LEAF_REQUIREMENTS = [C.extensionsRequired, C.proposalsRequired, C.credentialsRequired];
const ORDER = "packages/core/test/validation/order.test.ts";
const WELCOME = "packages/core/test/validation/welcome.test.ts";
const EXTERNAL = "packages/core/test/validation/external.test.ts";
const PROPOSAL = "packages/core/test/validation/proposal.test.ts";
const INSIDER_ADD = "packages/core/test/client/insider-add.test.ts";

/** @type {readonly RfcRule[]} */
export const RULES = [
  // §7.3
  {
    section: "7.3",
    text: "The credential of a leaf node is valid (§5.3.1): the application's authentication service says so, of one in a key package, an Update, a path or a tree to join.",
    checks: [C.authentication],
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
    text: "A client that sends a leaf node in a proposal or a commit MUST verify that the time is within its `lifetime`; here receivers of these do so too.",
    checks: [C.lifetime],
  },
  {
    section: "7.3",
    text: "A lifetime in all is no longer than the application allows (§7.2).",
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
  // §7.9
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
  // §10.1
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
  // §11.1
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
  // §12.1
  {
    section: "12.1",
    text: "Who receives a proposal MUST verify its signature.",
    checks: [C.signature],
  },
  {
    section: "12.1",
    text: "Who receives a proposal MUST verify that its epoch is the group's.",
    checks: [
      "wrong-epoch: expected a message of epoch …, got epoch …",
      "wrong-epoch: expected a proposal of the current epoch, got epoch …",
    ],
  },
  {
    section: "12.1",
    text: "A proposal is of a type that is known: of another one not even its length is.",
    checks: [C.variant],
    tests: [[PROPOSAL, "of a type that nobody registered is malformed"]],
  },
  {
    section: "12.1",
    text: "A proposal of a registered type is sent, and committed, as its registration says.",
    checks: [
      "12.1: a proposal of a registered type is sent as often in an epoch as its registration says",
      "12.4: a proposal that commits have by value only isn't sent by itself",
      "12.4: a proposal of a registered type is included as its registration says",
    ],
  },
  {
    section: "12.1.1",
    text: "An Add is invalid if its key package is (§10.1).",
    checks: ["10.1: the cipher suite of the KeyPackage must be the group's", C.boundKeyPackage, C.source],
    tests: [[INSIDER_ADD, "%s is refused by %s, in a commit and at creation"]],
  },
  {
    section: "12.1.2",
    text: "An Update is invalid if its leaf node is, for an Update (§7.3).",
    checks: [C.source, C.keyChanges, C.boundKeyPackage],
  },
  {
    section: "12.1.2",
    text: "An Update is for the leaf of its sender, a member.",
    checks: ["12.1.2: an Update replaces the leaf node of its sender, a member"],
  },
  {
    section: "12.1.3",
    text: "A Remove is invalid if `removed` isn't a non-blank leaf.",
    checks: [C.removedMember],
  },
  {
    section: "12.1.4",
    text: "A PreSharedKey of usage `reinit` is invalid outside of a reinitialization; so it MUST be by §11.2.",
    checks: [C.pskReinit],
  },
  {
    section: "12.1.4",
    text: "A PreSharedKey of usage `branch` is invalid outside of a subgroup's branching; so it MUST be by §11.3.",
    checks: [C.pskBranch],
  },
  { section: "12.1.4", text: "`psk_nonce` is of `KDF.Nh` bytes.", checks: [C.pskNonce] },
  {
    section: "12.1.4",
    text: "`psk_nonce` MUST be sampled at random.",
    by: "`Group.propose`, `Group.commit`, `Client.joinByExternalCommit`: the provider's random bytes",
    tests: [[ORDER, "names a PSK with another random nonce each time, of KDF.Nh bytes"]],
  },
  {
    section: "12.1.4",
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
    text: "External senders are those that the GroupContext's `external_senders` lists.",
    checks: ["unknown-sender: the group's external_senders have no entry …"],
  },
  {
    section: "12.1.8",
    text: "A new member's own proposal is an Add (§6.1).",
    checks: ["6.1: the content of a new member's proposal must be an add"],
  },
  {
    section: "12.1.8",
    text: "External proposals that the application doesn't authorize are invalid.",
    checks: ["forbidden: the policy doesn't authorize this … proposal"],
  },
  {
    section: "12.1.8",
    text: "An external proposal MUST be sent as a PublicMessage.",
    by: "`createExternalProposal` in group/proposals/external.ts, which makes nothing else; a PrivateMessage has no field for such a sender",
    tests: [[PROPOSAL, "is accepted if valid, from a member, an external sender and a new member"]],
  },
  {
    section: "12.1.8",
    text: "Other types than add, remove, psk, reinit and group_context_extensions MUST be rejected from external senders.",
    checks: [C.externalTypes, "6.1: the content of an external sender must be a proposal"],
  },
  {
    section: "12.1.8",
    text: "A new proposal type MUST say whether external senders may send it.",
    by: "`ProposalDefinition.external` in group/extensions/extension-definition.ts: a registration without it doesn't compile",
    checks: [C.externalTypes],
  },
  // §12.2
  {
    section: "12.2",
    text: "Committers and receivers MUST verify the list; an invalid one MUST be rejected, and changes nothing.",
    by: "`buildCommit` and `processCommit`, which both call `validateProposals` and `checkResult`; each test of a refusal compares the saved state",
    tests: [
      ["packages/core/test/client/insider-commit.test.ts", "%s is refused by %s"],
      ["packages/core/test/client/insider-add.test.ts", "%s is refused by %s, in a commit and at creation"],
    ],
  },
  {
    section: "12.2",
    text: "No proposal in it is invalid by itself (§12.1).",
    checks: [C.removedMember, C.pskNonce, C.boundKeyPackage],
  },
  {
    section: "12.2",
    text: "No Update by the committer.",
    checks: ["12.2: a commit must not contain an Update generated by the committer"],
  },
  {
    section: "12.2",
    text: "No Remove of the committer.",
    checks: ["12.2: a commit must not remove its committer"],
  },
  { section: "12.2", text: "Not several Updates or Removes of one leaf.", checks: [C.oneTarget] },
  {
    section: "12.2",
    text: "Not several Adds of one client.",
    checks: ["12.2: a commit must not contain multiple Adds that represent the same client"],
  },
  {
    section: "12.2",
    text: "No Add of a client that is a member, unless it is removed too.",
    checks: [C.signatureKeyUnique],
    tests: [[ORDER, "is refused as a new member that is a member already, unless that is removed"]],
  },
  { section: "12.2", text: "Not several PreSharedKeys of one PreSharedKeyID.", checks: [C.pskOnce] },
  {
    section: "12.2",
    text: "Not several GroupContextExtensions.",
    checks: ["12.2: a commit must not contain multiple GroupContextExtensions proposals"],
  },
  {
    section: "12.2",
    text: "A ReInit only alone.",
    checks: ["12.2: a commit must not contain a ReInit together with any other proposal"],
  },
  {
    section: "12.2",
    text: "No ExternalInit in a regular commit.",
    checks: ["12.2: a regular commit must not contain an ExternalInit"],
  },
  {
    section: "12.2",
    text: "No proposal of a non-default type that a member who processes the commit doesn't support.",
    checks: [C.nonDefault],
  },
  {
    section: "12.2",
    text: "The tree that comes of the commit is valid, each of its leaf nodes too.",
    checks: [C.signatureKeyUnique, C.encryptionKeyUnique, C.credentialForAll, C.suiteAndVersion],
  },
  {
    section: "12.2",
    text: "The application may have rules of its own.",
    checks: ["forbidden: the policy doesn't authorize this … proposal"],
  },
  { section: "12.2", text: "An external commit has exactly one ExternalInit.", checks: [C.oneExternalInit] },
  {
    section: "12.2",
    text: "An external commit has at most one Remove.",
    checks: ["12.2: an external commit must contain at most one Remove"],
  },
  {
    section: "12.2",
    text: "With a Remove, the path's leaf node MUST do as an Update of the removed leaf would: the application takes its credential for the removed one's, and its key is another.",
    checks: [C.authentication, C.keyChanges],
    tests: [
      [
        "packages/core/test/client/external-commit-rules.test.ts",
        "an external commit is held to the rules of external commits, whatever its proposals",
      ],
      [EXTERNAL, "with the leaf key of its removed former self"],
    ],
  },
  {
    section: "12.2",
    text: "An external commit may have PreSharedKeys, each once.",
    checks: [C.pskOnce],
    tests: [["packages/core/test/client/psk.test.ts", "can be in an external commit"]],
  },
  {
    section: "12.2",
    text: "An external commit has no other proposals.",
    checks: [
      "12.2: an external commit must contain no other proposals than ExternalInit, Remove and PreSharedKey",
    ],
  },
  // §12.3
  {
    section: "12.3",
    text: "GroupContextExtensions MUST be applied first; the new extensions MUST be used to judge the other proposals.",
    by: "`extensionsAfter` in group/proposals/apply.ts, before `checkProposals`",
    checks: [C.extensionsRequired],
    tests: [
      [ORDER, "an Add must do what the extensions of the same commit ask for"],
      [ORDER, "an Add needn't do what the replaced extensions asked for"],
    ],
  },
  {
    section: "12.3",
    text: "Updates MUST be applied before Removes, these before Adds, and Adds in the order of the list.",
    by: "`applyProposals` in group/proposals/apply.ts",
    tests: [
      [ORDER, "a new member takes the leaf of a removed one"],
      [ORDER, "an Update blanks its path and replaces its leaf before the committer's path is merged"],
      [
        "packages/core/test/tree/ratchet-tree.test.ts",
        "§12.1.1: adding many at once is adding one after the other",
      ],
    ],
  },
  {
    section: "12.3",
    text: "PSKs MUST be looked up in the order of the list.",
    by: "`pskSecretOf` in group/psks.ts",
    tests: [
      [
        "packages/core/test/client/resumption.test.ts",
        "external and resumption PSKs, several in one commit, and in a Welcome",
      ],
    ],
  },
  {
    section: "12.3",
    text: "An ExternalInit gives the `init_secret`; a ReInit is remembered.",
    by: "`applyProposals`, `processCommit`, `enterEpoch`",
    tests: [
      [EXTERNAL, "joins at the leftmost blank leaf, with the same state as the members"],
      ["packages/core/test/client/resumption.test.ts", "changes the suite and the group ID"],
    ],
  },
  {
    section: "12.3",
    text: "A new proposal type MUST say how it is applied.",
    by: "`ProposalDefinition` in group/extensions/extension-definition.ts: `removes`, `changeExtensions`",
    tests: [["packages/extensions/test/self-remove.test.ts", "is removed by an external commit"]],
  },
  // §12.4
  {
    section: "12.4",
    text: "A member that has seen valid proposals MUST commit before it sends application data.",
    checks: ["pending: proposals were received: commit them before sending application data"],
  },
  {
    section: "12.4",
    text: "Sender and receiver of a commit MUST verify its list of proposals (§12.2).",
    by: "`buildCommit` and `processCommit`, which both call `validateProposals`",
    tests: [
      ["packages/core/test/client/insider-add.test.ts", "%s is refused by %s, in a commit and at creation"],
    ],
  },
  {
    section: "12.4",
    text: "`path` MUST be there, unless there are proposals and none of them requires one.",
    checks: [C.pathPresent],
  },
  {
    section: "12.4",
    text: "A new proposal type MUST say whether it requires a path.",
    by: "`ProposalDefinition.pathRequired` in group/extensions/extension-definition.ts: a registration without it doesn't compile",
    checks: [C.pathPresent],
  },
  {
    section: "12.4.1",
    text: "A committer verifies its list (§12.2), and where a path is required, it MUST make one.",
    by: "`buildCommit` in group/commit/build.ts",
    tests: [[ORDER, "has a path where one is required, and a Welcome for each new member"]],
  },
  {
    section: "12.4.1",
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
    text: "The Welcomes MUST cover every new member.",
    by: "`createWelcome` in group/join/create-welcome.ts: one for all",
    tests: [[ORDER, "has a path where one is required, and a Welcome for each new member"]],
  },
  {
    section: "12.4.1",
    text: "After a ReInit the committer MUST create the new group with the ReInit's parameters and the same members.",
    by: "`Client.reinitialize`, whose commit `buildCommit` checks as the new members do",
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
    text: "Its Welcome MUST name the resumption PSK of usage `reinit`, of the old group and of its epoch after the commit.",
    by: "`resumptionPskId` in group/join/resumption.ts",
    checks: ["12.4.3.1: the last commit to the referenced group must contain a ReInit"],
    tests: [["packages/core/test/client/resumption.test.ts", "changes the suite and the group ID"]],
  },
  {
    section: "12.4.2",
    text: "The commit's epoch is the group's.",
    checks: [
      "wrong-epoch: expected a message of epoch …, got epoch …",
      "fork: another commit ended epoch … here: this one came later, or belongs to a diverged (forked) group",
    ],
  },
  {
    section: "12.4.2",
    text: "The membership tag of a PublicMessage is verified.",
    checks: [
      "fork: the membership tag (RFC 9420 §6.2) isn't that of this epoch: the message is from a diverged (forked) group, or was changed",
    ],
  },
  {
    section: "12.4.2",
    text: "A PrivateMessage is decrypted by the sender's key of that generation.",
    by: "`openPrivate` in framing/private-message.ts: the AEAD refuses all else, and so does the secret tree",
    tests: [
      ["packages/core/test/framing/private-message.test.ts", "another member's leaf, generation or ratchet"],
    ],
  },
  {
    section: "12.4.2",
    text: "The signature on the FramedContent is verified.",
    checks: [C.signature, "unknown-sender: the sender is no member of the group"],
  },
  {
    section: "12.4.2",
    text: "The proposals are valid (§12.2), those by reference known.",
    checks: ["missing: the commit refers to a proposal that wasn't received"],
  },
  { section: "12.4.2", text: "All PSKs that are proposed are at hand.", checks: [C.pskKnown] },
  { section: "12.4.2", text: "`path` is there where it is required.", checks: [C.pathPresent] },
  {
    section: "12.4.2",
    text: "An external commit's sender gets the leftmost blank leaf, in a larger tree if there is none.",
    by: "`leftmostBlank` and `reserve` in tree/ratchet-tree.ts",
    tests: [[EXTERNAL, "joins at the leftmost blank leaf, with the same state as the members"]],
  },
  {
    section: "12.4.2",
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
    text: "The path's leaf node has another `encryption_key` than the committer's leaf had.",
    checks: [C.keyChanges],
  },
  {
    section: "12.4.2",
    text: "None of the path's public keys is in the new tree already.",
    checks: [C.pathKeysNew],
  },
  {
    section: "12.4.2",
    text: "The path fits the sender's filtered direct path: a node for each, a ciphertext for each recipient (§7.5, §7.6).",
    checks: [
      "7.5: an update path has a node for each node of the sender's filtered direct path",
      C.ciphertexts,
    ],
  },
  {
    section: "12.4.2",
    text: "The path secret is one, and gives the public keys that the path says (§7.4, §7.5).",
    checks: [C.pathSecretLength, "7.5: the derived public keys must be those sent in the UpdatePath"],
  },
  {
    section: "12.4.2",
    text: "The confirmation tag is that of the new epoch.",
    checks: [C.commitTag],
  },
  {
    section: "12.4.2",
    text: "After a ReInit the group MUST NOT be used to send any more, nor for handshakes.",
    checks: [C.closedReceived],
  },
  {
    section: "12.4.2",
    text: "Who is removed can't send any more, and takes nothing.",
    checks: ["removed: this client was removed from the group"],
  },
  {
    section: "12.4.3",
    text: "Unknown extensions in `GroupInfo.extensions` MUST be ignored.",
    by: "`findExtension` in tree/extension.ts, which looks for those it knows",
    tests: [[WELCOME, "is accepted if valid, and unknown extensions of its GroupInfo are ignored"]],
  },
  {
    section: "12.4.3",
    text: "The GroupContext's extensions MUST be supported by who joins.",
    checks: ["13.4: a client must support every extension in the GroupContext of its groups"],
  },
  {
    section: "12.4.3",
    text: "`group_id` MUST be unique among the groups that who joins is in.",
    checks: [C.groupIdUnique],
  },
  {
    section: "12.4.3",
    text: "The GroupInfo's `signature` MUST be verified with the key of the leaf at `signer`.",
    checks: [C.infoSignature, C.infoSigner],
  },
  {
    section: "12.4.3.1",
    text: "Without the tree in the Welcome the client MUST get it elsewhere before it goes on.",
    checks: ["missing: expected options.ratchetTree: the GroupInfo doesn't carry the tree"],
  },
  {
    section: "12.4.3.1",
    text: "An entry of `secrets` is for a key package of this client, of the Welcome's suite.",
    checks: [
      "missing: the Welcome is for none of this client's key packages",
      "12.4.3.1: the cipher suite indicated in the KeyPackage must match the one in the Welcome",
    ],
  },
  {
    section: "12.4.3.1",
    text: "The joiner secret is one of the suite (§8).",
    checks: ["8: the joiner secret has KDF.Nh bytes"],
  },
  { section: "12.4.3.1", text: "The client has all PSKs that are named.", checks: [C.pskKnown] },
  {
    section: "12.4.3.1",
    text: "A PSK of usage `reinit` or `branch` is the only such PSK.",
    checks: ["12.4.3.1: a resumption PSK with usage reinit or branch must be the only such PSK"],
  },
  {
    section: "12.4.3.1",
    text: "The signature on the GroupInfo is valid, and the leaf at `signer` not blank.",
    checks: [C.infoSignature, C.infoSigner],
  },
  { section: "12.4.3.1", text: "`group_id` is unique among the client's groups.", checks: [C.groupIdUnique] },
  {
    section: "12.4.3.1",
    text: "The GroupInfo's suite is the key package's.",
    checks: ["12.4.3.1: the cipher suite in the GroupInfo must match the client's"],
  },
  { section: "12.4.3.1", text: "The tree's hash is the GroupInfo's `tree_hash`.", checks: [C.treeHash] },
  {
    section: "12.4.3.1",
    text: "Each non-empty parent node is parent-hash valid (§7.9.2).",
    checks: [C.parentHashChain],
  },
  {
    section: "12.4.3.1",
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
    text: "Each unmerged leaf is a non-blank leaf below the parent node; the list is sorted (§7.1).",
    checks: [
      "12.4.3.1: each unmerged leaf must be a descendant of its parent node",
      "12.4.3.1: each unmerged leaf must be non-blank",
      "7.1: unmerged_leaves must be sorted in increasing order",
    ],
  },
  {
    section: "12.4.3.1",
    text: "Every non-blank node between an unmerged leaf and the parent node lists it too.",
    checks: [
      "12.4.3.1: every non-blank node between an unmerged leaf and the parent node must list the leaf too",
    ],
  },
  {
    section: "12.4.3.1",
    text: "A parent node's encryption key is in no other node.",
    checks: [C.parentKeyUnique],
  },
  {
    section: "12.4.3.1",
    text: "A leaf is identical to the key package's.",
    checks: ["12.4.3.1: a leaf must be identical to the leaf node of the KeyPackage"],
  },
  {
    section: "12.4.3.1",
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
    text: "The GroupInfo's confirmation tag is that of the epoch.",
    checks: ["12.4.3.1: the confirmation tag in the GroupInfo must be the one that the epoch gives"],
  },
  {
    section: "12.4.3.1",
    text: "With a PSK of usage `reinit` or `branch` the epoch is 1, and the group that it names is known.",
    checks: [
      "12.4.3.1: with a resumption PSK for reinit or branch, the epoch must be 1",
      "missing: the group that this one resumes isn't known here",
    ],
  },
  {
    section: "12.4.3.1",
    text: "For `reinit`, the last commit to the old group has a ReInit, and the group's ID, version, suite and extensions are the ReInit's.",
    checks: [
      "12.4.3.1: the last commit to the referenced group must contain a ReInit",
      "11.2: the group ID, version, cipher suite and extensions must be those of the ReInit",
    ],
  },
  {
    section: "12.4.3.1",
    text: "For `reinit`, all members of the old group are in the new one.",
    checks: ["12.4.3.1: all members of the old group must be members of the new one"],
  },
  {
    section: "12.4.3.1",
    text: "For `branch`, version and suite are the old group's.",
    checks: ["11.3: the version and cipher suite of a subgroup must be those of the group"],
  },
  {
    section: "12.4.3.1",
    text: "For `branch`, the members are some of the old group's.",
    checks: ["11.3: each member of a subgroup must be a member of the group"],
  },
  {
    section: "12.4.3.2",
    text: "An external commit takes a GroupInfo with `external_pub`, of the client's suite.",
    checks: [
      "missing: expected a GroupInfo with the external_pub extension",
      "12.4.3.1: the cipher suite in the GroupInfo must match the client's",
    ],
  },
  {
    section: "12.4.3.2",
    text: "An external commit MUST have a path.",
    checks: [C.noPathExternal, C.pathPresent],
  },
  {
    section: "12.4.3.2",
    text: "An external commit MUST NOT have proposals by reference, but of registered types that may be.",
    checks: [C.noReference, "12.4: a proposal of a registered type is included as its registration says"],
  },
  {
    section: "12.4.3.2",
    text: "An external commit MUST be signed by the new member: the signature MUST be valid under the key of the path's leaf.",
    checks: [C.signature],
    tests: [[EXTERNAL, "signed by another key than its leaf's is refused by 6.1: recipients must verify"]],
  },
  {
    section: "12.4.3.2",
    text: "Members and the new member MUST use the external init secret.",
    checks: [C.commitTag],
    tests: [[EXTERNAL, "joins at the leftmost blank leaf, with the same state as the members"]],
  },
  {
    section: "12.4.3.2",
    text: "The sender type of an external commit MUST be `new_member_commit`, and that one sends nothing else.",
    checks: [
      "12.2: a regular commit must not contain an ExternalInit",
      "6.1: the content of a new member's commit must be a commit",
      "6.1: a commit is sent by a member, or by a new member",
    ],
  },
  {
    section: "12.4.3.3",
    text: "A sender MUST NOT list blank nodes after the last that isn't.",
    by: "`slotToNodes` in tree/from-nodes.ts",
    tests: [[ORDER, "lists no blank nodes at the end of a tree"]],
  },
  {
    section: "12.4.3.3",
    text: "A receiver MUST check that the last node isn't blank.",
    checks: ["12.4.3.3: the last node in ratchet_tree must be non-blank"],
  },
  {
    section: "12.4.3.3",
    text: "Leaves stand at even places and parents at odd ones, and a list MUST be of odd length: a parent at its end has no leaf to its right.",
    checks: [
      "12.4.3.3: even entries of ratchet_tree are leaves",
      "12.4.3.3: odd entries of ratchet_tree are parents",
      C.emptyHalf,
    ],
  },
  {
    section: "12.4.3.3",
    text: "The client MUST verify the tree's hash against the GroupContext's before it uses the tree, wherever it comes from.",
    checks: [C.treeHash],
  },
];
