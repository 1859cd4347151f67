// RFC 9420 §6: messages.
import { C, PRIVATE, PUBLIC, SECRET_TREE } from "./names.mjs";

const MAX_SIZE = "limit: expected a message of at most … bytes, got …";
const EXHAUSTED = "limit: the sender's ratchet is exhausted: … generations are used";

/** @type {readonly import("../rules.mjs").RfcRule[]} */
export const FRAMING = [
  {
    section: "6",
    musts: [1],
    text: "Application data MUST be sent in a PrivateMessage.",
    checks: ["6: applications must use PrivateMessage to encrypt application messages"],
  },
  {
    section: "6",
    beyond: "for extensions of the protocol",
    text: "A proposal of a registered type is sent in the wire format that its registration says.",
    checks: ["6: a proposal of a registered type is sent in the wire format that its registration says"],
  },
  {
    section: "6.1",
    musts: [1, 2, 3, 5, 7, 9],
    text: "A message MUST be signed, and the signature verified, with the key that its sender type says: that of the member's leaf, of the entry of `external_senders`, of the path's leaf, or of the key package in the Add.",
    by: "`signatureKeyOf` in group/proposals/sender.ts",
    checks: [
      C.signature,
      "unknown-sender: the sender is no member of the group",
      "unknown-sender: the group's external_senders have no entry …",
    ],
  },
  {
    section: "6.1",
    musts: [4],
    text: "An external sender MUST send a proposal, of a type that such senders may send.",
    checks: ["6.1: the content of an external sender must be a proposal", C.externalTypes],
  },
  {
    section: "6.1",
    musts: [6],
    text: "A `new_member_commit` MUST be a commit.",
    checks: ["6.1: the content of a new member's commit must be a commit"],
  },
  {
    section: "6.1",
    musts: [8],
    text: "A `new_member_proposal` MUST be a proposal, an Add.",
    checks: ["6.1: the content of a new member's proposal must be an add"],
  },
  {
    section: "6.2",
    musts: [1],
    text: "A member's PublicMessage MUST have the membership tag of the epoch, and those of others have none.",
    by: "`sealPublic` in framing/public-message.ts, the codec of PublicMessage",
    tests: [
      [PUBLIC, "messages come back over the wire, synchronous or not"],
      [PUBLIC, "take no membership key, and their signature covers the context where they join by it"],
    ],
  },
  {
    section: "6.2",
    musts: [2],
    text: "The membership tag, the signature and the confirmation tag of a PublicMessage MUST be checked.",
    checks: [
      C.membershipTag,
      C.signature,
      C.commitTag,
      "6.1: the confirmation tag of a commit is a MAC of the suite",
    ],
  },
  {
    section: "6.3.1",
    musts: [1],
    text: "Padding MUST be zeros.",
    by: "`writePlaintext` in framing/private-message.ts",
    tests: [[PRIVATE, "padding of any size is taken off, and hides the length of the content"]],
  },
  {
    section: "6.3.1",
    musts: [2],
    text: "A PrivateMessage with another byte in its padding MUST be rejected.",
    checks: ["6.3.1: there must be no non-zero bytes in the padding"],
  },
  {
    section: "6.3.1",
    musts: [3],
    text: "A client MUST keep, in its saved state too, which generations it has used.",
    by: "`SecretPieces.get`, `Group.save`, `StoredClient`",
    tests: [
      [SECRET_TREE, "goes on from a saved state at any point"],
      [
        "packages/core/test/storage/records.test.ts",
        "what is written is the group as it is, after each of many operations",
      ],
    ],
  },
  {
    section: "6.3.1",
    musts: [4, 5],
    text: "A message's nonce MUST be changed by four fresh random bytes, which MUST be in its sender data.",
    by: "`sealPrivate` in framing/private-message.ts",
    tests: [[PRIVATE, "the reuse guard makes two messages with one key differ"]],
  },
  {
    section: "6.3.1",
    musts: [6],
    text: "The signature and the confirmation tag of a PrivateMessage MUST be checked.",
    checks: [C.signature, C.commitTag],
    tests: [[PRIVATE, "a signature of another key, context or wire format"]],
  },
  {
    section: "6.3.1",
    musts: [7, "15.2#1"],
    text: "A message MUST fit the limits of the AEAD, and an epoch's messages too: each key encrypts one message, smaller than `policy.maxApplicationSize` or the limits of handshakes, and a ratchet has 2^32 keys.",
    checks: [MAX_SIZE, EXHAUSTED],
    by: "`SecretTree.next`",
  },
  {
    section: "6.3.2",
    musts: [1],
    text: "Only a member sends a PrivateMessage: its leaf index MUST be in the sender data.",
    checks: ["usage: only a member sends private messages, got sender type …"],
  },
  {
    section: "6.3.2",
    musts: [2],
    text: "The leaf index in the sender data MUST be that of a leaf that isn't blank.",
    checks: ["unknown-sender: leaf … has no member"],
  },
];
