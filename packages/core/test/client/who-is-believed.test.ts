// RFC 9420 §5.3.1, §12.2: who may enter a group, take whose leaf, and be added twice.

import {
  type AuthenticationService,
  basicCredential,
  type Credential,
  type CredentialClaim,
  type Group,
  generateSigner,
  isBasicCredential,
  type Succession,
} from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { PublicGroup } from "@copse/core/public-group";
import { branch } from "@copse/core/resumption";
import { nodeProvider } from "@copse/provider-node";
import { text } from "@copse/test-support/bytes";
import { everyone, gather, type Party, type PartyOptions, party } from "@copse/test-support/clients";
import { failure, refused, saying } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";

const SUITE = 1;
const crypto = nodeProvider();
const policy = { handshake: "public" } as const;

const nameOf = (credential: Credential) =>
  isBasicCredential(credential) ? text(credential.identity) : "not basic";

/** A service that looks keys up in a directory, and nothing else: as most applications write it. */
function directory() {
  const keys = new Map<string, string>();
  const service: AuthenticationService = {
    validate: ({ credential, signatureKey }) => keys.get(String(signatureKey)) === nameOf(credential),
  };
  const enter = async (name: string, options: Partial<PartyOptions> = {}) => {
    const one = await party(name, { suite: SUITE, policy, authentication: service, ...options });
    keys.set(String(one.signer.publicKey), name);
    return one;
  };
  return { service, enter };
}

async function follow(group: Group, authentication: AuthenticationService): Promise<PublicGroup> {
  return PublicGroup.follow({ crypto, authentication, policy, groupInfo: await group.groupInfo() });
}

const at = (leaf: number) => ({ resync: ({ leafIndex }: { leafIndex: number }) => leafIndex === leaf });
/** Believes whatever its own user wants to do. */
const reckless = { authentication: { validate: () => true, isSuccessor: () => true } };

describe("who takes whose leaf", () => {
  it("a user of the directory can't take another user's leaf by an external commit", async () => {
    const { service, enter } = directory();
    const { groups } = await gather([await enter("alice"), await enter("bob")]);
    const [alice, bob] = groups as [Group, Group];
    const follower = await follow(alice, service);
    const mallory = await enter("mallory", reckless);
    const { commit } = await joinByExternalCommit(mallory.client, await alice.groupInfo(), at(1));
    for (const group of [alice, bob]) expect((await refused(group, commit)).code).toBe("authentication");
    expect((await failure(follower.receive(commit))).code).toBe("authentication");
    // An honest client doesn't even make it.
    const honest = await enter("dave");
    expect((await failure(joinByExternalCommit(honest.client, await alice.groupInfo(), at(1)))).code).toBe(
      "authentication",
    );
  });

  it("nor by an Update or a commit of his own", async () => {
    const { enter } = directory();
    const { groups } = await gather([await enter("alice"), await enter("mallory", reckless)]);
    const [alice, mallory] = groups as [Group, Group];
    // Mallory is registered as "carol" too, with another key.
    const { signer } = await enter("carol");
    const identity = { credential: basicCredential("carol"), signer };
    for (const message of [
      await mallory.propose({ update: identity }),
      (await mallory.commit({ identity, references: [] })).commit,
    ]) {
      expect((await refused(alice, message)).code).toBe("authentication");
    }
  });

  it("a user's second device can be added, and can take the place of the first", async () => {
    const { service, enter } = directory();
    const [alice, phone, laptop] = [await enter("alice"), await enter("bob"), await enter("bob")];
    const { groups } = await gather([alice, phone, laptop]);
    const [group] = groups as [Group];
    const follower = await follow(group, service);
    const tablet = await enter("bob");
    const { commit } = await joinByExternalCommit(tablet.client, await group.groupInfo(), at(1));
    expect(await follower.receive(commit)).toMatchObject({ removed: [{ leafIndex: 1 }] });
    expect(await group.receive(commit)).toMatchObject({ removed: [{ leafIndex: 1 }] });
    expect(group.members.map(({ credential }) => nameOf(credential))).toEqual(["alice", "bob", "bob"]);
  });

  it("the application is told how a leaf is replaced, of what, by what", async () => {
    const asked: Succession[] = [];
    const claims: CredentialClaim[] = [];
    const authentication: AuthenticationService = {
      validate: (claim) => claims.push(claim) > 0,
      isSuccessor: async (succession) => asked.push(succession) > 0,
    };
    const options = { suite: SUITE, policy, authentication };
    const { groups } = await gather([
      await party("alice", options),
      await party("bob", { suite: SUITE, policy }),
    ]);
    const [alice, bob] = groups as [Group, Group];
    const last = () => {
      const { by, old, new: next } = asked.at(-1) as Succession;
      return [by, nameOf(old.credential), nameOf(next.credential)];
    };
    const key = async () => generateSigner(crypto, SUITE);
    // A leaf that keeps its credential and its key needs no successor.
    await everyone([alice], (await bob.update()).commit, -1);
    await bob.mergePendingCommit();
    expect(asked).toEqual([]);
    const identity = { credential: basicCredential("robert") };
    await alice.receive(await bob.propose({ update: identity }));
    expect(last()).toEqual(["update", "bob", "robert"]);
    await alice.receive((await bob.commit({ identity: { signer: await key() }, references: [] })).commit);
    expect(last()).toEqual(["commit", "bob", "bob"]);
    expect(asked.at(-1)?.old.signatureKey).not.toEqual(asked.at(-1)?.new.signatureKey);
    await bob.mergePendingCommit();
    const rob = await party("rob", { suite: SUITE, policy });
    const { commit } = await joinByExternalCommit(rob.client, await alice.groupInfo(), at(1));
    await alice.receive(commit);
    expect(last()).toEqual(["resync", "bob", "rob"]);
    expect(asked).toHaveLength(3);
    expect(asked.at(-1)?.groupId).toEqual(alice.groupId);
    expect(new Set(claims.map(({ role }) => role))).toEqual(new Set(["member"]));
  });

  it("a refusal of the application refuses also what equal identities would allow", async () => {
    const { enter } = directory();
    const strict = (await enter("x")).config.authentication;
    const authentication = { ...strict, isSuccessor: ({ by }: Succession) => by !== "resync" };
    const { groups } = await gather([await enter("alice", { authentication }), await enter("bob")]);
    const [alice] = groups as [Group];
    const second = await enter("bob");
    const { commit } = await joinByExternalCommit(second.client, await alice.groupInfo(), at(1));
    expect((await refused(alice, commit)).code).toBe("authentication");
  });

  it("a credential of another type has no default successor, only itself", async () => {
    const options = { suite: SUITE, policy, capabilities: { credentials: [0xf001] } };
    const credential = { credentialType: 0xf001, data: new Uint8Array([1]) };
    const renewed = { credentialType: 0xf001, data: new Uint8Array([2]) };
    const people = async (authentication: AuthenticationService) =>
      gather([
        await party("alice", { ...options, credential, authentication }),
        await party("bob", { ...options, credential }),
      ]);
    const { groups } = await people({ validate: () => true });
    const [alice, bob] = groups as [Group, Group];
    await alice.receive((await bob.update()).commit);
    await bob.mergePendingCommit();
    const message = (await bob.update({ credential: renewed })).commit;
    const error = await refused(alice, message);
    expect(error.code).toBe("authentication");
    expect(error.message).toMatch(/`isSuccessor`.*61441/);
    const { groups: others } = await people({ validate: () => true, isSuccessor: () => true });
    const [carol, dave] = others as [Group, Group];
    expect(await carol.receive((await dave.update({ credential: renewed })).commit)).toMatchObject({
      kind: "commit",
    });
  });
});

describe("the same client twice", () => {
  /** One device for each user: an application's own rule. */
  const sameClient: AuthenticationService["sameClient"] = (a, b) =>
    nameOf(a.credential) === nameOf(b.credential);
  const authentication: AuthenticationService = { validate: () => true, sameClient };
  const rule = /^12\.2: a commit must not add a client that is already in the group/;
  const person = (name: string, more: Partial<PartyOptions> = {}) =>
    party(name, { suite: SUITE, policy, authentication, ...more });
  const lax = { authentication: { validate: () => true } };

  async function scene() {
    const parties = [await person("alice", lax), await person("bob"), await person("carol")];
    const { groups } = await gather(parties);
    const [alice, bob] = groups as [Group, Group];
    const again = await (await person("carol", lax)).client.createKeyPackage();
    return { alice, bob, again, follower: await follow(alice, authentication) };
  }

  it("isn't added where the application says that it is a member already", async () => {
    const { alice, bob, again, follower } = await scene();
    expect(saying(await failure(bob.add(again)))).toMatch(rule);
    const { commit } = await alice.add(again);
    expect(saying(await refused(bob, commit))).toMatch(rule);
    expect(saying(await failure(follower.receive(commit)))).toMatch(rule);
  });

  it("is added again if the same commit removes it", async () => {
    const { bob, again, alice, follower } = await scene();
    const { commit } = await bob.commit({ add: [again], remove: [2] });
    expect(await follower.receive(commit)).toMatchObject({ added: [{ leafIndex: 2 }] });
    expect(await alice.receive(commit)).toMatchObject({ added: [{ leafIndex: 2 }] });
  });

  it("isn't added twice by one commit", async () => {
    const { alice, bob, follower } = await scene();
    const [one, two] = [await person("dave", lax), await person("dave", lax)];
    const add = [await one.client.createKeyPackage(), await two.client.createKeyPackage()];
    expect(saying(await failure(bob.commit({ add })))).toMatch(rule);
    const { commit } = await alice.commit({ add });
    expect(saying(await refused(bob, commit))).toMatch(rule);
    expect(saying(await failure(follower.receive(commit)))).toMatch(rule);
  });

  it("that others propose to add is left out, and doesn't keep anybody from committing", async () => {
    const { alice, bob, again } = await scene();
    const dave = await (await person("dave", lax)).client.createKeyPackage();
    for (const add of [again, dave]) await bob.receive(await alice.propose({ add }));
    await bob.update();
    expect((await bob.mergePendingCommit()).added.map(({ credential }) => nameOf(credential))).toEqual([
      "dave",
    ]);
  });

  it("isn't decided by a failure of the application: nothing is left out for it", async () => {
    let fails = false;
    const failing: AuthenticationService = {
      validate: () => true,
      sameClient: () => {
        if (fails) throw new TypeError("out of order");
        return false;
      },
    };
    const { groups } = await gather([
      await person("alice", lax),
      await person("bob", { authentication: failing }),
    ]);
    const [alice, bob] = groups as [Group, Group];
    const dave = await (await person("dave", lax)).client.createKeyPackage();
    await bob.receive(await alice.propose({ add: dave }));
    fails = true;
    expect((await refused(bob, () => bob.update())).code).toBe("try-again");
    // The list is invalid for another reason too: then received proposals are left out one by one.
    const signer = await generateSigner(crypto, SUITE);
    const twice = await party("erin", { suite: SUITE, policy, signer });
    await bob.receive(await alice.propose({ add: await twice.client.createKeyPackage() }));
    expect((await refused(bob, () => bob.update({ signer }))).code).toBe("try-again");
    fails = false;
    await bob.update();
    expect((await bob.mergePendingCommit()).added).toHaveLength(2);
  });

  it("is what the application says with true or false: a promise is no answer", async () => {
    const promising = { validate: () => true, sameClient: (() => Promise.resolve(false)) as never };
    const { groups } = await gather([await person("alice", { authentication: promising })]);
    const [alice] = groups as [Group];
    const bob = await (await person("bob")).client.createKeyPackage();
    expect(await failure(alice.add(bob))).toMatchObject({ code: "usage", message: /true or false/ });
  });

  it("by default is the one with the same signature key", async () => {
    const { groups, parties } = await gather([
      await party("alice", { suite: SUITE }),
      await party("bob", { suite: SUITE }),
    ]);
    const [alice] = groups as [Group];
    const bob = parties[1] as Party;
    const again = await bob.client.createKeyPackage();
    expect(saying(await failure(alice.add(again)))).toMatch(/^7\.3: signature_key must be unique/);
  });
});

describe("an authentication service", () => {
  it.each([
    ["a function alone", () => true],
    ["without validate", { isSuccessor: () => true }],
    ["with something else than a function", { validate: () => true, isSuccessor: true }],
  ])("%s is refused", async (_, authentication) => {
    const options = { suite: SUITE, authentication: authentication as never };
    expect((await failure(party("alice", options))).code).toBe("usage");
  });
});

describe("a server that hands out another user's key package", () => {
  async function swapped() {
    const { service, enter } = directory();
    const [alice, bob, mallory] = [await enter("alice"), await enter("bob"), await enter("mallory")];
    const [group] = (await gather([alice, bob])).groups as [Group];
    const follower = await follow(group, service);
    const keyPackage = await mallory.client.createKeyPackage();
    return { group, follower, keyPackage, mallory, enter };
  }

  it("is found out where add() is told who is meant, before anything is made", async () => {
    const { group, keyPackage, enter } = await swapped();
    const dave = await enter("dave");
    const meant = { keyPackage, credential: "dave" };
    const said = {
      code: "authentication",
      message: 'expected a key package of "dave", got one of "mallory"',
    };
    for (const attempt of [
      () => group.add(meant),
      async () => group.add([await dave.client.createKeyPackage(), meant]),
      () => group.commit({ add: [meant] }),
      () => group.propose({ add: meant }),
      () => branch(dave.client, group, { add: [meant] }),
    ]) {
      expect(await refused(group, attempt)).toMatchObject(said);
    }
    const credential = basicCredential("dave");
    await group.add({ keyPackage: await dave.client.createKeyPackage(), credential });
    expect((await group.mergePendingCommit()).added.map((one) => nameOf(one.credential))).toEqual(["dave"]);
  });

  it("also where a certain device is meant", async () => {
    const { group, enter } = await swapped();
    const [phone, laptop] = [await enter("dave"), await enter("dave")];
    const keyPackage = await laptop.client.createKeyPackage();
    const meant = { keyPackage, credential: "dave", signatureKey: phone.signer.publicKey };
    const error = await refused(group, () => group.add(meant));
    expect(error).toMatchObject({ code: "authentication", message: /of "dave" with key [0-9a-f]{64}, got/ });
    await group.add({ ...meant, signatureKey: laptop.signer.publicKey });
  });

  it("says in few words whose it is, however long the name", async () => {
    const { group, enter } = await swapped();
    const keyPackage = await (await enter("x".repeat(100_000))).client.createKeyPackage();
    const error = await refused(group, () => group.add({ keyPackage, credential: "dave\u0000" }));
    expect(error.message).toBe(
      `expected a key package of credential 6461766500, got one of "${"x".repeat(64)}…"`,
    );
    const nobody = { keyPackage } as never;
    expect((await refused(group, () => group.add(nobody))).code).toBe("usage");
  });
});
