// RFC 9420 §12.4.3.1: a Welcome can be read, shown and then joined or discarded, and uses nothing up before it is joined.

import { type Group, generateSigner, isBasicCredential, type StagedWelcome } from "@copse/core";
import type { MlsExtension } from "@copse/core/extension";
import { joinByExternalCommit } from "@copse/core/external";
import { branch } from "@copse/core/resumption";
import { nodeProvider } from "@copse/provider-node";
import { flipped, isZero, text } from "@copse/test-support/bytes";
import { gather, type Party, type PartyOptions, party, send } from "@copse/test-support/clients";
import { code, failure, named, saying } from "@copse/test-support/errors";
import { beforeEach, describe, expect, it } from "vitest";
import type { Epoch } from "../../src/group/epoch.js";
import { privateKeysIn } from "../../src/group/state.js";
import { SUITE, watched } from "../client/watched.js";

const person = (name: string, options: Partial<PartyOptions> = {}) =>
  party(name, { suite: SUITE, ...options });
const names = ({ members }: StagedWelcome | Group) =>
  members.map(({ credential }) => (isBasicCredential(credential) ? text(credential.identity) : "?"));

/** All key packages of a client with this extension may be used more than once. */
const reusable: MlsExtension = { name: "reusable", isReusable: () => true };

/** The group of Alice and Carol, in which a path is set so that a Welcome carries a path secret. */
let alice: Group;
let carol: Group;
let bob: Party;

beforeEach(async () => {
  const { groups } = await gather([await person("alice"), await person("carol")]);
  [alice, carol] = groups as [Group, Group];
  bob = await person("bob");
});

/** Adds Bob, and has the others follow. @returns the Welcome */
async function invite(from = alice, keyPackage?: Uint8Array): Promise<Uint8Array> {
  const add = [keyPackage ?? (await bob.client.createKeyPackage())];
  const { welcome, commit } = await from.commit({ add, forcePath: true });
  await from.mergePendingCommit();
  if (from === alice) await carol.receive(commit);
  return welcome as Uint8Array;
}

describe("a staged Welcome", () => {
  it("shows what the group shows once it is joined, and uses nothing up before", async () => {
    const welcome = await invite();
    const before = await bob.client.saveKeyPackages();
    const staged = await bob.client.readWelcome(welcome);
    expect(names(staged)).toEqual(["alice", "carol", "bob"]);
    expect(staged.committer).toEqual(alice.member(0));
    expect(staged.member(1)).toEqual(alice.member(1));
    expect(staged.ownLeafIndex).toBe(2);
    expect(staged.resumes).toBeUndefined();
    const [{ reference }] = bob.client.keyPackages() as unknown as [{ reference: Uint8Array }];
    expect(staged.keyPackage).toEqual({ reference, lastResort: false });
    const seen = (one: StagedWelcome | Group) => ({
      groupId: one.groupId,
      epoch: one.epoch,
      suite: one.cipherSuite.id,
      extensions: one.extensions,
      members: one.members,
      authenticator: one.epochAuthenticator,
      treeHash: one.treeHash,
      tree: one.ratchetTree,
      transcript: one.confirmedTranscriptHash,
    });
    expect(seen(staged)).toEqual(seen(alice));
    expect(await bob.client.saveKeyPackages()).toEqual(before);
    const shown = seen(staged);
    const group = await staged.join();
    expect(seen(group)).toEqual(shown);
    expect(bob.client.keyPackages()).toEqual([]);
    await send(group, [alice, carol], "here I am");
    await send(carol, [alice, group], "welcome");
  });

  it("has the signer of its GroupInfo as the committer, whoever created the group", async () => {
    const { welcome, commit } = await carol.add(await bob.client.createKeyPackage());
    await carol.mergePendingCommit();
    await alice.receive(commit);
    expect((await bob.client.readWelcome(welcome as Uint8Array)).committer).toEqual(alice.member(1));
  });

  it("that is discarded leaves the key package as it was, and can be read again", async () => {
    const { crypto, live } = watched();
    bob = await person("bob", { crypto });
    const welcome = await invite();
    const staged = await bob.client.readWelcome(welcome);
    // Its secrets are in private fields: this test alone looks at them.
    const { secrets } = (staged as unknown as { current: Epoch }).current;
    const values = Object.values(secrets).filter((one) => one instanceof Uint8Array);
    expect(values.length).toBeGreaterThan(5);
    expect(values.some(isZero)).toBe(false);
    expect(live.size).toBeGreaterThan(2);
    await staged.discard();
    expect(values.every(isZero)).toBe(true);
    expect(live.size, "the init key and the leaf key of the key package").toBe(2);
    expect(bob.client.keyPackages()).toHaveLength(1);
    const group = await (await bob.client.readWelcome(welcome)).join();
    expect(live).toEqual(new Set(privateKeysIn(group.predecessor)));
    await send(group, [alice, carol], "after all");
  });

  it("is joined or discarded once", async () => {
    const welcome = await invite();
    const discarded = await bob.client.readWelcome(welcome);
    await discarded.discard();
    const joined = await bob.client.readWelcome(welcome);
    const group = await joined.join();
    for (const staged of [discarded, joined]) {
      const said = staged === joined ? /was joined already/ : /was discarded already/;
      for (const again of [
        () => staged.join(),
        () => staged.discard(),
        async () => staged.epochAuthenticator,
      ]) {
        const error = await failure(again);
        expect([error.code, error.message]).toEqual(["usage", expect.stringMatching(said)]);
      }
    }
    await send(group, [alice, carol], "nothing has changed");
  });

  it("isn't saved: after a restart it is read again, from its bytes and the saved key packages", async () => {
    const welcome = await invite();
    await bob.client.readWelcome(welcome);
    const saved = await bob.client.saveKeyPackages();
    const again = await bob.again();
    await again.loadKeyPackages(saved);
    const group = await (await again.readWelcome(welcome)).join();
    await send(group, [alice, carol], "after the restart");
  });

  it("stays staged if a signal gives its join up", async () => {
    const staged = await bob.client.readWelcome(await invite());
    const signal = AbortSignal.abort("no");
    expect(await failure(staged.join({ signal }))).toMatchObject({ code: "try-again", cause: "no" });
    await send(await staged.join(), [alice, carol], "after all");
  });

  it("shows nothing that isn't authenticated: any changed bit refuses it, as it refuses the join", async () => {
    const welcome = await invite();
    const step = Math.ceil(welcome.length / 60);
    for (let bit = 3; bit < welcome.length; bit += step) {
      const changed = flipped(welcome, bit);
      const [read, joined] = [
        await failure(bob.client.readWelcome(changed)),
        await failure(bob.client.join(changed)),
      ];
      expect(saying(read), `byte ${bit}`).toBe(saying(joined));
    }
    expect(bob.client.keyPackages()).toHaveLength(1);
    await bob.client.join(welcome);
  });

  it("asks the authentication service about each member before it shows anything", async () => {
    const asked: string[] = [];
    const authentication = {
      validate: ({ credential }: { credential: Parameters<typeof isBasicCredential>[0] }) => {
        const name = isBasicCredential(credential) ? text(credential.identity) : "?";
        asked.push(name);
        return name !== "carol" || isKnown;
      },
    };
    let isKnown = true;
    bob = await person("bob", { authentication });
    const welcome = await invite();
    isKnown = false;
    expect(await failure(bob.client.readWelcome(welcome))).toEqual(code("authentication"));
    isKnown = true;
    asked.length = 0;
    const staged = await bob.client.readWelcome(welcome);
    expect(asked).toEqual(["alice", "carol", "bob"]);
    await staged.join();
  });
});

describe("meanwhile", () => {
  it("the key package was used by another Welcome: the first join counts", async () => {
    const keyPackage = await bob.client.createKeyPackage();
    const first = await invite(alice, keyPackage);
    const { groups } = await gather([await person("dave")]);
    const dave = groups[0] as Group;
    const second = await invite(dave, keyPackage);
    const [one, other] = [await bob.client.readWelcome(first), await bob.client.readWelcome(second)];
    const group = await other.join();
    expect(await failure(one.join())).toEqual(code("not-invited"));
    await one.discard();
    // What was discarded didn't end the leaf key, which the group has.
    const { commit } = await dave.update();
    await dave.mergePendingCommit();
    await group.receive(commit);
    expect(group.epochAuthenticator).toEqual(dave.epochAuthenticator);
  });

  it("the same Welcome was joined by another call", async () => {
    const welcome = await invite();
    const staged = await bob.client.readWelcome(welcome);
    const group = await bob.client.join(welcome);
    expect(await failure(staged.join({ replace: true }))).toEqual(code("not-invited"));
    expect(group.active).toBe(true);
  });

  it.each(["deleted", "deleted and loaded again"])("the key package was %s", async (what) => {
    const welcome = await invite();
    const saved = await bob.client.saveKeyPackages();
    const staged = await bob.client.readWelcome(welcome);
    await bob.client.deleteKeyPackage(staged.keyPackage.reference);
    if (what !== "deleted") await bob.client.loadKeyPackages(saved);
    expect(await failure(staged.join())).toEqual(code("not-invited"));
    await staged.discard();
    if (what === "deleted")
      expect(await failure(bob.client.readWelcome(welcome))).toEqual(code("not-invited"));
    else await send(await bob.client.join(welcome), [alice, carol], "read again");
  });

  it("the key package was loaded again, though it is there: that changes nothing", async () => {
    const welcome = await invite();
    const saved = await bob.client.saveKeyPackages();
    const staged = await bob.client.readWelcome(welcome);
    await bob.client.loadKeyPackages(saved);
    await send(await staged.join(), [alice, carol], "read again");
  });

  it("the same group was entered by an external commit: `replace` takes its place", async () => {
    const staged = await bob.client.readWelcome(await invite());
    const removal = await alice.remove(2);
    await alice.mergePendingCommit();
    await carol.receive(removal.commit);
    const { group, commit } = await joinByExternalCommit(bob.client, await alice.groupInfo());
    for (const member of [alice, carol]) await member.receive(commit);
    await group.mergePendingCommit();
    expect(await failure(staged.join())).toEqual(code("group-exists"));
    await send(group, [alice, carol], "goes on");
    const replaced = await staged.join({ replace: true });
    expect([group.active, replaced.active, replaced.epoch]).toEqual([false, true, 2n]);
  });

  it("a group was reinitialized into the one that it invites to: the join is refused by 11.2", async () => {
    const groupId = new Uint8Array([7, 7, 7]);
    const { groups } = await gather([await person("dave"), bob]);
    const [dave, own] = groups as [Group, Group];
    const mallory = await person("mallory");
    const trap = await mallory.client.createGroup({ groupId });
    const { welcome } = await trap.add(await bob.client.createKeyPackage());
    const staged = await bob.client.readWelcome(welcome as Uint8Array);
    const { commit } = await dave.commit({ reinit: { groupId, cipherSuite: SUITE, extensions: [] } });
    await own.receive(commit);
    expect(saying(await failure(staged.join()))).toMatch(named("11.2: the group that a ReInit names"));
    expect(saying(await failure(bob.client.readWelcome(welcome as Uint8Array)))).toMatch(named("11.2"));
    expect(bob.client.keyPackages()).toHaveLength(1);
  });

  it("one of last resort was used for another group: both are joined, but none for an old epoch", async () => {
    bob = await person("bob", { extensions: [reusable] });
    const keyPackage = await bob.client.createKeyPackage();
    const { groups } = await gather([await person("dave")]);
    const dave = groups[0] as Group;
    const staged = [
      await bob.client.readWelcome(await invite(alice, keyPackage)),
      await bob.client.readWelcome(await invite(dave, keyPackage)),
    ] as const;
    expect(staged[0].keyPackage).toEqual({ reference: staged[1].keyPackage.reference, lastResort: true });
    const [first, second] = [await staged[0].join(), await staged[1].join()];
    await send(first, [alice, carol], "one");
    await send(second, [dave], "two");
    expect(bob.client.keyPackages()).toHaveLength(1);
  });

  it("one of last resort was used for the same group: the Welcome of an old epoch stays refused", async () => {
    bob = await person("bob", { extensions: [reusable] });
    const keyPackage = await bob.client.createKeyPackage();
    const welcome = await invite(alice, keyPackage);
    const staged = await bob.client.readWelcome(welcome);
    const group = await bob.client.join(welcome);
    await group.close();
    expect(await failure(staged.join())).toEqual(code("duplicate"));
  });
});

it("a join that fails at its end leaves no keys behind but those of the key package", async () => {
  const { crypto, live } = watched();
  bob = await person("bob", { crypto });
  const welcome = await invite();
  const open = await bob.client.createGroup({ groupId: alice.groupId });
  const before = new Set(live);
  expect(await failure(bob.client.join(welcome))).toEqual(code("group-exists"));
  expect(live).toEqual(before);
  await open.close();
  await send(await bob.client.join(welcome), [alice, carol], "after all");
});

it("says which group the new one resumes, and refuses one that doesn't resume `previous`", async () => {
  const { parties, groups } = await gather([await person("dave"), bob]);
  const [dave, own] = groups as [Group, Group];
  const subgroup = await branch((parties[0] as Party).client, dave, {
    add: [await bob.client.createKeyPackage()],
  });
  const staged = await bob.client.readWelcome(subgroup.welcome as Uint8Array, { previous: own });
  expect(staged.resumes).toEqual({ by: "branch", groupId: dave.groupId, epoch: own.epoch });
  expect((await staged.join()).resumes).toEqual(staged.resumes);
  const other = bob.client.readWelcome(await invite(), { previous: own });
  expect(saying(await failure(other))).toMatch(named("11.3"));
});

it("a join that lacks the signer leaves an open group with the same ID as it is", async () => {
  const keyPackage = await bob.client.createKeyPackage();
  const saved = await bob.client.saveKeyPackages();
  const welcome = await invite(alice, keyPackage);
  const other = await person("bob", { signer: await generateSigner(nodeProvider(), SUITE) });
  await other.client.loadKeyPackages(saved);
  const open = await other.client.createGroup({ groupId: alice.groupId });
  expect(await failure(other.client.join(welcome, { replace: true }))).toEqual(code("missing-signer"));
  expect(open.active).toBe(true);
  await open.encrypt("still open");
  // With the signer it goes on where it was.
  other.client.addSigner(bob.signer);
  expect((await other.client.join(welcome, { replace: true })).epoch).toBe(2n);
  expect(open.active).toBe(false);
});
