// RFC 9420 §7.2, §7.5, §10, §11, §14, §15.2, §17.1: what a client makes, and what it leaves behind.
import type { Group } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { isZero, text } from "@copse/test-support/bytes";
import { four, gather, keyPackageIn, type Party, party, publicIn, send } from "@copse/test-support/clients";
import { failure } from "@copse/test-support/errors";
import { insider } from "@copse/test-support/insiders";
import { expandingBy } from "@copse/test-support/kdf";
import { vectorProviders } from "@copse/test-support/providers";
import { describe, expect, it } from "vitest";
import { toHex } from "../../src/bytes.js";
import { decode, encode } from "../../src/codec/codec.js";
import { ContentType, WireFormat } from "../../src/wire/framed-content.js";
import { LeafNode } from "../../src/wire/leaf-node.js";
import { MlsMessage } from "../../src/wire/mls-message.js";
import { SUITE } from "../proposals.js";

it("every provider serves suite 1, which clients must implement", async () => {
  for (const { name, suites } of await vectorProviders()) {
    expect(`${name}: ${suites.map(({ id }) => id)}`).toMatch(/\b1\b/);
  }
});

it("the key packages of a client share no key", async () => {
  const { client } = await party("alice", { suite: SUITE });
  const keys = new Set<string>();
  for (let i = 0; i < 10; i++) {
    const { initKey, leafNode } = keyPackageIn(await client.createKeyPackage());
    keys.add(toHex(initKey)).add(toHex(leafNode.encryptionKey));
  }
  expect(keys.size).toBe(20);
});

it("a new leaf node comes with a new signature", async () => {
  const { groups } = await four(SUITE, { policy: { handshake: "public" } });
  const [group] = groups as [Group];
  const signatures = new Set<string>();
  for (let i = 0; i < 5; i++) {
    const { content } = publicIn((await group.commit({ forcePath: true })).commit).content;
    if (content.contentType !== ContentType.commit || content.commit.path === undefined) throw new Error();
    const { signature, ...unsigned } = content.commit.path.leafNode;
    signatures.add(toHex(signature)).add(toHex(encode(LeafNode, { ...unsigned, signature })));
    await group.clearPendingCommit();
  }
  expect(signatures.size).toBe(10);
});

it("a new group has one member, epoch 0, no transcript, and a confirmation tag over that", async () => {
  const alice = await party("alice", { suite: SUITE });
  const group = await alice.client.createGroup();
  const { epoch, config } = await insider(alice, group);
  const { hash } = config.provider;
  expect(epoch.groupContext).toMatchObject({ epoch: 0n, groupId: group.groupId, extensions: [] });
  expect(epoch.groupContext.confirmedTranscriptHash).toHaveLength(0);
  expect(epoch.groupContext.treeHash).toEqual(await epoch.tree.treeHash(config.provider));
  expect([...epoch.tree.members()]).toHaveLength(1);
  const tag = await hash.mac(epoch.secrets.confirmationKey, new Uint8Array());
  expect(epoch.confirmationTag).toEqual(tag);
  // The tag as an opaque vector, after a transcript hash of no bytes.
  expect(epoch.interimTranscriptHash).toEqual(await hash.hash(Uint8Array.of(tag.length, ...tag)));
  // And its secret is another one each time.
  expect((await alice.client.createGroup()).epochAuthenticator).not.toEqual(group.epochAuthenticator);
});

describe("a commit", () => {
  it("leaves the state as it was until it is merged", async () => {
    const meeting = await four(SUITE, { policy: { handshake: "public" } });
    const [group] = meeting.groups as [Group];
    const newMember = await party("new", { suite: SUITE });
    const facts = ({ epochAuthenticator, treeHash, members, extensions, proposals }: Group) =>
      structuredClone({ epochAuthenticator, treeHash, members, extensions, proposals });
    const before = facts(group);
    await group.commit({ add: [await newMember.client.createKeyPackage()], remove: [1], extensions: [] });
    expect(group.epoch).toBe(3n);
    expect(group.members).toHaveLength(4);
    expect(facts(group)).toEqual(before);
    await group.clearPendingCommit();
    expect(facts(group)).toEqual(before);
    for (const other of meeting.groups.slice(1)) await send(other, [group], "as before");
  });

  it("once in force, is what the next message is encrypted for: who was removed can't read it", async () => {
    const { groups } = await four(SUITE);
    const [alice, bob] = groups as [Group, Group];
    const epochOf = (message: Uint8Array) => {
      const decoded = decode(MlsMessage, message);
      return decoded.wireFormat === WireFormat.privateMessage ? decoded.privateMessage.epoch : undefined;
    };
    const { commit } = await alice.remove(1);
    expect(epochOf(await alice.encrypt("still for bob"))).toBe(alice.epoch);
    const before = alice.epoch;
    await alice.mergePendingCommit();
    const message = await alice.encrypt("not for bob");
    expect(epochOf(message)).toBe(before + 1n);
    await failure(bob.receive(message));
    await bob.receive(commit);
    expect((await failure(bob.receive(message))).code).toBe("removed");
  });
});

describe("the secrets of a path are overwritten", () => {
  /** A member whose provider records the secrets of paths that it derives (§7.4). */
  async function watched(name: string) {
    const node = nodeProvider();
    const suite = node.suite(SUITE);
    const derived: Uint8Array[] = [];
    const kdf = expandingBy(suite.kdf, (secret, info, length) => {
      const output = suite.kdf.expand(secret, info, length) as Uint8Array;
      const label = text(info.subarray(3, 3 + (info[2] as number)));
      if (label === "MLS 1.0 path" || label === "MLS 1.0 node") derived.push(output);
      return output;
    });
    const crypto = { ...node, suite: () => ({ ...suite, kdf }) };
    return { derived, ...(await party(name, { suite: SUITE, crypto })) };
  }

  it("by the committer, by a member, and by a new member", async () => {
    const [a, b, c, d] = await Promise.all(["a", "b", "c", "d"].map(watched));
    const { groups } = await gather([a, b, c] as Party[]);
    const [alice, bob] = groups as [Group, Group];
    const added = await alice.commit({
      add: [await (d as Party).client.createKeyPackage()],
      forcePath: true,
    });
    await bob.receive(added.commit);
    await alice.mergePendingCommit();
    const dave = await (d as Party).client.join(added.welcome as Uint8Array);
    expect(dave.epochAuthenticator).toEqual(bob.epochAuthenticator);
    for (const one of [a, b, d]) {
      expect(one?.derived).not.toHaveLength(0);
      expect(one?.derived.every(isZero)).toBe(true);
    }
  });
});
