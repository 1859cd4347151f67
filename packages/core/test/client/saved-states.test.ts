// RFC 9420 §12.4.3: what is saved is restored as it was, at most once at a time, or refused with the reason.

import { Client, type Group, generateSigner, insecureAcceptAll } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { nodeProvider } from "@copse/provider-node";
import { everyone, four, gather, type Party, party } from "@copse/test-support/clients";
import { failure } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";

const SUITE = 1;

/** Two members; the first one has a pending commit, a received proposal and a past epoch, and saved them. */
async function two() {
  const { parties, groups } = await gather([
    await party("alice", { suite: SUITE }),
    await party("bob", { suite: SUITE }),
  ]);
  const [a, b] = groups as [Group, Group];
  await b.receive((await a.update()).commit);
  await a.mergePendingCommit();
  await a.receive(await b.propose({ update: true }));
  await a.commit();
  return { alice: parties[0] as Party, a, b, saved: await a.save() };
}

describe("a flipped bit in a saved state is refused", () => {
  it("wherever it is, in a group", async () => {
    const { alice, saved } = await two();
    const client = await alice.again();
    for (let bit = 0; bit < 8 * saved.length; bit++) {
      const bytes = saved.slice();
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
      const { code } = await failure(client.restore(bytes));
      if (code !== "state") throw new Error(`bit ${bit}: ${code}`);
    }
    expect((await client.restore(saved)).hasPendingCommit).toBe(true);
  });
  it("wherever it is, in saved key packages", async () => {
    const bob = await party("bob", { suite: SUITE });
    await bob.client.createKeyPackage();
    const saved = await bob.client.saveKeyPackages();
    const again = await bob.again();
    for (let bit = 0; bit < 8 * saved.length; bit++) {
      const bytes = saved.slice();
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
      const { code } = await failure(again.loadKeyPackages(bytes));
      if (code !== "state") throw new Error(`bit ${bit}: ${code}`);
    }
    await again.loadKeyPackages(saved);
    expect(await again.saveKeyPackages()).toEqual(saved);
  });
});

describe("a group that is open", () => {
  it("isn't opened a second time by restore, not even by two calls at once, but after it was closed", async () => {
    const { alice, a, b, saved } = await two();
    const error = await failure(alice.client.restore(saved));
    expect(error).toMatchObject({ code: "group-exists", groupId: a.groupId });
    expect(a.active).toBe(true);
    await a.close();
    const both = await Promise.allSettled([1, 2].map(() => alice.client.restore(saved)));
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const [restored] = both.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    const pending = await restored?.mergePendingCommit();
    expect(pending?.epoch).toBe(b.epoch + 1n);
  });
  it("is replaced by a rejoin, if the application says so, and not before the new one is known to be good", async () => {
    const { parties, groups } = await four(SUITE);
    const [alice, bob] = groups as [Group, Group];
    const { client } = parties[1] as Party;
    const groupInfo = await alice.groupInfo();
    const refused = await failure(joinByExternalCommit(client, groupInfo, { resync: true }));
    expect(refused).toMatchObject({ code: "group-exists", groupId: bob.groupId });
    const damaged = groupInfo.slice();
    damaged[damaged.length - 1] = (damaged.at(-1) as number) ^ 1;
    const options = { resync: true, replace: true };
    await failure(joinByExternalCommit(client, damaged, options));
    // The open group goes on, in both cases.
    expect(await alice.receive(await bob.encrypt("still here"))).toMatchObject({ kind: "application" });
    const { group, commit } = await joinByExternalCommit(client, groupInfo, options);
    // Nor before the new one is in force.
    expect(await alice.receive(await bob.encrypt("still here"))).toMatchObject({ kind: "application" });
    await group.mergePendingCommit();
    expect(await failure(bob.encrypt("twice"))).toMatchObject({ code: "closed" });
    await alice.receive(commit);
    expect(await alice.receive(await group.encrypt("again"))).toMatchObject({ kind: "application" });
    // And it is the one that the client has: a further copy isn't restored beside it.
    const saved = await group.save();
    expect((await failure(client.restore(saved))).code).toBe("group-exists");
  });
  it("is replaced by a Welcome too", async () => {
    const { parties, groups } = await four(SUITE);
    const [alice, bob] = groups as [Group, Group];
    const { client } = parties[1] as Party;
    const { commit } = await alice.remove(1);
    await alice.mergePendingCommit();
    const added = await alice.add(await client.createKeyPackage());
    await alice.mergePendingCommit();
    const welcome = added.welcome as Uint8Array;
    expect((await failure(client.join(welcome))).code).toBe("group-exists");
    const joined = await client.join(welcome, { replace: true });
    expect(bob.active).toBe(false);
    expect(joined.epochAuthenticator).toEqual(alice.epochAuthenticator);
    expect((await failure(bob.receive(commit))).code).toBe("closed");
  });
  it("isn't kept in memory after it was closed, or after this client was removed", async () => {
    const { parties, groups } = await four(SUITE);
    const [alice, bob, mallory] = groups as [Group, Group, Group];
    const saved = [await bob.save(), await mallory.save()] as const;
    const { commit } = await alice.remove(2);
    await everyone(groups, commit, 0);
    await bob.close();
    for (const [i, state] of saved.entries()) {
      expect((await (parties[i + 1] as Party).client.restore(state)).active).toBe(true);
    }
  });
});

describe("a group that this client was removed from", () => {
  it("is saved without private keys, and restored as what it is", async () => {
    const { parties, groups } = await four(SUITE);
    const [alice, bob] = groups as [Group, Group];
    await bob.receive((await alice.remove(1)).commit);
    const saved = await bob.save();
    const restored = await (await (parties[1] as Party).again()).restore(saved);
    expect((await failure(restored.encrypt("hello"))).code).toBe("removed");
    expect(await restored.save()).toEqual(saved);
  });
});

describe("an error of restore says whose fault it is", () => {
  it("missing-signer, if the bytes are in order", async () => {
    const { saved } = await two();
    const stranger = await party("alice", { suite: SUITE });
    const error = await failure(stranger.client.restore(saved));
    expect(error).toMatchObject({ code: "missing-signer" });
  });
  it("try-again, with the cause, if the provider can't load the keys now", async () => {
    const node = nodeProvider();
    const suite = node.suite(SUITE);
    const line = { down: false };
    const cause = new Error("the key store is locked");
    const hpke: typeof suite.hpke = {
      ...suite.hpke,
      savePrivateKey: (key) => suite.hpke.exportPrivateKey(key),
      async loadPrivateKey(bytes) {
        if (line.down) throw cause;
        return (await suite.hpke.importPrivateKey(bytes)).privateKey;
      },
    };
    const crypto = { ...node, suite: () => ({ ...suite, hpke }) };
    const alice = await party("alice", { suite: SUITE, crypto });
    const group = await alice.client.createGroup();
    await alice.client.createKeyPackage();
    const [saved, keyPackages] = [await group.save(), await alice.client.saveKeyPackages()];
    await group.close();
    line.down = true;
    expect(await failure(alice.client.restore(saved))).toMatchObject({ code: "try-again", cause });
    expect(await failure(alice.client.loadKeyPackages(keyPackages))).toMatchObject({
      code: "try-again",
      cause,
    });
    line.down = false;
    expect((await alice.client.restore(saved)).active).toBe(true);
    await alice.client.loadKeyPackages(keyPackages);
  });
});

describe("a state whose signer nobody holds", () => {
  it("isn't saved, since it could never be restored", async () => {
    const options = { crypto: nodeProvider(), suite: SUITE, authentication: insecureAcceptAll() };
    const client = await Client.create({ ...options, credential: "alice" });
    await client.createKeyPackage();
    const group = await client.createGroup();
    for (const save of [() => group.save(), () => client.saveKeyPackages()]) {
      expect(await failure(save())).toMatchObject({
        code: "usage",
        message: expect.stringContaining("options.signer"),
      });
    }
    // A signer of the application's makes it good, once the group has switched to it.
    const signer = await generateSigner(options.crypto, SUITE);
    await group.update({ signer });
    expect((await failure(group.save())).code).toBe("usage");
    await group.mergePendingCommit();
    const saved = await group.save();
    const again = await Client.create({ ...options, credential: "alice", signer });
    expect((await again.restore(saved)).epoch).toBe(group.epoch);
  });
});

describe("a key package made after a group switched to another signer and credential", () => {
  it.each(["commit", "proposal"])("has them too, after a %s", async (way) => {
    const { parties, groups } = await four(SUITE);
    const [alice, bob] = groups as [Group, Group];
    const { client } = parties[0] as Party;
    const before = client.signatureKey;
    const signer = await generateSigner(nodeProvider(), SUITE);
    const credential = (parties[3] as Party).client.credential;
    if (way === "commit") {
      await alice.update({ signer, credential });
      expect(client.signatureKey).toEqual(before);
      await alice.mergePendingCommit();
    } else {
      await bob.receive(await alice.propose({ update: { signer, credential } }));
      expect(client.signatureKey).toEqual(before);
      await alice.receive((await bob.commit()).commit);
    }
    expect(client.signatureKey).toEqual(signer.publicKey);
    expect(client.credential).toEqual(credential);
    const host = await (await party("host", { suite: SUITE })).client.createGroup();
    await host.add(await client.createKeyPackage());
    await host.mergePendingCommit();
    expect(host.member(1)).toMatchObject({ signatureKey: signer.publicKey, credential });
  });
});
