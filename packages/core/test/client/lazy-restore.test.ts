// RFC 9420 §12: a restored group says and does what the original does, and restoring makes nothing that nobody asked for.
import { type Group, insecureAcceptAll, type Received } from "@copse/core";
import { memoryStorage, openClient } from "@copse/core/storage";
import { nodeProvider } from "@copse/provider-node";
import { type InstrumentedProvider, instrumentProvider } from "@copse/provider-select";
import { everyone, gather, type Party, party, reopened, send } from "@copse/test-support/clients";
import { failure } from "@copse/test-support/errors";
import { randomFrom } from "@copse/test-support/random";
import { afterEach, describe, expect, it, vi } from "vitest";
import { toHex } from "../../src/bytes.js";
import { LeafNode } from "../../src/wire/leaf-node.js";

const SUITE = 1;

afterEach(() => vi.restoreAllMocks());

/** How often an operation of a provider was called. */
function calls(crypto: InstrumentedProvider, name: string): number {
  const all = crypto.report().flatMap(({ operations }) => Object.entries(operations));
  return all.find(([one]) => one === name)?.[1].calls ?? 0;
}

/** Everything that a group says of itself. */
async function everythingOf(group: Group) {
  const { epoch, members, ratchetTree, treeHash, extensions, proposals, ownLeafIndex, active } = group;
  const staged = group.staged.map((one) => ({
    commit: toHex(one.commit),
    epoch: one.epoch,
    membersAfter: one.membersAfter,
    committer: one.committer,
    own: one.own,
  }));
  return {
    ...{ epoch, members, extensions, proposals, ownLeafIndex, active, staged },
    ratchetTree: toHex(ratchetTree),
    treeHash: toHex(treeHash),
    authenticator: toHex(group.epochAuthenticator),
    transcript: toHex(group.confirmedTranscriptHash),
    leaves: members.map(({ leafIndex }) => group.leafNode(leafIndex)),
    exported: toHex(await group.exportSecret("label", new Uint8Array(3), 32)),
  };
}

/** A member of a group, and how it is restored: from what it saved, or from its storage. */
async function restorable(way: "save" | "storage") {
  const { client, signer } = await party("alice", { suite: SUITE });
  if (way === "save") return { client, again: (group: Group) => reopened(client, group) };
  const common = { crypto: nodeProvider(), suite: SUITE, credential: "alice", signer };
  const open = () => openClient({ ...common, storage, authentication: insecureAcceptAll() });
  const storage = memoryStorage();
  const again = async ({ groupId }: Group) => (await (await open()).group(groupId)) as Group;
  return { client: await open(), again };
}

describe("a restored group", () => {
  it.each(["save", "storage"] as const)(
    "says what the original says after random commits, by its %s",
    async (way) => {
      const random = randomFrom(way.length);
      const { client, again } = await restorable(way);
      const names = Array.from({ length: 11 }, (_, i) => `member ${i}`);
      const others = await Promise.all(names.map((name) => party(name, { suite: SUITE })));
      const created = await client.createGroup();
      const { welcome } = await created.add(
        await Promise.all(others.map((one) => one.client.createKeyPackage())),
      );
      await created.mergePendingCommit();
      const all = [created];
      for (const one of others) all.push(await one.client.join(welcome as Uint8Array));
      const at = (i: number) => all[i] as Group;
      for (let step = 0; step < 20; step++) {
        const by = random(all.length);
        const { commit } = await at(by).update();
        // What it saves has received proposals, staged commits and past epochs.
        if (random(3) === 0 && by !== 0) await at(0).stage(commit);
        if (random(3) === 0 && by !== 0) await at(0).receive(await at(by).propose({ update: true }));
        const said = await everythingOf(at(0));
        const saved = toHex(await at(0).save());
        all[0] = await again(at(0));
        if (random(2) === 0) expect(await everythingOf(at(0))).toEqual(said);
        expect(toHex(await at(0).save())).toBe(saved);
        if (random(2) === 0) all[0] = await again(at(0));
        expect(await everythingOf(at(0))).toEqual(said);
        await everyone(all, commit, by);
        await at(by).mergePendingCommit();
        for (const group of all) expect(group.epochAuthenticator).toEqual(at(by).epochAuthenticator);
        const rest = all.filter((_, i) => i !== by);
        await send(at(by), rest, "hello");
        if (all.length > 4 && random(4) === 0) {
          const gone = 1 + random(all.length - 1);
          const removed = await at(0).remove(at(gone).ownLeafIndex);
          await everyone(all, removed.commit, 0);
          await at(0).mergePendingCommit();
          all.splice(gone, 1);
        }
      }
    },
  );

  it("decodes its own leaf and no other, hashes nothing and imports no key until it has encrypted a message", async () => {
    const crypto = instrumentProvider(nodeProvider());
    const others = await Promise.all(
      Array.from({ length: 39 }, (_, i) => party(`member ${i}`, { suite: SUITE })),
    );
    const { parties, groups } = await gather([await party("alice", { suite: SUITE, crypto }), ...others]);
    const [alice, ...rest] = groups as [Group, ...Group[]];
    const { client } = parties[0] as Party;
    await everyone(groups, (await alice.update()).commit, 0);
    await alice.mergePendingCommit();
    const saved = await alice.save();
    await alice.close();

    const decoded = vi.spyOn(LeafNode, "read");
    crypto.reset();
    const restored = await client.restore(saved);
    // The digest of the record.
    expect(calls(crypto, "hash.hash")).toBe(1);
    await send(restored, [rest[7] as Group], "hello");
    for (const name of ["hash.hashAll", "hpke.importPrivateKey", "hpke.exportPrivateKey"])
      expect(calls(crypto, name), name).toBe(0);
    expect(decoded.mock.calls.length).toBe(1);
    const again = await reopened(client, restored);
    // To save it takes no other leaf than its own: those of each epoch.
    expect(decoded.mock.calls.length).toBeLessThanOrEqual(4);
    expect(calls(crypto, "hpke.importPrivateKey")).toBe(0);
    const { commit } = await (rest[38] as Group).update();
    crypto.reset();
    const received: Received = await again.receive(commit);
    expect(received.kind).toBe("commit");
    expect(calls(crypto, "hpke.importPrivateKey")).toBe(1);
  });

  it("is loaded in the same way from a storage", async () => {
    const crypto = instrumentProvider(nodeProvider());
    const { signer } = await party("alice", { suite: SUITE });
    const storage = memoryStorage();
    const authentication = { validate: () => true, isSuccessor: () => true };
    const open = () =>
      openClient({ storage, crypto, suite: SUITE, credential: "alice", signer, authentication });
    const group = await (await open()).createGroup();
    const crowd = await Promise.all(
      Array.from({ length: 30 }, (_, i) => party(`member ${i}`, { suite: SUITE })),
    );
    await group.add(await Promise.all(crowd.map(({ client }) => client.createKeyPackage())));
    await group.mergePendingCommit();
    await group.update();
    await group.mergePendingCommit();
    const client = await open();
    const decoded = vi.spyOn(LeafNode, "read");
    crypto.reset();
    const again = await client.group(group.groupId);
    await again?.encrypt("hello");
    expect(calls(crypto, "hpke.importPrivateKey")).toBe(0);
    // Its own leaf, which is in the changes of the tree.
    expect(decoded.mock.calls.length).toBe(1);
    expect(again?.members).toHaveLength(31);
  });
});

describe("a private key that is imported late", () => {
  /** A provider whose import can fail, and that notes each. */
  async function failing() {
    const node = nodeProvider();
    const suite = node.suite(SUITE);
    const line = { down: false, imports: 0 };
    const cause = new Error("no answer");
    const hpke: typeof suite.hpke = {
      ...suite.hpke,
      async importPrivateKey(bytes) {
        line.imports++;
        await Promise.resolve();
        if (line.down) throw cause;
        return suite.hpke.importPrivateKey(bytes);
      },
    };
    const crypto = { ...node, suite: () => ({ ...suite, hpke }) };
    const { parties, groups } = await gather([
      await party("alice", { suite: SUITE, crypto }),
      await party("bob", { suite: SUITE }),
    ]);
    const [a, b] = groups as [Group, Group];
    return { line, cause, alice: parties[0] as Party, a, b };
  }

  it("makes its call fail with `try-again` if the provider fails, and nothing has changed", async () => {
    const { line, cause, alice, a, b } = await failing();
    const restored = await reopened(alice.client, a);
    const { commit } = await b.update();
    await b.mergePendingCommit();
    line.down = true;
    expect(await failure(restored.receive(commit))).toMatchObject({ code: "try-again", cause });
    expect(line.imports).toBe(1);
    // What it doesn't need the key for goes on, saving it included.
    await send(restored, [b], "still here").catch(() => undefined);
    const saved = await restored.save();
    line.down = false;
    await restored.receive(commit);
    await send(restored, [b], "in the next epoch");
    await restored.close();
    const again = await alice.client.restore(saved);
    await again.receive(commit);
    expect(again.epochAuthenticator).toEqual(b.epochAuthenticator);
  });

  it("is imported once, and ends with its epoch", async () => {
    const { line, alice, a, b } = await failing();
    const restored = await reopened(alice.client, a);
    const commits = [(await b.update()).commit, (await b.update({ replacePending: true })).commit];
    const staged = await Promise.all(commits.map((commit) => restored.stage(commit)));
    expect(line.imports).toBe(1);
    await staged[1]?.merge();
    await b.mergePendingCommit();
    expect(restored.epochAuthenticator).toEqual(b.epochAuthenticator);
  });
});
