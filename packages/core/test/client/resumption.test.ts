// RFC 9420 §8.4, §11.2, §11.3: pre-shared keys, and groups that resume another one by a branch or a ReInit.

import { branch, reinitialize } from "@copse/core/resumption";
import { pair, party, reopened } from "@copse/test-support/clients";
import { code, failure } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";

const psks = new Map([["7", new Uint8Array([1, 2, 3])]]);

const options = { suite: 2, externalPsk: (id: Uint8Array) => psks.get(String(id[0])) };
const client = async (name: string, suite = 2) => (await party(name, { ...options, suite })).client;

const rule = (section: string) =>
  expect.objectContaining({ rule: expect.stringMatching(new RegExp(`^${section.replace(/\./g, "\\.")}:`)) });

describe("pre-shared keys", () => {
  it("external and resumption PSKs, several in one commit, and in a Welcome", async () => {
    const { a, b } = await pair(options);
    const carol = await client("carol");
    const { commit, welcome } = await a.commit({
      add: [await carol.createKeyPackage()],
      psks: [{ external: new Uint8Array([7]) }],
    });
    await b.receive(commit);
    await a.mergePendingCommit();
    const c = await carol.join(welcome as Uint8Array);
    expect(c.epochAuthenticator).toEqual(b.epochAuthenticator);

    const both = await b.commit({ psks: [{ external: new Uint8Array([7]) }, { resumption: 2n }] });
    await a.receive(both.commit);
    await c.receive(both.commit);
    await b.mergePendingCommit();
    expect(c.epochAuthenticator).toEqual(a.epochAuthenticator);
    expect(b.epochAuthenticator).toEqual(a.epochAuthenticator);

    const proposed = await c.propose({ psk: { external: new Uint8Array([7]) } });
    for (const group of [a, b]) await group.receive(proposed);
    const covering = await a.commit();
    for (const group of [b, c]) await group.receive(covering.commit);
    await a.mergePendingCommit();
    expect(c.epochAuthenticator).toEqual(a.epochAuthenticator);
  });

  it("an unknown PSK is reported as missing to the committer and to receivers", async () => {
    const { a, b } = await pair(options);
    await expect(a.commit({ psks: [{ external: new Uint8Array([8]) }] })).rejects.toEqual(code("missing"));
    psks.set("9", new Uint8Array(32));
    const { commit } = await a.commit({ psks: [{ external: new Uint8Array([9]) }] });
    psks.delete("9");
    const before = await b.save();
    await expect(b.receive(commit)).rejects.toEqual(code("missing"));
    expect(await b.save()).toEqual(before);
  });
});

describe("a subgroup", () => {
  it("is made of members of the group", async () => {
    const { alice, bob, a, b } = await pair(options);
    const subgroup = await branch(alice, a, { add: [await bob.createKeyPackage()] });
    const joined = await bob.join(subgroup.welcome as Uint8Array);
    expect(joined.epoch).toBe(1n);
    expect(joined.epochAuthenticator).toEqual(subgroup.group.epochAuthenticator);
    expect(joined.groupId).not.toEqual(b.groupId);
    expect(a.active && b.active).toBe(true);
  });

  it("may have members with very long credentials", async () => {
    const alice = await client("a".repeat(300_000));
    const bob = await client("bob");
    const group = await alice.createGroup();
    const { welcome } = await group.add(await bob.createKeyPackage());
    await group.mergePendingCommit();
    await bob.join(welcome as Uint8Array);
    const subgroup = await branch(alice, group, { add: [await bob.createKeyPackage()] });
    expect((await bob.join(subgroup.welcome as Uint8Array)).resumes?.groupId).toEqual(group.groupId);
  });

  it("can't have other members", async () => {
    const { alice, a } = await pair(options);
    const mallory = await client("mallory");
    await expect(branch(alice, a, { add: [await mallory.createKeyPackage()] })).rejects.toEqual(rule("11.3"));
  });

  it("can't be joined by a client without the original group", async () => {
    const { alice, a } = await pair(options);
    const bobElsewhere = await client("bob");
    const { welcome } = await branch(alice, a, { add: [await bobElsewhere.createKeyPackage()] });
    await expect(bobElsewhere.join(welcome as Uint8Array)).rejects.toEqual(code("missing"));
  });
});

describe("a reinitialization", () => {
  it("changes the suite and the group ID", async () => {
    const { a, b } = await pair(options);
    const groupId = new Uint8Array([4, 2]);
    const { commit } = await a.commit({ reinit: { groupId, cipherSuite: 1, extensions: [] } });
    expect(await b.receive(commit)).toMatchObject({
      kind: "commit",
      active: false,
      reinit: { cipherSuite: 1 },
    });
    await a.mergePendingCommit();
    for (const group of [a, b]) {
      await expect(group.encrypt("too late")).rejects.toEqual(code("closed"));
      await expect(group.update()).rejects.toEqual(code("closed"));
    }
    const [alice1, bob1] = [await client("alice", 1), await client("bob", 1)];
    const next = await reinitialize(bob1, b, { add: [await alice1.createKeyPackage()] });
    const joined = await alice1.join(next.welcome as Uint8Array, { previous: a });
    expect(joined.groupId).toEqual(groupId);
    expect(joined.cipherSuite.id).toBe(1);
    expect(joined.epochAuthenticator).toEqual(next.group.epochAuthenticator);
  });

  it.each([branch, reinitialize])(
    "is made for a client, from a group: nothing else is taken (%o)",
    async (make) => {
      const { alice, a } = await pair(options);
      const wrong = make as unknown as (...given: readonly unknown[]) => Promise<unknown>;
      for (const given of [
        [],
        [undefined, a],
        [null, a],
        [a, alice],
        [alice, alice],
        [alice, undefined],
        ["a", a],
      ]) {
        const [client, from] = given;
        const error = await failure(wrong(client, from, { add: [] }));
        expect([error.code, error.message]).toEqual([
          "usage",
          expect.stringMatching(/^expected a (Client|Group), got/),
        ]);
      }
    },
  );

  it("must include all members, and have the suite and ID of the ReInit", async () => {
    const { alice, bob, a, b } = await pair(options);
    const groupId = new Uint8Array([4, 2]);
    await expect(reinitialize(alice, a, { add: [] })).rejects.toEqual(code("usage"));
    const proposal = await b.propose({ reinit: { groupId, cipherSuite: 2, extensions: [] } });
    await a.receive(proposal);
    const references = a.proposals.map(({ reference }) => reference);
    const { commit } = await a.commit({ references });
    await b.receive(commit);
    await a.mergePendingCommit();
    const restored = await reopened(alice, a);
    await expect(reinitialize(alice, restored, { add: [] })).rejects.toEqual(rule("12.4.3.1"));
    const wrong = await client("bob", 1);
    await expect(reinitialize(wrong, b, { add: [] })).rejects.toEqual(code("unsupported"));
    const next = await reinitialize(alice, restored, { add: [await bob.createKeyPackage()] });
    expect((await bob.join(next.welcome as Uint8Array)).groupId).toEqual(groupId);
  });
});
