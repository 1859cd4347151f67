// RFC 9420 §12.4.3.2: joining and rejoining by an external commit.

import { Client, type Group, generateSigner, insecureAcceptAll, type Signer } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { nodeProvider } from "@copse/provider-node";
import { four, gather, type Party, party, send } from "@copse/test-support/clients";
import { providers } from "@copse/test-support/providers";
import { describe, expect, it } from "vitest";

const authentication = insecureAcceptAll();

async function agree(...groups: readonly Group[]): Promise<void> {
  const [first, ...others] = groups as [Group, ...Group[]];
  for (const other of others) {
    expect(other.epochAuthenticator).toEqual(first.epochAuthenticator);
    expect(other.ratchetTree).toEqual(first.ratchetTree);
  }
  for (const from of groups) {
    const to = groups.filter((group) => group !== from);
    await send(from, to, `from ${from.ownLeafIndex}`);
  }
}

describe.each([1, 2, 3])("suite %i", (suite) => {
  async function three(policy = {}) {
    const served = (await providers()).filter((crypto) => crypto.suites.some(({ id }) => id === suite));
    const psk = new Uint8Array([1, 2, 3]);
    const clients = await Promise.all(
      ["alice", "bob", "carol"].map((credential, i) =>
        Client.create({
          crypto: served[i % served.length] as (typeof served)[number],
          suite,
          credential,
          authentication,
          policy,
          externalPsk: (id) => (id[0] === 7 ? psk : undefined),
        }),
      ),
    );
    return clients as [Client, Client, Client];
  }

  it.each(["private", "public"] as const)("a new member joins, with %s handshakes", async (handshake) => {
    const [alice, bob, carol] = await three({ handshake });
    const a = await alice.createGroup();
    const { welcome } = await a.add(await bob.createKeyPackage());
    await a.mergePendingCommit();
    const b = await bob.join(welcome as Uint8Array);
    const joined = await joinByExternalCommit(carol, await b.groupInfo(), {
      psks: [{ external: new Uint8Array([7]) }],
    });
    for (const group of [a, b]) {
      expect(await group.receive(joined.commit)).toMatchObject({
        kind: "commit",
        committer: { leafIndex: 2 },
        external: true,
        added: [{ leafIndex: 2 }],
        removed: [],
        own: false,
        active: true,
      });
    }
    expect(await joined.group.mergePendingCommit()).toMatchObject({
      external: true,
      own: true,
      added: [{ leafIndex: 2 }],
    });
    await agree(a, b, joined.group);
    const { commit } = await joined.group.update();
    for (const group of [a, b]) await group.receive(commit);
    await joined.group.mergePendingCommit();
    await agree(a, b, joined.group);
  });

  it("a ratchet tree delivered out of band", async () => {
    const [alice, bob] = await three();
    const a = await alice.createGroup();
    const info = await a.groupInfo({ ratchetTree: false });
    await expect(joinByExternalCommit(bob, info)).rejects.toMatchObject({ code: "missing" });
    const { group, commit } = await joinByExternalCommit(bob, info, { ratchetTree: a.ratchetTree });
    await a.receive(commit);
    await group.mergePendingCommit();
    await agree(a, group);
  });

  it("a member that lost its state takes its own place", async () => {
    const [alice, bob] = await three();
    const crypto = (await providers()).find(({ suites }) => suites.some(({ id }) => id === suite));
    const provider = crypto?.suite(suite);
    if (crypto === undefined || provider === undefined) throw new Error("no provider");
    const keyPair = await provider.signature.generateKeyPair();
    const signer: Signer = {
      algorithm: provider.suite.signature,
      publicKey: keyPair.publicKey,
      sign: (message) => provider.signature.sign(keyPair.privateKey, message),
    };
    const options = { crypto, suite, credential: "carol", authentication, signer };
    const carol = await Client.create(options);
    const a = await alice.createGroup();
    const { welcome } = await a.add([await bob.createKeyPackage(), await carol.createKeyPackage()]);
    await a.mergePendingCommit();
    const b = await bob.join(welcome as Uint8Array);
    const lost = await carol.join(welcome as Uint8Array);

    const again = await Client.create(options);
    await expect(joinByExternalCommit(again, await a.groupInfo())).rejects.toMatchObject({
      code: "validation",
    });
    const { group, commit } = await joinByExternalCommit(again, await a.groupInfo(), { resync: true });
    for (const other of [a, b]) {
      expect(await other.receive(commit)).toMatchObject({
        external: true,
        added: [{ leafIndex: 2 }],
        removed: [{ leafIndex: 2 }],
      });
    }
    expect(await lost.receive(commit)).toMatchObject({ kind: "commit", active: false });
    await group.mergePendingCommit();
    expect(group.ownLeafIndex).toBe(2);
    await agree(a, b, group);
    await expect(lost.encrypt("still here?")).rejects.toMatchObject({ code: "removed" });
  });

  it("a GroupInfo without external_pub is refused", async () => {
    const [alice, bob] = await three();
    const a = await alice.createGroup();
    await expect(joinByExternalCommit(bob, await a.groupInfo({ externalPub: false }))).rejects.toMatchObject({
      code: "missing",
    });
    await expect(joinByExternalCommit(bob, await a.groupInfo(), { resync: true })).rejects.toMatchObject({
      code: "usage",
    });
  });
});

describe("a commit's GroupInfo", () => {
  it("is there before the merge, so that a crash leaves the server with a good one", async () => {
    const { parties, groups } = await four(1);
    const [alice, bob] = groups as [Group, Group];
    const signer = await generateSigner(nodeProvider(), 1);
    const staged = await alice.update({ signer });
    const groupInfo = await staged.groupInfo();
    for (const group of groups.slice(1)) await group.receive(staged.commit);
    // Alice crashes here. A new member joins by what she sent.
    const carol = await party("carol", { suite: 1 });
    const joined = await joinByExternalCommit(carol.client, groupInfo);
    const next = await joined.staged.groupInfo({ ratchetTree: false });
    await bob.receive(joined.commit);
    await joined.group.mergePendingCommit();
    expect(joined.group.epochAuthenticator).toEqual(bob.epochAuthenticator);
    // And Alice rejoins by what the new member sent.
    const again = await (parties[0] as Party).again();
    const former = ({ leafIndex }: { leafIndex: number }) => leafIndex === 0;
    const { ratchetTree } = bob;
    const rejoined = await joinByExternalCommit(again, next, { resync: former, ratchetTree });
    await bob.receive(rejoined.commit);
    await rejoined.staged.merge();
    expect(rejoined.group.epochAuthenticator).toEqual(bob.epochAuthenticator);
  });
});

describe('resync: "if-member"', () => {
  it.each([
    ["replaces the former leaf of who was a member", true],
    ["joins anew for who wasn't one", false],
  ] as const)("%s", async (_, isMember) => {
    const { parties, groups } = await four(1);
    const [alice, bob] = groups as [Group, Group];
    const one = isMember ? (parties[0] as Party) : await party("carol", { suite: 1 });
    const again = await one.again();
    const { commit, staged, group } = await joinByExternalCommit(again, await bob.groupInfo(), {
      resync: "if-member",
    });
    const removed = isMember ? [{ leafIndex: 0 }] : [];
    expect(staged.removed).toMatchObject(removed);
    expect(staged.membersBefore).toEqual(bob.members);
    expect(await bob.receive(commit)).toMatchObject({ external: true, removed });
    await staged.merge();
    expect(group.members).toHaveLength(isMember ? 4 : 5);
    expect(group.epochAuthenticator).toEqual(bob.epochAuthenticator);
    expect(await alice.receive(commit)).toMatchObject({ active: !isMember });
  });
});

it("rejoins by resync also a group whose leaf has an earlier signature key than its present one", async () => {
  const [alice, bob] = [await party("alice", { suite: 1 }), await party("bob", { suite: 1 })];
  const [first] = (await gather([alice, bob])).groups as [Group];
  const { groups } = await gather([bob, alice]);
  const [b, a] = groups as [Group, Group];
  // Alice switches in the first group only, and loses the second.
  await first.update({ signer: await generateSigner(nodeProvider(), 1) });
  await first.mergePendingCommit();
  await a.close();
  const { group, commit } = await joinByExternalCommit(alice.client, await b.groupInfo(), { resync: true });
  expect(await b.receive(commit)).toMatchObject({ removed: [{ leafIndex: 1 }] });
  await group.mergePendingCommit();
  expect(group.member(group.ownLeafIndex)?.signatureKey).toEqual(alice.client.signatureKey);
});
