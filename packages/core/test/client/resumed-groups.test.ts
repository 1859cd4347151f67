// RFC 9420 §11.2, §11.3, §12.4.3.1: which group a new one resumes, and which ReInits end a group.

import type { Client, Group } from "@copse/core";
import { branch, reinitialize } from "@copse/core/resumption";
import { gather, type Party, party } from "@copse/test-support/clients";
import { code, failure, named, refused, saying } from "@copse/test-support/errors";
import { by, forge, insider } from "@copse/test-support/insiders";
import { describe, expect, it } from "vitest";
import { filled, reinit, SUITE, unknown } from "../proposals.js";

const member = (name: string, options = {}) => party(name, { suite: SUITE, ...options });
const PREVIOUS = "11.3: a group that resumes another one must";
const SUCCESSOR = "11.2: the group that a ReInit names";

async function two(): Promise<{ alice: Client; bob: Client; a: Group; b: Group; parties: readonly Party[] }> {
  const { groups, parties } = await gather([await member("alice"), await member("bob")]);
  const [a, b] = groups as [Group, Group];
  const [alice, bob] = parties.map(({ client }) => client) as [Client, Client];
  return { alice, bob, a, b, parties };
}

/** A group that a client makes in which another is welcome. */
async function invitation(from: Client, to: Client, groupId?: Uint8Array): Promise<Uint8Array> {
  const group = await from.createGroup(groupId === undefined ? {} : { groupId });
  const { welcome } = await group.add(await to.createKeyPackage());
  await group.close();
  return welcome as Uint8Array;
}

async function ended(groupId: Uint8Array) {
  const scene = await two();
  const { commit } = await scene.a.commit({ reinit: { groupId, cipherSuite: SUITE, extensions: [] } });
  await scene.b.receive(commit);
  await scene.a.mergePendingCommit();
  return scene;
}

describe("a group that is to resume another one", () => {
  it("isn't joined by a stranger's Welcome without any PSK", async () => {
    const { bob, b } = await two();
    const { client: mallory } = await member("mallory");
    const welcome = await invitation(mallory, bob);
    expect(saying(await failure(bob.join(welcome, { previous: b })))).toMatch(named(PREVIOUS));
    // Without `previous` it is a group like any other, and says so.
    expect((await bob.join(welcome)).resumes).toBeUndefined();
  });

  it("isn't taken for one that resumes another group of the same members", async () => {
    const { alice, bob, b } = await two();
    const other = await alice.createGroup();
    const { welcome } = await other.add(await bob.createKeyPackage());
    await other.mergePendingCommit();
    const joined = await bob.join(welcome as Uint8Array);
    const subgroup = await branch(alice, other, { add: [await bob.createKeyPackage()] });
    const sub = subgroup.welcome as Uint8Array;
    expect(saying(await failure(bob.join(sub, { previous: b })))).toMatch(named(PREVIOUS));
    const told = { by: "branch", groupId: joined.groupId, epoch: joined.epoch };
    const group = await bob.join(sub, { previous: joined });
    expect([group.resumes, subgroup.group.resumes]).toEqual([told, told]);
    const saved = await group.save();
    await group.close();
    const restored = await bob.restore(saved);
    expect(restored.resumes).toEqual(told);
  });

  it("by the ID that a ReInit names isn't joined without the PSK of the group that it ended", async () => {
    const groupId = filled(9);
    const { alice, bob, b, a } = await ended(groupId);
    const { client: mallory } = await member("mallory");
    const welcome = await invitation(mallory, bob, groupId);
    expect(saying(await failure(bob.join(welcome)))).toMatch(named(SUCCESSOR));
    // So the true successor isn't kept out.
    const next = await reinitialize(alice, a, { add: [await bob.createKeyPackage()] });
    const joined = await bob.join(next.welcome as Uint8Array);
    expect(joined.resumes).toEqual({ by: "reinit", groupId: b.groupId, epoch: b.epoch });
    expect(joined.epochAuthenticator).toEqual(next.group.epochAuthenticator);
  });

  it("after a ReInit has a leaf for each device of a user", async () => {
    const names = ["alice", "bob", "bob"];
    const { groups, parties } = await gather(await Promise.all(names.map((name) => member(name))));
    const [a, ...others] = groups as [Group, Group, Group];
    const { commit } = await a.commit({ reinit: { groupId: filled(), cipherSuite: SUITE, extensions: [] } });
    for (const group of others) await group.receive(commit);
    await a.mergePendingCommit();
    const [alice, ...bobs] = parties.map(({ client }) => client) as [Client, Client, Client];
    const [one, two] = await Promise.all(bobs.map((bob) => bob.createKeyPackage()));
    const alone = reinitialize(alice, a, { add: [one as Uint8Array] });
    expect(saying(await failure(alone))).toMatch(named("12.4.3.1: all members of the old group"));
    await reinitialize(alice, a, { add: [one as Uint8Array, two as Uint8Array] });
  });

  it("by a branch is joined after its receiver has moved on and a member has left", async () => {
    const { groups, parties } = await gather(
      await Promise.all(["alice", "bob", "carol"].map((name) => member(name))),
    );
    const [a, b, c] = groups as [Group, Group, Group];
    const [alice, bob, carol] = parties.map((one) => one.client) as [Client, Client, Client];
    const subgroup = await branch(alice, a, {
      add: [await bob.createKeyPackage(), await carol.createKeyPackage()],
    });
    const { commit } = await a.remove(2);
    for (const group of [b, c]) await group.receive(commit);
    const joined = await bob.join(subgroup.welcome as Uint8Array);
    expect(joined.members).toHaveLength(3);
    // A member whom the group has now, but hadn't then, can't be in it.
    const dave = await member("dave");
    await a.mergePendingCommit();
    const added = await a.add(await dave.client.createKeyPackage());
    await b.receive(added.commit);
    await a.mergePendingCommit();
    await branch(alice, a, { add: [await dave.client.createKeyPackage()] });
  });
});

describe("a ReInit", () => {
  it.each([
    ["to extensions that nobody supports", "11.2: some member", () => ({ extensions: [unknown] })],
    ["to a suite that nobody supports", "11.2: some member", () => ({ cipherSuite: 0xf0f0 })],
  ])("%s is refused when made and when received", async (_, rule, change) => {
    const { a, b, parties } = await two();
    const proposal = reinit({ groupId: filled(7), ...change() });
    const { groupId, cipherSuite, extensions } = proposal as never as { [key: string]: never };
    const options = { reinit: { groupId, cipherSuite, extensions } } as never;
    for (const work of [() => a.commit(options), () => a.propose(options)]) {
      expect(saying(await refused(a, work))).toMatch(named(rule));
    }
    const from = await insider(parties[0] as Party, a);
    const forged = await forge(from, { proposals: by(0, proposal), path: "none" });
    expect(saying(await refused(b, forged))).toMatch(named(rule));
  });

  it("to another open group of this client is refused when made, and accepted from who can't know", async () => {
    const { alice, a, bob, b } = await two();
    const groupId = filled(11);
    for (const [client, group] of [
      [alice, a],
      [bob, b],
    ] as const) {
      const other = await client.createGroup({ groupId });
      const options = { reinit: { groupId, cipherSuite: SUITE, extensions: [] } };
      expect(saying(await refused(group, () => group.commit(options)))).toMatch(named("12.4.3: group_id"));
      expect(saying(await refused(group, () => group.propose(options)))).toMatch(named("12.4.3: group_id"));
      if (client === alice) await other.close();
    }
    const { commit } = await a.commit({ reinit: { groupId, cipherSuite: SUITE, extensions: [] } });
    expect(await b.receive(commit)).toMatchObject({ kind: "commit", active: false });
    await a.mergePendingCommit();
    // What differs from client to client is only refused where it does: at joining.
    const next = await reinitialize(alice, a, { add: [await bob.createKeyPackage()] });
    const joining = bob.join(next.welcome as Uint8Array);
    expect((await failure(joining)).code).toBe("group-exists");
    await expect(b.encrypt("too late")).rejects.toEqual(code("closed"));
  });
});

it("a ReInit may keep the group's ID: the old group has ended when the new one is created", async () => {
  const [alice, bob] = [await party("alice", { suite: SUITE }), await party("bob", { suite: SUITE })];
  const { groups } = await gather([alice, bob]);
  const [a, b] = groups as [Group, Group];
  const { commit } = await a.commit({ reinit: { groupId: a.groupId, cipherSuite: SUITE, extensions: [] } });
  await b.receive(commit);
  await a.mergePendingCommit();
  const add = [await bob.client.createKeyPackage()];
  const { group, welcome } = await reinitialize(alice.client, a, { add });
  const followed = await bob.client.join(welcome as Uint8Array);
  expect(followed.groupId).toEqual(b.groupId);
  expect(followed.epochAuthenticator).toEqual(group.epochAuthenticator);
});
