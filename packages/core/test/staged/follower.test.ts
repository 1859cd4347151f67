// RFC 9420 §16.4.3: a follower looks at a commit before it follows it.

import { externalSenders, type Group, generateSigner, type Policy, type ProposedAction } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { PublicGroup } from "@copse/core/public-group";
import { nodeProvider } from "@copse/provider-node";
import { flipped } from "@copse/test-support/bytes";
import { gather, type Party, party } from "@copse/test-support/clients";
import { failure } from "@copse/test-support/errors";
import { expect, it } from "vitest";

const crypto = nodeProvider();
const SUITE = 2;
const policy: Partial<Policy> = { handshake: "public" };

/** A group of two with a server as external sender, and who follows it. */
async function scene(options: { readonly policy?: Partial<Policy> } = {}) {
  const [alice, bob] = [
    await party("alice", { suite: SUITE, policy }),
    await party("bob", { suite: SUITE, policy }),
  ];
  const { groups } = await gather([alice, bob]);
  const [a, b] = groups as [Group, Group];
  const server = await generateSigner(crypto, SUITE);
  const { credential } = alice.client;
  const { commit } = await a.commit({
    extensions: [externalSenders([{ signatureKey: server.publicKey, credential }])],
  });
  await a.mergePendingCommit();
  await b.receive(commit);
  const { authentication } = alice.config;
  const follower = await PublicGroup.follow({
    crypto,
    authentication,
    groupInfo: await a.groupInfo(),
    ...options,
  });
  return { a, b, alice, follower, server };
}

const newMember = async (name = "carol"): Promise<Party> => party(name, { suite: SUITE, policy });

it("sees what a member sees of it, and nothing changes before it is merged", async () => {
  const { a, b, follower, server } = await scene();
  const { client } = await newMember();
  const proposals = [
    await b.propose({ update: true }),
    await follower.propose(server, { add: await client.createKeyPackage() }),
  ];
  for (const proposal of proposals) for (const one of [a, b, follower]) await one.receive(proposal);
  const { commit } = await a.commit({
    authenticatedData: new Uint8Array([7]),
    setExtensions: [],
    forcePath: true,
  });
  const before = { epoch: follower.epoch, hash: follower.treeHash, proposals: follower.proposals };

  const [seen, member] = [await follower.stage(commit), await b.stage(commit)];
  for (const name of [
    "commit",
    "external",
    "committer",
    "epoch",
    "path",
    "proposals",
    "added",
    "removed",
    "updated",
    "custom",
    "reinit",
    "membersBefore",
    "membersAfter",
    "extensions",
    "authenticatedData",
  ] as const)
    expect(seen[name], name).toEqual(member[name]);
  expect(seen.proposals.map(({ proposer }) => proposer.kind).sort()).toEqual(["external", "member"]);
  expect([seen.added.length, seen.updated.length, seen.membersAfter.length]).toEqual([1, 1, 3]);
  expect({ epoch: follower.epoch, hash: follower.treeHash, proposals: follower.proposals }).toEqual(before);

  expect(await seen.merge()).toMatchObject({
    kind: "commit",
    epoch: before.epoch + 1n,
    added: [{ leafIndex: 2 }],
  });
  await a.mergePendingCommit();
  expect(follower.treeHash).toEqual(a.treeHash);
  expect(follower.proposals).toEqual([]);
  // As after `receive`, it knows what ended the epoch.
  expect(await failure(follower.receive(commit))).toMatchObject({ code: "duplicate" });
  expect(await failure(follower.stage(commit))).toMatchObject({ code: "duplicate" });
  expect(await failure(seen.merge())).toMatchObject({ code: "past-epoch" });
});

it("stages several, of which one is merged, also after other proposals came", async () => {
  const { a, b, follower } = await scene();
  const [ofA, ofB] = [await a.update(), await b.update()];
  const [first, second] = [await follower.stage(ofA.commit), await follower.stage(ofB.commit)];
  await follower.receive(await b.propose({ remove: 0 }));
  await second.merge();
  expect(await failure(first.merge())).toMatchObject({ code: "past-epoch" });
  expect(await failure(follower.stage(ofA.commit))).toMatchObject({ code: "fork" });
  await ofB.merge();
  expect(follower.treeHash).toEqual(b.treeHash);
  const next = await b.update();
  expect(await follower.receive(next.commit)).toMatchObject({ kind: "commit" });
});

it("shows an external commit, with who joins by it", async () => {
  const { a, follower } = await scene();
  const { client } = await newMember();
  const { commit, group } = await joinByExternalCommit(client, await a.groupInfo());
  const seen = await follower.stage(commit);
  expect(seen).toMatchObject({ external: true, committer: { leafIndex: 2 }, added: [{ leafIndex: 2 }] });
  expect([seen.membersBefore.length, seen.membersAfter.length]).toEqual([2, 3]);
  await seen.merge();
  await group.mergePendingCommit();
  expect(follower.treeHash).toEqual(group.treeHash);
});

it("ends the group by a ReInit that is merged, not by one that is staged", async () => {
  const { a, b, follower } = await scene();
  const reinit = { groupId: new Uint8Array([1]), cipherSuite: SUITE, extensions: [] };
  const ending = await a.commit({ reinit });
  const seen = await follower.stage(ending.commit);
  expect(seen.reinit).toMatchObject({ groupId: reinit.groupId });
  const update = await b.update();
  await follower.stage(update.commit);
  await seen.merge();
  await ending.merge();
  await b.receive(ending.commit);
  expect(await failure(follower.stage(update.commit))).toMatchObject({ code: "fork" });
});

it("asks its policy when a commit is staged, and not again when it is merged", async () => {
  const asked: ProposedAction[] = [];
  const authorize = (action: ProposedAction) =>
    asked.push(action) > 0 && action.kind === "commit" && action.path;
  const { a, b, follower } = await scene({ policy: { authorize } });
  const staged = await follower.stage((await a.update()).commit);
  expect(asked).toHaveLength(1);
  await staged.merge();
  expect(asked).toHaveLength(1);
  await a.mergePendingCommit();
  const { commit } = await a.commit({ add: [await (await newMember()).client.createKeyPackage()] });
  expect(await failure(follower.stage(commit))).toMatchObject({ code: "forbidden" });
  expect(b.epoch).toBe(follower.epoch - 1n);
});

it("can't merge what was staged before it was resumed, but stage it again", async () => {
  const { a, follower } = await scene();
  const { commit } = await a.update();
  const staged = await follower.stage(commit);
  await follower.resume(await a.groupInfo());
  expect(await failure(staged.merge())).toMatchObject({ code: "missing", retry: "later" });
  await (await follower.stage(commit)).merge();
  await a.mergePendingCommit();
  expect(follower.treeHash).toEqual(a.treeHash);
});

it("refuses what isn't a commit, or isn't a valid one, and goes on", async () => {
  const { a, b, follower } = await scene();
  const { commit } = await a.update();
  const proposal = await b.propose({ update: true });
  expect(await failure(follower.stage(proposal))).toMatchObject({ code: "usage" });
  expect(follower.proposals).toEqual([]);
  expect(await failure(follower.stage(await a.encrypt("hello")))).toMatchObject({ code: "usage" });
  expect(await failure(async () => follower.stage("commit" as unknown as Uint8Array))).toMatchObject({
    code: "usage",
  });
  expect(await failure(follower.stage(new Uint8Array()))).toMatchObject({ code: "decode" });
  expect(await failure(follower.stage(commit, { later: true } as object))).toMatchObject({ code: "usage" });
  for (let i = 0; i < commit.length - 70; i += 7) await failure(follower.stage(flipped(commit, i)));
  const signal = AbortSignal.abort();
  expect(await failure(follower.stage(commit, { signal }))).toMatchObject({ code: "try-again" });
  const staged = await follower.stage(commit);
  expect(await failure(staged.merge({ signal }))).toMatchObject({ code: "try-again" });
  await staged.merge();
  await a.mergePendingCommit();
  expect(follower.treeHash).toEqual(a.treeHash);
});

it("shows copies: what is written into them changes nothing, and logging it shows nothing", async () => {
  const { a, follower } = await scene();
  const staged = await follower.stage((await a.update()).commit);
  for (const bytes of [staged.commit, staged.authenticatedData, staged.committer.signatureKey]) bytes.fill(0);
  expect(Object.keys(staged)).toEqual([]);
  await staged.merge();
  await a.mergePendingCommit();
  expect(follower.treeHash).toEqual(a.treeHash);
});
