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
const HANDSHAKE = 900 * KB;

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

const reference = { type: 2 as const, reference: EMPTY };
const references = (size: number) => ({
  contentType: 3 as const,
  commit: { proposals: repeat(size / 2, () => reference), path: undefined },
});

async function junkPath(size: number) {
  const certificates = repeat(size / 2, () => ({ certData: EMPTY }));
  const node = await leafNode({
    credential: { credentialType: 2, certificates },
    leafNodeSource: { type: 1, lifetime: { notBefore: 0n, notAfter: 1n } },
  });
  const nodes = repeat(size / 4, () => ({ encryptionKey: EMPTY, encryptedPathSecret: [] }));
  return { contentType: 3 as const, commit: { proposals: [], path: { leafNode: node, nodes } } };
}

const remove = (removed: number): Proposal => ({ proposalType: 3, removed });
const psk = (i: number): Proposal => ({
  proposalType: 4,
  psk: { pskType: 1, pskId: uint(4, i), pskNonce: new Uint8Array(provider.suite.hash.Nh) },
});

const longLists = (count: number) => {
  const list = codePoints(count / 5);
  const capabilities = {
    versions: [1, ...list],
    cipherSuites: [1, ...list],
    extensions: list,
    proposals: list,
    credentials: [1, ...list],
  };
  // Extensions that the leaf does list, the last ones first.
  const extensions = repeat(count / 10, (i) => ({
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
  message("receive", "commit of a member, junk tag: empty references", "before", (from, size) =>
    publicly(from, references(size), { junk: "tag" }),
  ),
  ...both("commit, junk signature: empty references", "before", (from, size) =>
    publicly(from, references(size), { junk: "signature" }),
  ),
  message("receive", "commit of a member, junk tag: path of empty nodes", "before", async (from, size) =>
    publicly(from, await junkPath(size), { junk: "tag" }),
  ),
  ...both("commit of a new member, junk signature", "before", async (from, size) =>
    publicly(from, await junkPath(size), { junk: "signature", sender: { senderType: 4 } }),
  ),
  ...both("Add of a new member, junk signature: long lists", "before", async (from, size) => {
    const { keyPackage: one } = await keyPackage(longLists(size / 3));
    const content = { contentType: 2 as const, proposal: { proposalType: 1 as const, keyPackage: one } };
    return publicly(from, content, { sender: { senderType: 3 }, junk: "signature" });
  }),
  message("receive", "junk PrivateMessage", "before", async (from, size) => {
    const good = await privately(from, { contentType: 1, applicationData: new Uint8Array(size) });
    const junk = good.slice();
    junk.fill(0x55, 60);
    return junk;
  }),
  ...both("Add of a stranger: long capability lists", "after", (from, size) =>
    strangersAdd(from, longLists(size / 3)),
  ),
  ...both("Add of a stranger: many extensions", "after", (from, size) =>
    strangersAdd(from, {
      extensions: repeat(size / 3, () => ({ extensionType: 0x7777, extensionData: EMPTY })),
    }),
  ),
  ...both("commit: required_capabilities", "after", (from, size) =>
    publicly(from, committing([{ proposalType: 7, extensions: [required(size / 2)] }])),
  ),
  ...both("commit: empty references", "after", (from, size) => publicly(from, references(size))),
  ...both("commit: path of empty nodes", "after", async (from, size) => publicly(from, await junkPath(size))),
  ...both("commit: Removes of one leaf", "after", (from, size) =>
    publicly(from, committing(repeat(size / 7, () => remove(2)))),
  ),
  ...both("commit: PSK ids", "after", (from, size) => publicly(from, committing(repeat(size / 45, psk)))),
  ...both("commit: Adds", "after", async (from, size) => {
    const adds = await Promise.all(
      repeat(
        size / 256,
        async (): Promise<Proposal> => ({ proposalType: 1, keyPackage: (await keyPackage()).keyPackage }),
      ),
    );
    return publicly(from, committing(adds));
  }),
  message("receive", "application in another's name, far generation, junk signature", "after", (from) =>
    privately(
      from,
      { contentType: 1, applicationData: EMPTY },
      { junk: "signature", leafIndex: 2, generation: 1000 },
    ),
  ),
  message("receive", "handshake, private: empty references", "after", (from, size) =>
    privately(from, references(size), { generation: 3 }),
  ),
];
