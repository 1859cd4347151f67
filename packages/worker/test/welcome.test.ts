// RFC 9420 §12.4.3.1: a staged Welcome stays in the worker, and a page looks at it, joins or discards it there.
import type { StagedWelcome } from "@copse/core";
import type { WorkerStagedWelcome } from "@copse/worker";
import { afterEach, describe, expect, test } from "vitest";
import { clientOf, started } from "./hostile.js";
import { closePorts, connected, makeClient } from "./workers.js";

afterEach(closePorts);

/** Bob's client is in a worker, and Alice invites him. */
async function invited(kind: "node" | "web" = "node") {
  const { client: bob, ...rest } = await connected({ credential: "bob" }, kind);
  const alice = await (await makeClient({ credential: "alice" })).createGroup();
  const add = [
    await bob.createKeyPackage(),
    await (await makeClient({ credential: "carol" })).createKeyPackage(),
  ];
  const { welcome } = await alice.commit({ add, forcePath: true });
  await alice.mergePendingCommit();
  return { bob, alice, welcome: welcome as Uint8Array, ...rest };
}

/** All that is shown of one, in the worker or here. */
async function shown(one: WorkerStagedWelcome | StagedWelcome) {
  const { groupId, epoch, cipherSuite, ownLeafIndex, committer, keyPackage, resumes, extensions } = one;
  const { epochAuthenticator, treeHash, confirmedTranscriptHash } = one;
  return {
    ...{ groupId, epoch, suite: cipherSuite.id, ownLeafIndex, committer, keyPackage, resumes, extensions },
    ...{ epochAuthenticator, treeHash, confirmedTranscriptHash },
    members: await one.members,
    tree: await one.ratchetTree,
    member: await one.member(0),
    leafNode: await one.leafNode(0),
  };
}

describe.each(["node", "web"] as const)("by ports as of %s", (kind) => {
  test("shows what its group shows, and is joined there", async () => {
    const { bob, alice, welcome } = await invited(kind);
    const staged = await bob.readWelcome(welcome);
    const seen = await shown(staged);
    expect(seen).toMatchObject({
      groupId: alice.groupId,
      epoch: 1n,
      ownLeafIndex: 1,
      committer: alice.member(0),
      keyPackage: { lastResort: false },
      members: alice.members,
      tree: alice.ratchetTree,
      epochAuthenticator: alice.epochAuthenticator,
      leafNode: alice.leafNode(0),
    });
    expect(await bob.keyPackages()).toMatchObject([{ reference: seen.keyPackage.reference }]);
    const group = await staged.join();
    expect(group.members).toEqual(alice.members);
    expect(await alice.receive(await group.encrypt("hello"))).toMatchObject({ kind: "application" });
    expect(await bob.keyPackages()).toEqual([]);
    for (const again of [staged.join(), staged.discard()]) {
      await expect(again).rejects.toMatchObject({ code: "usage" });
    }
  });

  test("is discarded there, and can be read again", async () => {
    const { bob, alice, welcome } = await invited(kind);
    const staged = await bob.readWelcome(welcome);
    await staged.discard();
    await expect(staged.join()).rejects.toMatchObject({ code: "usage" });
    const group = await (await bob.readWelcome(welcome)).join();
    expect(group.epochAuthenticator).toEqual(alice.epochAuthenticator);
  });

  test("a signal gives its reading and its join up", async () => {
    const { bob, welcome } = await invited(kind);
    const signal = AbortSignal.abort("no");
    await expect(bob.readWelcome(welcome, { signal })).rejects.toMatchObject({ code: "try-again" });
    const staged = await bob.readWelcome(welcome);
    await expect(staged.join({ signal })).rejects.toMatchObject({ code: "try-again" });
    expect((await staged.join()).active).toBe(true);
  });
});

test.each(["closes", "drops its port"])(
  "what a page holds when it %s is discarded in the worker",
  async (how) => {
    const { bob, welcome, served, page } = await invited();
    const staged: StagedWelcome[] = [];
    const read = served.readWelcome.bind(served);
    served.readWelcome = async (...args) => {
      const one = await read(...args);
      staged.push(one);
      return one;
    };
    const joined = await bob.readWelcome(welcome);
    const left = await bob.readWelcome(welcome);
    await joined.join();
    if (how === "closes") await bob.close();
    else page.close();
    const inWorker = staged[1] as StagedWelcome;
    const secret = () => {
      try {
        return inWorker.epochAuthenticator.length;
      } catch (error) {
        return (error as Error).message;
      }
    };
    await expect.poll(secret).toMatch(/was discarded already/);
    await expect(left.join()).rejects.toBeInstanceOf(Error);
  },
);

test("verified key packages and imported ones pass the boundary", async () => {
  const { bob } = await invited();
  const keyPackage = await bob.createKeyPackage();
  const details = await bob.readKeyPackage(keyPackage);
  const here = await (await makeClient()).readKeyPackage(keyPackage);
  expect(details).toEqual(here);
  const imported = { keyPackage, initKey: new Uint8Array(32), leafKey: new Uint8Array(32) };
  await expect(bob.importKeyPackage(imported)).rejects.toMatchObject({ code: "usage" });
});

const WELCOME = {
  groupId: new Uint8Array(1),
  epoch: 1n,
  cipherSuite: { id: 1, name: "a suite" },
  ownLeafIndex: 1,
  committer: { leafIndex: 0, credential: started.credential, signatureKey: new Uint8Array(32) },
  keyPackage: { reference: new Uint8Array(32), lastResort: false },
  extensions: [],
  epochAuthenticator: new Uint8Array(32),
  treeHash: new Uint8Array(32),
  confirmedTranscriptHash: new Uint8Array(),
};

test.each([
  ["nothing", {}],
  ["no snapshot", { id: "a name" }],
  ["a number as its name", { id: 0, snapshot: WELCOME }],
  ["no committer", { id: "a name", snapshot: { ...WELCOME, committer: {} } }],
  ["a text as its group", { id: "a name", snapshot: { ...WELCOME, groupId: "text" } }],
  ["a key package without reference", { id: "a name", snapshot: { ...WELCOME, keyPackage: {} } }],
  ["a number as authenticator", { id: "a name", snapshot: { ...WELCOME, epochAuthenticator: 1 } }],
])("a staged Welcome that has %s is refused, not handed out", async (_, junk) => {
  const answering = async (value: unknown) => {
    const { client } = await clientOf(({ connection, id }) => ({
      copse: "answer",
      connection,
      id,
      outcome: { value },
    }));
    return client.readWelcome(new Uint8Array(1));
  };
  expect((await answering({ id: "a name", snapshot: WELCOME })).epoch).toBe(1n);
  await expect(answering(junk)).rejects.toThrow(/something else/);
});
