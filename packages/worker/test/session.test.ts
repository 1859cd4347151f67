// RFC 9420 §10 to §15: groups of clients in workers behave as those of clients in this thread.

import type { Worker } from "node:worker_threads";
import {
  type Client,
  customProposal,
  type Group,
  generateSigner,
  isBasicCredential,
  MlsError,
  type Received,
  UnsupportedError,
} from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { selfRemove, selfRemoveProposal } from "@copse/extensions";
import { nodeProvider } from "@copse/provider-node";
import { connectClient, type WorkerGroup } from "@copse/worker";
import { afterEach, describe, expect, test } from "vitest";
import { closePorts, connected, makeClient, type Options, startWorker } from "./workers.js";

const workers: Worker[] = [];
afterEach(async () => {
  closePorts();
  await Promise.all(workers.splice(0).map((worker) => worker.terminate()));
});

async function inThread(options: Options = {}) {
  const worker = await startWorker();
  workers.push(worker);
  return connectClient<Options>(worker, options);
}

const text = (received: Received) =>
  received.kind === "application" ? new TextDecoder().decode(received.data) : received.kind;

/** Writes into all that can be reached in plain data. */
function deface(value: unknown): void {
  if (value instanceof Uint8Array) value.fill(0xee);
  else if (typeof value === "object" && value !== null) {
    Object.values(value).forEach(deface);
    if (Array.isArray(value)) value.reverse().push("added");
    else Object.assign(value, { added: 77, leafIndex: 77, id: 77 });
  }
}

/** What a group says of itself that all members agree on. */
async function sight(group: Group | WorkerGroup) {
  return {
    epoch: group.epoch,
    groupId: group.groupId,
    suite: group.cipherSuite.id,
    authenticator: group.epochAuthenticator,
    treeHash: group.treeHash,
    transcript: group.confirmedTranscriptHash,
    members: group.members,
    extensions: group.extensions,
    tree: await group.ratchetTree,
  };
}

describe("a client in a thread", () => {
  test("creates a group, adds, sends, receives, commits and is removed", async () => {
    const alice = await inThread({ credential: "alice" });
    const bob = await makeClient({ credential: "bob" });
    expect(alice.cipherSuite.id).toBe(1);
    expect(isBasicCredential(alice.credential)).toBe(true);

    const a = await alice.createGroup();
    expect(a).toMatchObject({ epoch: 0n, active: true, ownLeafIndex: 0, hasPendingCommit: false });
    const { welcome, commit } = await a.add(await bob.createKeyPackage());
    expect(a.hasPendingCommit).toBe(true);
    expect(await a.receive(commit)).toMatchObject({ kind: "commit", own: true });
    const b = await bob.join(welcome as Uint8Array);
    expect(await sight(a)).toEqual(await sight(b));
    expect(a.member(1)).toEqual(b.member(1));
    expect(a.member(2)).toBeUndefined();
    expect(await a.leafNode(1)).toEqual(b.leafNode(1));

    expect(text(await b.receive(await a.encrypt("Hello, Bob!")))).toBe("Hello, Bob!");
    expect(text(await a.receive(await b.encrypt("Hello, Alice!")))).toBe("Hello, Alice!");

    await b.receive((await a.update()).commit);
    await a.mergePendingCommit();
    expect(await sight(a)).toEqual(await sight(b));

    const proposal = await b.propose({ update: true });
    expect(await a.receive(proposal)).toMatchObject({ kind: "proposal" });
    expect(a.proposals).toHaveLength(1);
    const { commit: updating } = await a.commit();
    await a.clearPendingCommit();
    expect(a.hasPendingCommit).toBe(false);
    expect(updating.length).toBeGreaterThan(0);
    expect(await a.exportSecret("label", new Uint8Array(2), 16)).toEqual(
      await b.exportSecret("label", new Uint8Array(2), 16),
    );

    const { commit: removing } = await b.remove(0);
    expect(await a.receive(removing)).toMatchObject({ kind: "commit", active: false });
    expect(a.active).toBe(false);
    await expect(a.encrypt("too late")).rejects.toMatchObject({ code: "removed" });
    expect(() => a.epochAuthenticator).toThrowError(expect.objectContaining({ code: "removed" }));
    await alice.close();
  });

  test("shows its groups as they are, whatever the page writes into what it was shown before", async () => {
    const alice = await inThread({ credential: "alice" });
    const bob = await makeClient({ credential: "bob" });
    const a = await alice.createGroup();
    const { welcome } = await a.add(await bob.createKeyPackage());
    await a.mergePendingCommit();
    const b = await bob.join(welcome as Uint8Array);
    await a.receive(await b.propose({ update: true }));
    const names = ["groupId", "cipherSuite", "extensions", "members", "treeHash", "resumes"] as const;
    for (const name of names) {
      const before = structuredClone(a[name]);
      deface(a[name]);
      expect(a[name], name).toEqual(before);
    }
    deface([a.member(1), alice.credential, alice.cipherSuite]);
    expect(a.member(1)).toEqual(a.members[1]);
    expect(alice.credential).toEqual(a.member(0)?.credential);
    const [proposal] = a.proposals;
    for (const one of [a.proposals, proposal, proposal?.proposal, proposal?.sender])
      expect(Object.isFrozen(one)).toBe(true);
    expect(a.proposals).toBe(a.proposals);
    // What the worker sends from now on goes with what it sent before.
    await a.dropProposals(proposal?.reference as Uint8Array);
    expect(a.proposals.map(({ willCommit }) => willCommit)).toEqual([false]);
    expect(proposal).toMatchObject({ willCommit: true });
    await b.receive((await a.update()).commit);
    await a.mergePendingCommit();
    expect(await sight(a)).toEqual(await sight(b));
    await alice.close();
  });

  test("lives on in another thread, from what the first one saved", async () => {
    const crypto = nodeProvider();
    const signer = await generateSigner(crypto, 1);
    const first = await inThread({ signer });
    const carol = await makeClient({ credential: "carol" });
    const group = await first.createGroup();
    const c = await carol.createGroup();
    await group.add(await carol.createKeyPackage());
    await group.mergePendingCommit();
    const snapshot = await group.save();
    const offered = await first.createKeyPackage();
    const keyPackages = await first.saveKeyPackages();

    const second = await inThread({ signer });
    const restored = await second.restore(snapshot);
    expect(await sight(restored)).toEqual(await sight(group));
    await second.loadKeyPackages(keyPackages);
    const { welcome } = await c.add(offered);
    await c.mergePendingCommit();
    const joined = await second.join(welcome as Uint8Array);
    expect(await sight(joined)).toEqual(await sight(c));
  });
});

describe.each(["node", "web"] as const)("by ports as of %s", (kind) => {
  test("members come, go and change, and the page sees each of them", async () => {
    const { client } = await connected({ credential: "alice" }, kind);
    const people = await Promise.all(["b", "c", "d", "e"].map((credential) => makeClient({ credential })));
    const [b, c, d, e] = people as [
      (typeof people)[0],
      (typeof people)[0],
      (typeof people)[0],
      (typeof people)[0],
    ];
    const group = await client.createGroup();
    const packages = await Promise.all([b, c, d].map((one) => one.createKeyPackage()));
    const { welcome } = await group.add(packages);
    await group.mergePendingCommit();
    const [inB, inC] = await Promise.all([b, c].map((one) => one.join(welcome as Uint8Array)));
    const [first, other] = [inB as Group, inC as Group];
    expect(group.members).toEqual(first.members);

    // A new credential, somebody at a freed leaf, and somebody who comes by an external commit.
    const crypto = nodeProvider();
    const identity = { signer: await generateSigner(crypto, 1) };
    const steps: (() => Promise<Uint8Array>)[] = [
      async () => (await first.update(identity)).commit,
      async () => (await first.remove(3)).commit,
      async () => (await first.add(await e.createKeyPackage())).commit,
    ];
    for (const step of steps) {
      const commit = await step();
      await Promise.all([first, other, group].map((one) => one.receive(commit)));
      expect(group.members).toEqual(first.members);
    }
    const { group: back, commit } = await joinByExternalCommit(d, await group.groupInfo());
    await Promise.all([first, other, group].map((one) => one.receive(commit)));
    await back.mergePendingCommit();
    expect(group.members).toEqual(back.members);
    expect(await sight(group)).toEqual(await sight(back));
  });

  test("joins by an external commit, and by a Welcome", async () => {
    const { client } = await connected({ credential: "alice" }, kind);
    const bob = await makeClient({ credential: "bob" });
    const b = await bob.createGroup();
    const { group, commit } = await client.joinByExternalCommit(await b.groupInfo());
    await b.receive(commit);
    expect([group.active, group.hasPendingCommit]).toEqual([false, true]);
    expect(() => group.epochAuthenticator).toThrow(expect.objectContaining({ code: "pending" }));
    await expect(group.encrypt("too early")).rejects.toMatchObject({ code: "pending" });
    expect(await group.receive(commit)).toMatchObject({ kind: "commit", own: true });
    expect([group.active, group.hasPendingCommit]).toEqual([true, false]);
    expect(await sight(group)).toEqual(await sight(b));
    const proposal = await client.proposeJoin({ groupId: new Uint8Array(3), epoch: 7n });
    expect(proposal.length).toBeGreaterThan(100);
  });

  test("groups resume groups: a branch, and a ReInit by another client of the same worker", async () => {
    const { client: alice } = await connected({ credential: "alice" }, kind);
    const { client: later } = await connected({ credential: "alice", suite: 2 }, kind);
    const [bob, bobLater] = [
      await makeClient({ credential: "bob" }),
      await makeClient({ credential: "bob", suite: 2 }),
    ];
    const a = await alice.createGroup();
    const { welcome } = await a.add(await bob.createKeyPackage());
    await a.mergePendingCommit();
    const b = await bob.join(welcome as Uint8Array);

    const branch = await alice.branch(a, { add: [await bob.createKeyPackage()] });
    expect(await sight(await bob.join(branch.welcome as Uint8Array))).toEqual(await sight(branch.group));

    const reinit = { groupId: new Uint8Array([7]), cipherSuite: 2, extensions: [] };
    await b.receive((await a.commit({ reinit })).commit);
    await a.mergePendingCommit();
    expect(a.active).toBe(false);
    const next = await later.reinitialize(a, { add: [await bobLater.createKeyPackage()] });
    const followed = await bobLater.join(next.welcome as Uint8Array, { previous: b });
    expect(await sight(followed)).toEqual(await sight(next.group));
  });

  test("calls that nobody awaits are done in their order", async () => {
    const { client } = await connected({}, kind);
    const bob = await makeClient({ credential: "bob" });
    const group = await client.createGroup();
    const keyPackage = await bob.createKeyPackage();
    const added = group.add(keyPackage);
    const merged = group.mergePendingCommit();
    const sent = Array.from({ length: 20 }, (_, i) => group.encrypt(`message ${i}`));
    const b = await bob.join((await added).welcome as Uint8Array);
    expect(await merged).toMatchObject({ kind: "commit", own: true });
    for (const [i, message] of (await Promise.all(sent)).entries()) {
      expect(text(await b.receive(message))).toBe(`message ${i}`);
    }
  });
});

test("a member removed by an extension of the worker's is gone from the page's list too", async () => {
  const extensions = [selfRemove()];
  const { client } = await connected({}, "node", { extensions });
  const [bob, carol] = await Promise.all(
    ["b", "c"].map((credential) => makeClient({ credential, extensions })),
  );
  const [b, c] = [bob as Client, carol as Client];
  const group = await client.createGroup();
  const { welcome } = await group.add([await b.createKeyPackage(), await c.createKeyPackage()]);
  await group.mergePendingCommit();
  const [inB, inC] = [await b.join(welcome as Uint8Array), await c.join(welcome as Uint8Array)];
  const leaving = await inB.propose({ custom: selfRemoveProposal() });
  for (const each of [group, inC]) await each.receive(leaving);
  const { commit } = await group.commit();
  expect(await group.mergePendingCommit()).toMatchObject({ removed: [{ leafIndex: 1 }] });
  await inC.receive(commit);
  expect(group.members).toEqual(inC.members);
  expect(group.members).toHaveLength(2);
  const own = await group.propose({ custom: selfRemoveProposal() });
  await inC.receive(own);
  const { commit: without } = await inC.commit();
  expect(await group.receive(without)).toMatchObject({ active: false });
});

test("several messages at once, with an error for each that is refused", async () => {
  const { client } = await connected();
  const bob = await makeClient({ credential: "bob" });
  const group = await client.createGroup();
  const { welcome } = await group.add(await bob.createKeyPackage());
  await group.mergePendingCommit();
  const b = await bob.join(welcome as Uint8Array);
  const sent = await group.encryptAll(["one", "two"]);
  const received = await b.receiveAll(sent);
  expect(received.map((one) => one.status === "fulfilled" && text(one.value))).toEqual(["one", "two"]);
  const [message] = await b.encryptAll(["hello"]);
  const { commit } = await b.update();
  await b.mergePendingCommit();
  const results = await group.receiveAll([message, message, commit] as Uint8Array[]);
  expect(results).toMatchObject([
    { status: "fulfilled", value: { kind: "application" } },
    { status: "rejected", reason: { code: "duplicate" } },
    { status: "fulfilled", value: { kind: "commit" } },
  ]);
  expect(results[1]).toMatchObject({ reason: expect.any(MlsError) });
  expect(await sight(group)).toEqual(await sight(b));
});

test("private keys of own Updates stay in the worker", async () => {
  const { client } = await connected();
  const bob = await makeClient({ credential: "bob" });
  const group = await client.createGroup();
  const { welcome } = await group.add(await bob.createKeyPackage());
  await group.mergePendingCommit();
  await bob.join(welcome as Uint8Array);
  await group.propose({ update: true });
  expect(group.proposals).toHaveLength(1);
  const shown = ["message", "proposal", "proposer", "reference", "sender", "willCommit"];
  expect(Object.keys(group.proposals[0] ?? {}).sort()).toEqual(shown);
});

test("byte arrays are transferred: the page's own stay usable, and answers transfer only their own memory", async () => {
  const { client } = await connected();
  const bob = await makeClient({ credential: "bob" });
  const group = await client.createGroup();
  const backing = new Uint8Array(100_000);
  const keyPackage = await bob.createKeyPackage();
  backing.set(keyPackage, 500);
  const { commit, welcome } = await group.add(backing.subarray(500, 500 + keyPackage.length));
  expect(backing.length).toBe(100_000);
  await group.mergePendingCommit();
  const b = await bob.join(welcome as Uint8Array);
  const received = await group.receive(await b.encrypt(new Uint8Array(1000)));
  const data = received.kind === "application" ? received.data : new Uint8Array();
  for (const bytes of [commit, welcome as Uint8Array, data, await group.save(), await group.ratchetTree]) {
    expect(bytes.length).toBeGreaterThan(0);
    expect(bytes.buffer.byteLength).toBe(bytes.length);
  }
  expect(group.groupId).not.toBe(group.groupId);
});

test("options that only code in the worker can use are refused", async () => {
  const { client } = await connected();
  const group = await client.createGroup();
  const { client: other } = await connected({ suite: 2 });
  const signer = await generateSigner(nodeProvider(), 2);
  await expect(client.addSigner(signer)).rejects.toBeInstanceOf(UnsupportedError);
  await expect(group.propose({ custom: customProposal(0xf0f0, new Uint8Array(1)) })).rejects.toThrow();
  await expect(other.branch(group, { add: [] })).rejects.toThrow();
  const untyped = group as unknown as Record<string, unknown>;
  expect(untyped.withEpoch).toBeUndefined();
  const resync = { resync: () => true };
  const join = client.joinByExternalCommit as (info: Uint8Array, options: object) => Promise<unknown>;
  await expect(join.call(client, new Uint8Array(1), resync)).rejects.toMatchObject({ code: "usage" });
});
