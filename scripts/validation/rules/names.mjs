// The names of checks that rules refer to, and the files of tests that several rules name.

export const C = {
  authentication: "authentication: the authentication service refused a credential",
  successor: "authentication: the credential isn't a successor of the one that it replaces",
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
  signatureKey: "5.1.1: a public signature key must be one of the suite's signature scheme",
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
  uniqueTypes: "13.4: a list of extensions must not have more than one extension of any given type",
  supportOwn: "13.4: a client must support every extension in the GroupContext of its groups",
  welcomePsks: "8.4: the psks of a Welcome must be those of the commit, each once",
  membershipTag: "6.2: the membership tag of a member's message must be that of the epoch",
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
  groupExists:
    "group-exists: this client has a group with this ID: close or delete it first, or pass `replace: true`",
  noPathExternal: "12.4.3.2: external commits must contain a path",
  noReference: "12.4.3.2: an external commit must not include any proposals by reference",
  oneExternalInit: "12.2: an external commit must contain exactly one ExternalInit",
  nonDefault:
    "12.2: a commit must not contain a proposal of a non-default type that some member who processes it doesn't support",
  closedReceived: "closed: the group ended by ReInit",
  emptyHalf:
    "4.1.2: a parent node without members below both of its children is filtered out of every path, and blank",
};

export const LEAF_REQUIREMENTS = [C.extensionsRequired, C.proposalsRequired, C.credentialsRequired];
export const MAKER = "packages/core/test/validation/maker.test.ts";
export const PRIVATE = "packages/core/test/framing/private-message.test.ts";
export const PUBLIC = "packages/core/test/framing/public-message.test.ts";
export const CODEC = "packages/core/test/codec/properties.test.ts";
export const SECRET_TREE = "packages/core/test/schedule/secret-tree.test.ts";
export const FORWARD_SECRECY = "packages/core/test/schedule/forward-secrecy.test.ts";
export const SECRET_LIFETIME = "packages/core/test/client/secret-lifetime.test.ts";
export const RESUMPTION = "packages/core/test/client/resumption.test.ts";
export const SUITES = "packages/core/test/client/suites.test.ts";
export const REGISTRATION = "packages/core/test/client/registration.test.ts";
export const GREASE = "packages/extensions/test/grease.test.ts";
export const ORDER = "packages/core/test/validation/order.test.ts";
export const WELCOME = "packages/core/test/validation/welcome.test.ts";
export const EXTERNAL = "packages/core/test/validation/external.test.ts";
export const PROPOSAL = "packages/core/test/validation/proposal.test.ts";
export const INSIDER_ADD = "packages/core/test/client/insider-add.test.ts";
