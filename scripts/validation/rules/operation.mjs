// RFC 9420 §14 to §17: sequences of commits, application messages, security, registries.
import { C, MAKER, SECRET_LIFETIME, SECRET_TREE } from "./names.mjs";

/** @type {readonly import("../rules.mjs").RfcRule[]} */
export const OPERATION = [
  {
    section: "14",
    musts: [2],
    text: "Past epochs, and commits that lost, MUST be deleted soon.",
    by: "`policy.maxPastEpochs`; `enterEpoch`, which drops all other commits of its epoch",
    tests: [
      [SECRET_LIFETIME, "once more than maxPastEpochs epochs have passed"],
      [SECRET_LIFETIME, "not before the commit is merged"],
    ],
  },
  {
    section: "14",
    musts: [3],
    text: "Making a commit MUST NOT change the state.",
    by: "`Group.commit`, which adds to the staged commits alone",
    tests: [
      [MAKER, "leaves the state as it was until it is merged"],
      [SECRET_LIFETIME, "not before the commit is merged"],
    ],
  },
  {
    section: "15.2",
    musts: [1],
    text: "A sender MUST NOT encrypt more in an epoch than the AEAD allows (§6.3.1).",
    by: "`SecretTree.next`: a key for each message",
    checks: ["limit: the sender's ratchet is exhausted: … generations are used"],
  },
  {
    section: "15.2",
    musts: [2],
    text: "A commit MUST be applied before the next application message is encrypted.",
    by: "`enterEpoch`, which replaces the epoch as a whole",
    checks: ["pending: proposals were received: commit them before sending application data"],
    tests: [
      [MAKER, "once in force, is what the next message is encrypted for: who was removed can't read it"],
    ],
  },
  {
    section: "15.3",
    text: "How far a ratchet goes forward for a message is limited, before any key is derived.",
    // Not in `checks`: without it the tests would derive 2^32 keys.
    by: "`SecretTree.peek`, with `policy.ratchets.maxForward`",
    tests: [
      [SECRET_TREE, "a generation beyond the limit costs nothing, the last possible one included"],
      ["packages/core/test/client/message-keys.test.ts", "is refused without deriving the keys up to it"],
    ],
  },
  {
    section: "15.3",
    text: "How many keys of skipped generations are kept is limited, for each sender and for all.",
    by: "`policy.ratchets`",
    tests: [
      [SECRET_TREE, "a ratchet keeps at most maxSkipped skipped keys, and drops the oldest first"],
      [
        SECRET_TREE,
        "the tree keeps at most maxSkippedTotal keys, and the ratchets that hold most lose their oldest first",
      ],
    ],
  },
  {
    section: "16.7",
    musts: [1],
    text: "The encryption keys in a tree MUST all be different, and so the signature keys.",
    checks: [C.encryptionKeyUnique, C.signatureKeyUnique, C.parentKeyUnique, C.pathKeysNew],
  },
  {
    section: "17.1",
    musts: [3],
    text: "Clients MUST implement suite 1, MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519.",
    by: "each provider; libsodium in WebAssembly takes AES-128-GCM from WebCrypto",
    tests: [[MAKER, "every provider serves suite 1, which clients must implement"]],
  },
  {
    section: "17.3",
    text: "An extension is only in the messages that its registration lists.",
    checks: ["17.3: an extension must appear only in the messages that its registration lists"],
  },
];
