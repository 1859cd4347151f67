// RFC 9420 §12.4: staged commits stay in the worker, and a page looks at them, merges and discards them there.

import { type Group, insecureAcceptAll, type StagedCommit } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { connectClient, type WorkerGroup, type WorkerStagedCommit } from "@copse/worker";
import { afterEach, describe, expect, test } from "vitest";
import { closePorts, connected, makeClient, type Options, startWorker } from "./workers.js";

afterEach(closePorts);

/** Alice's group is in a worker, Bob's isn't. */
async function two(kind: "node" | "web" = "node") {
  const { client } = await connected({ credential: "alice" }, kind);
  const bob = await makeClient({ credential: "bob" });
  const a = await client.createGroup();
  const { welcome } = await a.add(await bob.createKeyPackage());
  await a.mergePendingCommit();
  return { client, bob, a, b: await bob.join(welcome as Uint8Array) };
}

/** All that is shown of a staged commit, in the worker or here. */
async function shown(staged: StagedCommit | WorkerStagedCommit) {
  const { commit, committer, epoch, path, proposals, added, removed, updated, custom, external } = staged;
  const { reinit, extensions, active, authenticatedData, epochAuthenticator } = staged;
  const { membersBefore, membersAfter, confirmedTranscriptHash } = staged;
  return {
    ...{ commit, committer, epoch, path, proposals, added, removed, updated, custom, external },
    ...{ reinit, extensions, active, authenticatedData, epochAuthenticator },
    ...{ membersBefore: await membersBefore, membersAfter: await membersAfter, confirmedTranscriptHash },
  };
}

async function inStep(a: WorkerGroup | Group, b: Group): Promise<void> {
  expect(a.epochAuthenticator).toEqual(b.epochAuthenticator);
  expect(a.members).toEqual(b.members);
  expect(await a.receive(await b.encrypt("hello"))).toMatchObject({ kind: "application" });
}

describe.each(["node", "web"] as const)("by ports as of %s", (kind) => {
  test("a commit of another is looked at first, and shows the same as without a worker", async () => {
    const { a, b } = await two(kind);
    const own = await b.add(await (await makeClient({ credential: "carol" })).createKeyPackage());
    const staged = await a.stage(own.commit);
    expect(await shown(staged)).toEqual(await shown(own));
    expect([staged.own, staged.welcome, await staged.welcomes]).toEqual([false, undefined, []]);
    expect((await a.staged).map(({ commit }) => commit)).toEqual([own.commit]);
    expect([a.epoch, a.members.length]).toEqual([1n, 2]);
    const secret = await staged.exportSecret("label", new Uint8Array(), 16);
    expect(secret).toEqual(await own.exportSecret("label", new Uint8Array(), 16));
    expect(await staged.merge()).toMatchObject({ kind: "commit", added: [{ leafIndex: 2 }] });
    await own.merge();
    await inStep(a, b);
    expect(await a.staged).toEqual([]);
    // Its epoch is the present one; after that it is over.
    expect(await staged.exportSecret("label", new Uint8Array(), 16)).toEqual(secret);
    await expect(staged.merge()).rejects.toMatchObject({ code: "past-epoch" });
    const { commit } = await b.update();
    await a.receive(commit);
    await b.mergePendingCommit();
    const { commit: later } = await b.update();
    await a.stage(later);
    await expect(staged.groupInfo()).rejects.toMatchObject({ code: "missing" });
  });

  test("own ones: with their Welcomes and GroupInfo, replaced, discarded, and taken after all", async () => {
    const { a, b, bob } = await two(kind);
    const people = await Promise.all(["c", "d"].map((credential) => makeClient({ credential })));
    const add = await Promise.all(people.map((one) => one.createKeyPackage()));
    const first = await a.commit({ add, ratchetTreeInWelcome: false });
    expect(a.hasPendingCommit).toBe(true);
    await expect(a.update()).rejects.toMatchObject({ code: "pending" });
    const { commit, ratchetTree } = first;
    const groupInfo = await first.groupInfo({ ratchetTree: false });
    const welcomes = await first.welcomes;
    expect([first.own, welcomes.length]).toEqual([true, 2]);
    const second = await a.update({ replacePending: true });
    expect((await a.staged).map((one) => one.commit)).toEqual([second.commit]);
    await second.discard();
    expect([a.hasPendingCommit, await a.staged]).toEqual([false, []]);
    await b.receive(commit);
    expect(await first.merge()).toMatchObject({ own: true });
    await inStep(a, b);
    for (const one of people) {
      const known = one.keyPackages().map(({ reference }) => String(reference));
      const { welcome } = welcomes.find(({ reference }) => known.includes(String(reference))) as {
        welcome: Uint8Array;
      };
      await inStep(await one.join(welcome, { ratchetTree }), b);
    }
    const joined = await joinByExternalCommit(await makeClient({ credential: "e" }), groupInfo, {
      ratchetTree: b.ratchetTree,
    });
    expect(await a.receive(joined.commit)).toMatchObject({ external: true });
    expect(bob.credential).toBeDefined();
  });

  test("who joins by an external commit has it staged", async () => {
    const { client } = await connected({ credential: "alice" }, kind);
    const b = await (await makeClient({ credential: "bob" })).createGroup();
    const { group, staged, commit } = await client.joinByExternalCommit(await b.groupInfo(), {
      resync: "if-member",
    });
    expect(staged).toMatchObject({ external: true, own: true, added: [{ leafIndex: 1 }] });
    expect(staged.commit).toEqual(commit);
    expect(await staged.membersBefore).toEqual(b.members);
    expect((await group.staged).map((one) => one.epoch)).toEqual([1n]);
    await b.receive(commit);
    await staged.merge();
    expect(group.active).toBe(true);
    await inStep(group, b);
    const again = await client.joinByExternalCommit(await b.groupInfo(), {
      resync: "if-member",
      replace: true,
    });
    expect(again.staged.removed).toMatchObject([{ leafIndex: 1 }]);
    await again.staged.discard();
    await expect(again.group.update()).rejects.toMatchObject({ code: "closed" });
  });
});

test("a removal of this client has no secrets, and the page learns of it by the merge", async () => {
  const { a, b } = await two();
  const staged = await a.stage((await b.remove(0)).commit);
  expect([staged.active, staged.epochAuthenticator, a.active]).toEqual([false, undefined, true]);
  await expect(staged.groupInfo()).rejects.toMatchObject({ code: "removed" });
  await staged.merge();
  expect(a.active).toBe(false);
});

test("a page that stages without end makes the worker keep no more than the last ones", async () => {
  const { a } = await two();
  const first = await a.update();
  for (let i = 0; i < 70; i++) await a.update({ replacePending: true });
  await expect(first.merge()).rejects.toMatchObject({ code: "missing" });
  expect(await a.staged).toHaveLength(1);
  expect(await a.mergePendingCommit()).toMatchObject({ own: true });
});

test("calls are given up, and settle when the worker ends", async () => {
  const worker = await startWorker();
  const authentication = { ...insecureAcceptAll(), validate: () => new Promise<boolean>(() => undefined) };
  const client = await connectClient<Options>(worker, { credential: "alice", authentication });
  const group = await client.createGroup();
  const staged = await group.update();
  const keyPackage = await (await makeClient({ credential: "bob" })).createKeyPackage();
  const [first, second] = [new AbortController(), new AbortController()];
  const adding = group.add(keyPackage, { replacePending: true, signal: first.signal });
  const waiting = staged.merge({ signal: second.signal });
  second.abort("enough");
  await expect(waiting).rejects.toMatchObject({ code: "try-again" });
  first.abort("enough");
  await expect(adding).rejects.toMatchObject({ code: "try-again" });
  const stuck = group.add(keyPackage, { replacePending: true });
  const behind = [staged.merge(), staged.discard(), staged.groupInfo(), staged.membersAfter, group.staged];
  void worker.terminate();
  const ended = await Promise.allSettled([stuck, ...behind]);
  // What needs no turn may have been answered before.
  expect(ended.slice(0, 4).map(({ status }) => status)).toEqual(Array(4).fill("rejected"));
});
