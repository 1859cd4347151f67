// RFC 9420 §13.5: GREASE, sent and ignored.

import type { Group } from "@copse/core";
import type { MlsExtension } from "@copse/core/extension";
import { joinByExternalCommit } from "@copse/core/external";
import { GREASE_VALUES, grease, selfRemove } from "@copse/extensions";
import { keyPackageIn } from "@copse/test-support/clients";
import { describe, expect, it } from "vitest";
import { decode } from "../../core/src/codec/codec.js";
import { MlsMessage } from "../../core/src/wire/mls-message.js";
import {
  agree,
  client,
  crypto,
  deliver,
  gather,
  publicGroupOf,
  refusal,
  refused,
  type three,
} from "./clients.js";

const isGrease = (value: number) => GREASE_VALUES.includes(value);

it("uses the values that the RFC reserves", () => {
  expect(GREASE_VALUES.map((value) => value.toString(16))).toEqual(
    "0a0a 1a1a 2a2a 3a3a 4a4a 5a5a 6a6a 7a7a 8a8a 9a9a aaaa baba caca dada eaea"
      .split(" ")
      .map((hex) => Number.parseInt(hex, 16).toString(16)),
  );
});

it("is in all places that the RFC lists, and in no other", async () => {
  const alice = await client("alice", [grease(), selfRemove()]);
  const seen = new Set<number>();
  for (let i = 0; i < 20; i++) {
    const { leafNode, extensions } = keyPackageIn(await alice.createKeyPackage());
    const { versions, cipherSuites, extensions: types, proposals, credentials } = leafNode.capabilities;
    for (const list of [cipherSuites, types, proposals, credentials]) {
      expect(list.some(isGrease)).toBe(true);
      expect(new Set(list).size).toBe(list.length);
      for (const value of list.filter(isGrease)) seen.add(value);
    }
    expect(versions).toEqual([1]);
    expect(proposals).toContain(0x000a);
    expect(cipherSuites.filter((value) => !isGrease(value))).toEqual(crypto.suites.map(({ id }) => id));
    expect(extensions.map(({ extensionType }) => isGrease(extensionType))).toEqual([true]);
    expect(leafNode.extensions.map(({ extensionType }) => isGrease(extensionType))).toEqual([true]);
    // §10: the capabilities list the types of the extensions of both.
    expect(types).toContain(leafNode.extensions[0]?.extensionType);
    expect(types).toContain(extensions[0]?.extensionType);
    expect(isGrease(leafNode.credential.credentialType)).toBe(false);
  }
  expect(seen.size).toBeGreaterThan(8);
  const group = await alice.createGroup();
  expect(group.extensions).toEqual([]);
  const message = decode(MlsMessage, await group.groupInfo());
  const listed = message.wireFormat === 4 ? message.groupInfo.extensions : [];
  expect(listed.filter(({ extensionType }) => isGrease(extensionType))).toHaveLength(1);
});

describe("a group of members with and without it", () => {
  it.each<[string, readonly (readonly MlsExtension[])[]]>([
    ["all with it", [[grease()], [grease()], [grease()]]],
    ["one with it", [[], [grease()], []]],
    ["the creator without it", [[], [grease()], [grease()]]],
  ])("%s: does all that others do", async (_, extensions) => {
    const policy = { handshake: "public" } as const;
    const clients = await Promise.all(extensions.map((one, i) => client(`member ${i}`, one, { policy })));
    const groups = await gather(clients);
    const [alice, bob, carol] = groups as Awaited<ReturnType<typeof three>>;
    agree(alice, bob, carol);
    const server = await publicGroupOf(alice);
    await deliver(await bob.propose({ update: true }), alice, carol, server);
    const dave = await client("dave", [grease()], { policy });
    const made = await carol.add(await dave.createKeyPackage());
    await deliver(made.commit, alice, bob, server);
    await carol.mergePendingCommit();
    const ofDave = await dave.join(made.welcome as Uint8Array);
    const erin = await client("erin", [grease()], { policy });
    const { group, commit } = await joinByExternalCommit(erin, await ofDave.groupInfo());
    await deliver(commit, alice, bob, carol, ofDave, server, group);
    agree(alice, bob, carol, ofDave, group);
    expect(server.treeHash).toEqual(alice.treeHash);
    await deliver(await group.encrypt("hello"), alice, bob, carol, ofDave);
  });
});

it("isn't taken for support, in one's own leaf or another's", async () => {
  const all: MlsExtension = { name: "all", greaseCapabilities: () => ({ extensions: GREASE_VALUES }) };
  const [extensionType] = GREASE_VALUES as readonly [number];
  const extensions = [{ extensionType, extensionData: new Uint8Array() }];
  const alice = await client("alice", [all]);
  expect(await refusal(alice.createGroup({ extensions }))).toMatch(/^13\.4: a client must support/);
  // One who really has an extension of that type invites one who pretends to.
  const owner = await client("owner", [], { capabilities: { extensions: [extensionType] } });
  const group = await owner.createGroup({ extensions });
  const { welcome } = await group.add(await alice.createKeyPackage());
  expect(await refusal(alice.join(welcome as Uint8Array))).toMatch(/^13\.4: a client must support/);
  const groupInfo = await group.groupInfo();
  expect(await refusal(joinByExternalCommit(alice, groupInfo))).toMatch(/^13\.4: a client must support/);

  // Nor when a group comes to have it.
  const two = (await gather([alice, await client("bob", [all])])) as [Group, Group];
  expect(await refused(two[0], () => two[0].commit({ extensions }))).toMatch(/^13\.4: a client must support/);
  const mixed = await owner.createGroup();
  const invited = await mixed.add(await alice.createKeyPackage());
  await mixed.mergePendingCommit();
  const ofAlice = await alice.join(invited.welcome as Uint8Array);
  const { commit } = await mixed.commit({ extensions });
  expect(await refused(ofAlice, () => ofAlice.receive(commit))).toMatch(/^13\.4: a client must support/);
});

it("of a type that all members happen to list can't be added to the group, and blocks no commit", async () => {
  const alice = await client("alice", [grease()]);
  const mallory = await client("mallory", undefined, { capabilities: { extensions: [...GREASE_VALUES] } });
  const [a, m] = (await gather([alice, mallory])) as [Group, Group];
  for (const extensionType of GREASE_VALUES) {
    await a.receive(await m.propose({ extensions: [{ extensionType, extensionData: new Uint8Array() }] }));
    await a.remove(1);
    await a.clearPendingCommit();
  }
});
