// RFC 9420 §6, §12: hostile handshakes and application messages, for members and followers.
import type { Proposal } from "@copse/core";
import { uint, vectorOf } from "../tls.js";
import {
  committing,
  EMPTY,
  type Infiltrated,
  infiltrated,
  keyPackage,
  leafNode,
  type NEW_MEMBER,
  privately,
  provider,
  publicly,
} from "./attacker.js";
import type { HostileCase } from "./cases.js";

const KB = 1024;
/** The most that a handshake of a small group may have by default. */
const HANDSHAKE = 700 * KB;
/** The most that a proposal may have. */
const PROPOSAL = 250 * KB;
/** The longest list of capabilities. */
const LIST = 1023;

export const repeat = <T>(count: number, item: (i: number) => T): T[] =>
  Array.from({ length: Math.max(1, Math.floor(count)) }, (_, i) => item(i));
/** `count` different code points that nothing uses. */
const codePoints = (count: number): number[] => repeat(count, (i) => 0x4000 + (i % 0x8000));

type Who = "receive" | "PublicGroup.receive";

/** A message for Bob, or for the follower. */
function message(
  who: Who,
  name: string,
  stage: HostileCase["stage"],
  make: (from: Infiltrated, size: number) => Promise<Uint8Array>,
  size = HANDSHAKE,
): HostileCase {
  return {
    entry: who,
    name,
    stage,
    size,
    async make(length) {
      const from = await infiltrated();
      const bytes = await make(from, length);
      const receiver = who === "receive" ? from.bob : from.follower;
      return { bytes: bytes.length, run: () => receiver.receive(bytes) };
    },
  };
}

const both = (
  ...args: Parameters<typeof message> extends [Who, ...infer Rest] ? Rest : never
): HostileCase[] => (["receive", "PublicGroup.receive"] as const).map((who) => message(who, ...args));

/** As many as a commit may have. */
const REFERENCES = 2 ** 17;

/** As short as a reference may be, with its type and its length. */
const REFERENCE_SIZE = 34;

export const references = (size: number) => {
  const count = Math.min(REFERENCES, Math.floor(size / REFERENCE_SIZE));
  const reference = { type: 2 as const, reference: new Uint8Array(Math.floor(size / count) - 2) };
  return { contentType: 3 as const, commit: { proposals: repeat(count, () => reference), path: undefined } };
};

/** As short as a sealed secret may be. */
const SEALED = new Uint8Array(16);

/** A path of one node with as many ciphertexts as fit, instead of one for each node of a resolution. */
async function junkPath(size: number) {
  const encryptedPathSecret = repeat(size / 34, () => ({ kemOutput: SEALED, ciphertext: SEALED }));
  const nodes = [{ encryptionKey: EMPTY, encryptedPathSecret }];
  const certificates = repeat(64, () => ({ certData: EMPTY }));
  const node = await leafNode({
    credential: { credentialType: 2, certificates },
    leafNodeSource: { type: 1, lifetime: { notBefore: 0n, notAfter: 1n } },
  });
  return { contentType: 3 as const, commit: { proposals: [], path: { leafNode: node, nodes } } };
}

const remove = (removed: number): Proposal => ({ proposalType: 3, removed });
const psk = (i: number): Proposal => ({
  proposalType: 4,
  psk: { pskType: 1, pskId: uint(4, i), pskNonce: new Uint8Array(provider.suite.hash.Nh) },
});

export const longLists = (count = 5 * LIST) => {
  const list = codePoints(Math.min(LIST, count / 5));
  const capabilities = {
    versions: [1, ...list],
    cipherSuites: [1, ...list],
    extensions: list,
    proposals: list,
    credentials: [1, ...list],
  };
  // Extensions that the leaf does list, the last ones first.
  const extensions = repeat(Math.min(128, count / 10), (i) => ({
    extensionType: list[list.length - 1 - i] as number,
    extensionData: EMPTY,
  }));
  return { capabilities, extensions };
};

/** A stranger's proposal of himself: well signed with the key that it has. */
async function strangersAdd(from: Infiltrated, leaf: object, changes: object = {}): Promise<Uint8Array> {
  const { signer, keyPackage: one } = await keyPackage(leaf, changes);
  const content = { contentType: 2 as const, proposal: { proposalType: 1 as const, keyPackage: one } };
  return publicly(from, content, { sender: { senderType: 3 } as typeof NEW_MEMBER, signer });
}

const required = (count: number) => {
  const list = vectorOf(codePoints(count / 3).map((point) => uint(2, point)));
  const data = new Uint8Array(3 * list.length);
  for (const at of [0, 1, 2]) data.set(list, at * list.length);
  return { extensionType: 3, extensionData: data };
};

export const receiveCases: readonly HostileCase[] = [
  message("receive", "commit of a member, junk tag: short references", "before", (from, size) =>
    publicly(from, references(size), { junk: "tag" }),
  ),
  ...both("commit, junk signature: short references", "before", (from, size) =>
    publicly(from, references(size), { junk: "signature" }),
  ),
  message(
    "receive",
    "commit of a member, junk tag: path of short ciphertexts",
    "before",
    async (from, size) => publicly(from, await junkPath(size), { junk: "tag" }),
  ),
  ...both("commit of a new member, junk signature", "before", async (from, size) =>
    publicly(from, await junkPath(size), { junk: "signature", sender: { senderType: 4 } }),
  ),
  ...both(
    "Add of a new member, junk signature: long lists",
    "before",
    async (from, size) => {
      const { keyPackage: one } = await keyPackage(longLists(size / 2));
      const content = { contentType: 2 as const, proposal: { proposalType: 1 as const, keyPackage: one } };
      return publicly(from, content, { sender: { senderType: 3 }, junk: "signature" });
    },
    10 * KB,
  ),
  message(
    "receive",
    "junk PrivateMessage, application",
    "before",
    async (from, size) => {
      const good = await privately(from, { contentType: 1, applicationData: new Uint8Array(size) });
      return good.fill(0x55, good.length - size);
    },
    15 * KB * KB,
  ),
  ...both(
    "Add of a stranger: long lists",
    "after",
    (from, size) => strangersAdd(from, longLists(size / 2)),
    10 * KB,
  ),
  ...both(
    "Add of a stranger: long identity",
    "after",
    (from, size) => strangersAdd(from, { credential: { credentialType: 1, identity: new Uint8Array(size) } }),
    PROPOSAL,
  ),
  ...both(
    "commit: required_capabilities",
    "after",
    (from, size) =>
      publicly(from, committing([{ proposalType: 7, extensions: [required(Math.min(size / 2, 3 * LIST))] }])),
    6 * KB,
  ),
  ...both("commit: short references", "after", (from, size) => publicly(from, references(size))),
  ...both("commit: path of short ciphertexts", "after", async (from, size) =>
    publicly(from, await junkPath(size)),
  ),
  ...both("commit: Removes of one leaf", "after", (from, size) =>
    publicly(from, committing(repeat(size / 7, () => remove(2)))),
  ),
  ...both("commit: PSK ids", "after", (from, size) => publicly(from, committing(repeat(size / 45, psk)))),
  ...both("commit: Adds", "after", (from, size) => commitOf(from, size / 275)),
  ...both("commit: Adds with long lists", "after", (from, size) =>
    commitOf(from, size / (11 * KB), () => longLists()),
  ),
  {
    entry: "receive",
    name: "applications in another's name, far generation, junk signature",
    stage: "after",
    size: 64 * KB,
    async make(size) {
      const from = await infiltrated();
      const messages: Uint8Array[] = [];
      for (let bytes = 0; bytes < size; bytes += (messages.at(-1) as Uint8Array).length) {
        const generation = 1000 - (messages.length % 100);
        const how = { junk: "signature", leafIndex: 2 + (messages.length % 2), generation } as const;
        messages.push(await privately(from, { contentType: 1, applicationData: EMPTY }, how));
      }
      return {
        bytes: messages.reduce((sum, { length }) => sum + length, 0),
        async run() {
          let last: unknown;
          for (const one of messages) await from.bob.receive(one).catch((error) => (last = error));
          throw last;
        },
      };
    },
  },
  message("receive", "commit, private: short references", "after", (from, size) =>
    privately(from, references(size), { generation: 3 }),
  ),
];

type Made = Awaited<ReturnType<typeof keyPackage>>["keyPackage"];
/** They take long to make, and fit any group. */
const madeBefore = new Map<string, Promise<Made[]>>();

async function commitOf(from: Infiltrated, count: number, leafOf?: () => object): Promise<Uint8Array> {
  const name = `${Math.floor(count)} ${leafOf === undefined}`;
  const made =
    madeBefore.get(name) ?? Promise.all(repeat(count, async () => (await keyPackage(leafOf?.())).keyPackage));
  madeBefore.set(name, made);
  return publicly(
    from,
    committing((await made).map((one): Proposal => ({ proposalType: 1, keyPackage: one }))),
  );
}
