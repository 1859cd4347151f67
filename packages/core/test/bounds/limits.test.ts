// RFC 9420 §16: limits. None of them divides a group, and nothing costs more than linear time in what comes from outside.
import type { Group, Proposal } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { four, gather, type Party, party } from "@copse/test-support/clients";
import { code, failure, refused } from "@copse/test-support/errors";
import { by, forge, type Insider, insider } from "@copse/test-support/insiders";
import { describe, expect, it } from "vitest";
import { decode, encode, opaque, struct, vector } from "../../src/codec/index.js";
import type { MlsExtension } from "../../src/group/extensions/extension-definition.js";
import { maxMessageSize } from "../../src/group/limits.js";
import { SecretTree } from "../../src/schedule/secret-tree.js";
import { type HPKECiphertext, UpdatePath } from "../../src/wire/update-path.js";
import { counting } from "../schedule/providers.js";

const SUITE = 1;
const publicly = { policy: { handshake: "public" } } as const;

async function infiltrated() {
  const meeting = await four(SUITE, publicly);
  const [, bob] = meeting.groups as [Group, Group];
  const mallory = await insider(meeting.parties[2] as Party, meeting.groups[2] as Group);
  return { meeting, bob, mallory };
}

/** The largest commit in Mallory's group. */
const maxCommit = ({ config, epoch }: Insider) =>
  maxMessageSize(config, epoch, { contentType: 3, epoch: epoch.groupContext.epoch });

describe("a limit of one client divides a group", () => {
  it("a commit has the same limit for its sender and for all receivers", async () => {
    const { meeting, bob, mallory } = await infiltrated();
    const group = meeting.groups[2] as Group;
    const max = maxCommit(mallory);
    const { commit: small } = await group.commit();
    await group.clearPendingCommit();
    const most = max - small.length;
    // The lengths of the longer data and of its vectors, as far as they are below the limit.
    for (const over of [0, 1]) {
      const authenticatedData = new Uint8Array(most - 3 + over);
      if (over > 0) {
        expect(await failure(group.commit({ authenticatedData }))).toEqual(code("limit"));
        continue;
      }
      const { commit } = await group.commit({ authenticatedData });
      expect(commit.length).toBe(max);
      await group.clearPendingCommit();
      expect(await bob.receive(commit)).toMatchObject({ kind: "commit" });
    }
  });
  it("maxMembers doesn't decide about the commits of others", async () => {
    const [alice, bob, carol] = await Promise.all([
      party("alice", { suite: SUITE }),
      party("bob", { suite: SUITE, policy: { maxMembers: 2 } }),
      party("carol", { suite: SUITE }),
    ]);
    const { groups } = await gather([alice, bob]);
    const [first, second] = groups as [Group, Group];
    expect(await failure(second.add([await carol.client.createKeyPackage()]))).toEqual(code("limit"));
    const { commit } = await first.add([await carol.client.createKeyPackage()]);
    await first.mergePendingCommit();
    expect(await second.receive(commit)).toMatchObject({ kind: "commit" });
    expect(second.epochAuthenticator).toEqual(first.epochAuthenticator);
    // And the other members' proposals don't make its own commits invalid.
    const dave = await party("dave", { suite: SUITE });
    await second.receive(await first.propose({ add: await dave.client.createKeyPackage() }));
    await second.update();
    await second.mergePendingCommit();
    expect(second.members.length).toBe(3);
  });
  it("the commit of a group's only member isn't limited, for nobody else receives it", async () => {
    const { client } = await party("alice", { suite: SUITE });
    const group = await client.createGroup();
    const { commit } = await group.commit({ authenticatedData: new Uint8Array(3 * 1024 * 1024) });
    expect(commit.length).toBeGreaterThan(3 * 1024 * 1024);
  });
  it("a commit with more PSKs than a Welcome may list is refused by all", async () => {
    const { meeting, bob, mallory } = await infiltrated();
    const psk = (i: number): Proposal => ({
      proposalType: 4,
      psk: { pskType: 1, pskId: Uint8Array.of(i, i >> 8), pskNonce: new Uint8Array(32) },
    });
    const proposals = Array.from({ length: 257 }, (_, i) => psk(i));
    const forged = await forge(mallory, { proposals: by(2, ...proposals) });
    expect(await refused(bob, forged)).toEqual(code("limit"));
    expect(await failure((meeting.groups[2] as Group).commit({ proposals }))).toEqual(code("limit"));
  });
});

describe("lists of any length", () => {
  it("are refused when they are written and when they are read", async () => {
    const extensions = Array.from({ length: 129 }, (_, i) => ({
      extensionType: 0xf000 + i,
      extensionData: new Uint8Array(),
    }));
    const types = extensions.map(({ extensionType }) => extensionType);
    const { client } = await party("alice", { suite: SUITE, capabilities: { extensions: types } });
    expect(await failure(client.createKeyPackage({ extensions }))).toEqual(code("encode"));
    await client.createKeyPackage({ extensions: extensions.slice(1) });
    const long = await party("bob", {
      suite: SUITE,
      capabilities: { credentials: Array.from({ length: 1025 }, (_, i) => 0x1000 + i) },
    });
    expect(await failure(long.client.createKeyPackage())).toEqual(code("encode"));
  });

  const node = (encryptedPathSecret: readonly HPKECiphertext[] = []) => ({
    encryptionKey: new Uint8Array(32),
    encryptedPathSecret,
  });
  const short = { kemOutput: new Uint8Array(32), ciphertext: new Uint8Array(15) };
  it.each<[string, UpdatePath["nodes"], string]>([
    ["a path with more nodes than any tree is deep", Array.from({ length: 33 }, () => node()), "at most 32"],
    ["a ciphertext shorter than any tag", [node([short])], "at least 16 bytes, got 15"],
    [
      "an empty encapsulated key",
      [node([{ ...short, kemOutput: new Uint8Array() }])],
      "at least 16 bytes, got 0",
    ],
  ])("%s", (_, nodes, words) => {
    const open = struct({
      nodes: vector(
        struct({
          encryptionKey: opaque,
          encryptedPathSecret: vector(struct({ kemOutput: opaque, ciphertext: opaque })),
        }),
      ),
    });
    const bounded = struct({ nodes: UpdatePath.fields.nodes });
    expect(() => encode(bounded, { nodes })).toThrow(words);
    expect(() => decode(bounded, encode(open, { nodes }))).toThrow(words);
  });
});

describe("conflicting proposals take quadratic time", () => {
  it("each received Add is tried by itself", async () => {
    // The lengths of all lists that are checked.
    let checked = 0;
    const counter: MlsExtension = {
      name: "counter",
      checkList: ({ proposals }) => {
        checked += proposals.length;
      },
    };
    const twin = await party("bob", { suite: SUITE, ...publicly });
    const { groups } = await gather([
      await party("alice", { suite: SUITE, ...publicly, extensions: [counter] }),
      twin,
    ]);
    const [alice, bob] = groups as [Group, Group];
    // More than the lists in which the one to blame is searched for.
    const count = 70;
    for (let i = 0; i < count; i++) {
      const { client } = await party(`new ${i}`, { suite: SUITE });
      await alice.receive(await bob.propose({ add: await client.createKeyPackage() }));
    }
    // Bob's own key again: no valid tree has it twice.
    const { client } = await party("twin", { suite: SUITE, signer: twin.signer });
    await alice.receive(await bob.propose({ add: await client.createKeyPackage() }));
    checked = 0;
    const { commit } = await alice.commit();
    expect(checked).toBeLessThan(10 * count);
    expect(await bob.receive(commit)).toMatchObject({ kind: "commit" });
    expect(bob.members.length).toBe(2 + count);
  });
});

describe("a junk message in another member's name costs 1,000 derivations each time", () => {
  const provider = nodeProvider().suite(SUITE);
  const secret = new Uint8Array(32).fill(7);
  it("only the first time", async () => {
    const { provider: counted, take } = counting(provider);
    const tree = new SecretTree(counted, 4, secret.slice());
    for (const generation of [1000, 999, 950, 1000])
      (await tree.peek(2, "application", generation)).discard();
    take();
    (await tree.peek(2, "application", 990)).discard();
    // From the nearest of the secrets that were kept, and down to the leaf.
    expect(take().expand).toBeLessThan(16 + 10);
  });
  it("and what it leaves behind goes when the ratchet moves", async () => {
    const { provider: counted, take } = counting(provider);
    const tree = new SecretTree(counted, 4, secret.slice());
    (await tree.peek(2, "application", 1000)).discard();
    const next = await tree.peek(2, "application", 0);
    await next.complete();
    next.consume();
    take();
    (await tree.peek(2, "application", 1000)).discard();
    expect(take().expand).toBeGreaterThan(900);
  });
  it("the keys of a valid message are those of a tree that never saw junk", async () => {
    const [one, other] = [
      new SecretTree(provider, 4, secret.slice()),
      new SecretTree(provider, 4, secret.slice()),
    ];
    for (const generation of [900, 300, 640, 64, 128]) (await one.peek(1, "handshake", generation)).discard();
    for (const generation of [130, 129, 700, 2, 699, 990]) {
      const [a, b] = [
        await one.peek(1, "handshake", generation),
        await other.peek(1, "handshake", generation),
      ];
      expect(a.key, `${generation}`).toEqual(b.key);
      expect(a.nonce).toEqual(b.nonce);
      for (const peeked of [a, b]) {
        await peeked.complete();
        peeked.consume();
      }
      expect(one.pieces.all()).toEqual(other.pieces.all());
    }
  });
});
