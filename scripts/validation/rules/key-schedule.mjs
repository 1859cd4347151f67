// RFC 9420 §8, §9: pre-shared keys, the keys of messages, and what is deleted.
import { C, FORWARD_SECRECY, PRIVATE, SECRET_LIFETIME, SECRET_TREE } from "./names.mjs";

/** @type {readonly import("../rules.mjs").RfcRule[]} */
export const KEY_SCHEDULE = [
  {
    section: "8.4",
    musts: [1],
    text: "A commit and its Welcome MUST name the same PSKs in the same order.",
    by: "`createWelcome` in group/join/create-welcome.ts; another order gives another epoch",
    checks: [
      C.welcomePsks,
      "12.4.3.1: the confirmation tag in the GroupInfo must be the one that the epoch gives",
    ],
    tests: [
      [
        "packages/core/test/client/resumption.test.ts",
        "external and resumption PSKs, several in one commit, and in a Welcome",
      ],
    ],
  },
  {
    section: "8.4",
    musts: [2],
    text: "The nonce of a PSK MUST be random, of `KDF.Nh` bytes, in a proposal and in a Welcome.",
    checks: [C.pskNonce],
    tests: [
      [
        "packages/core/test/validation/order.test.ts",
        "names a PSK with another random nonce each time, of KDF.Nh bytes",
      ],
    ],
  },
  {
    section: "9.1",
    musts: [1],
    text: "A key and nonce MUST NOT encrypt more than one message.",
    by: "`SecretTree.next` in schedule/secret-tree.ts, which deletes what it gives",
    checks: ["limit: the sender's ratchet is exhausted: … generations are used"],
    tests: [
      [SECRET_TREE, "never gives one key to two messages sent at once"],
      [PRIVATE, "many messages sent at once through an asynchronous provider have different keys"],
    ],
  },
  {
    section: "9.2",
    musts: [1, 2, 5, 6],
    text: "The key and nonce of a message, and the ratchet secrets that led to them, MUST be deleted as soon as the message is encrypted or decrypted.",
    by: "`SecretTree.next` and `PeekedKey.consume` in schedule/secret-tree.ts",
    tests: [
      [SECRET_TREE, "consumes a generation once, however many have peeked at it"],
      [FORWARD_SECRECY, "after messages out of order"],
      [FORWARD_SECRECY, "after sending"],
      [FORWARD_SECRECY, "every secret that was derived is overwritten, or is one that the state still holds"],
      ["packages/core/test/client/message-keys.test.ts", "no consumed key can be derived from a saved state"],
    ],
  },
  {
    section: "9.2",
    musts: [4],
    text: "The secrets of the tree's nodes from the root to the sender's leaf MUST be deleted.",
    by: "`SecretTree` in schedule/secret-tree.ts, when a leaf's ratchets begin",
    tests: [
      [FORWARD_SECRECY, "the encryption secret is overwritten with the first key consumed, and not before"],
      [FORWARD_SECRECY, "every secret that was derived is overwritten, or is one that the state still holds"],
    ],
  },
  {
    section: "9.2",
    musts: [3],
    text: "The commit, joiner, epoch and encryption secrets of the epoch, and the init secret of the last one, MUST be deleted.",
    by: "`wipe` where they were used, in schedule/key-schedule.ts and group; `enterEpoch`",
    tests: [
      [SECRET_LIFETIME, "as soon as a commit is merged, another commit arrives, or the group is closed"],
      [FORWARD_SECRECY, "the encryption secret is overwritten with the first key consumed, and not before"],
    ],
  },
];
