// RFC 9420 §9.2: several messages share one write, and none is answered before it.
import type { Bytes, Group } from "@copse/core";
import { text } from "@copse/test-support/bytes";
import { party } from "@copse/test-support/clients";
import { code, failure } from "@copse/test-support/errors";
import { expect, it } from "vitest";
import { found, ID, SUITE, team } from "./stores.js";

const words = (count: number) => Array.from({ length: count }, (_, i) => `message ${i}`);

it("a hundred messages are sent, and received, by one write of a few hundred bytes each", async () => {
  const { storage, a, b } = await team();
  await b.receive(await a.encrypt("the first"));
  await a.receive(await b.encrypt("the first"));
  for (const call of [
    async () => expect(await b.receiveAll(await a.encryptAll(words(100)))).toHaveLength(100),
    async () => expect(await a.receiveAll(await b.encryptAll(words(100)))).toHaveLength(100),
  ]) {
    const { writes, bytes } = storage;
    await call();
    expect(storage.writes).toBe(writes + 1);
    expect(storage.bytes - bytes).toBeLessThanOrEqual(300);
  }
  const again = await found(storage, ID);
  expect(await b.receive(await again.encrypt("on it goes"))).toMatchObject({ kind: "application" });
});

it.each(["lost", "late"] as const)(
  "after a write that is %s, no key is used twice, and nothing is lost",
  async (fate) => {
    const { storage, a, b } = await team();
    const messages = await b.encryptAll(words(3));
    storage.fates.push(fate);
    expect(await failure(a.receiveAll(messages))).toEqual(code("storage"));
    const again = await found(storage, ID);
    const results = await again.receiveAll(messages);
    const said = results.map((one) =>
      one.status === "rejected" ? one.reason.code : one.value.kind === "application" && text(one.value.data),
    );
    expect(said).toEqual(fate === "lost" ? words(3) : ["duplicate", "duplicate", "duplicate"]);
    storage.fates.push(fate);
    expect(await failure(again.encryptAll(words(3)))).toEqual(code("storage"));
    const last = await found(storage, ID);
    const sent: Bytes[] = await last.encryptAll(words(3));
    for (const one of await b.receiveAll(sent)) expect(one.status).toBe("fulfilled");
  },
);

it("a batch with a commit in it, and with one that removes this client, is found again", async () => {
  const { storage, a, b } = await team();
  const before = await b.encrypt("before");
  const { commit } = await b.update();
  await b.mergePendingCommit();
  const after = await b.encrypt("after");
  const { commit: second } = await b.update();
  await b.mergePendingCommit();
  await a.receiveAll([before, commit, after, second]);
  const again = await found(storage, ID);
  expect(await again.save()).toEqual(await a.save());
  const { commit: removal } = await b.remove(a.ownLeafIndex);
  const { writes } = storage;
  await again.receiveAll([await b.encrypt("the last"), removal]);
  expect(storage.writes).toBe(writes + 1);
  expect((await found(storage, ID)).active).toBe(false);
});

it("a batch whose signal is aborted while it is written rejects as any other call", async () => {
  const { storage, a, b } = await team();
  const messages = await b.encryptAll(words(2));
  const hold = storage.hold();
  const controller = new AbortController();
  const call = a.receiveAll(messages, { signal: controller.signal });
  await hold.reached;
  controller.abort();
  expect(await failure(call)).toEqual(code("storage"));
  hold.open();
});

it("two openers take turns: what the other one did is taken over, and no key is used twice", async () => {
  const { storage, a, b } = await team();
  const other = await found(storage, ID);
  const sent = [
    ...(await a.encryptAll(words(3))),
    ...(await other.encryptAll(words(3))),
    ...(await a.encryptAll(words(3))),
  ];
  for (const one of await b.receiveAll(sent)) expect(one.status).toBe("fulfilled");
  const messages = await b.encryptAll(words(2));
  await other.receive(messages[0] as Bytes);
  expect((await a.receiveAll(messages)).map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
  // Alice's first opener isn't in the epoch of these messages, and nothing but the storage says so.
  await other.receive((await b.update()).commit);
  await b.mergePendingCommit();
  const results = await a.receiveAll(await b.encryptAll(words(2)));
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled"]);
});

it("what a batch refuses is no verdict on an old epoch, also where it reads its own message and writes nothing", async () => {
  const { storage, a, b } = await team();
  const own = await a.encrypt("own");
  const other = await found(storage, ID);
  await other.receive((await b.update()).commit);
  await b.mergePendingCommit();
  // Alice's first opener is in the epoch before, and nothing but the storage says so.
  const [first, second] = await b.encryptAll(words(2));
  const results = await a.receiveAll([first as Bytes, own, second as Bytes]);
  const kinds = results.map((one) => (one.status === "fulfilled" ? one.value.kind : one.reason.code));
  expect(kinds).toEqual(["application", "own", "application"]);
  expect(a.epoch).toBe(other.epoch);
  // What isn't old is looked at, and not written.
  const { writes } = storage;
  const again = await a.receiveAll([first as Bytes, own]);
  expect(again.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
  expect(storage.writes).toBe(writes);
});

it("a batch that refuses something while the storage can't be read takes nothing, and can be tried again", async () => {
  const { storage, a, b } = await team();
  const own = await a.encrypt("own");
  const other = await found(storage, ID);
  await other.receive((await b.update()).commit);
  await b.mergePendingCommit();
  const message = await b.encrypt("hello");
  storage.isDown = true;
  expect(await failure(a.receiveAll([message, own]))).toEqual(code("try-again"));
  storage.isDown = false;
  const results = await a.receiveAll([message, own]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled"]);
});

it("a member who is added and removed in one batch leaves the tree that the others have", async () => {
  const { storage, a, b } = await team();
  const others = await Promise.all(Array.from({ length: 30 }, (_, n) => party(`${n + 2}`, { suite: SUITE })));
  const added = await b.add(await Promise.all(others.map(({ client }) => client.createKeyPackage())));
  await b.mergePendingCommit();
  const c = (await others[2]?.client.join(added.welcome as Bytes)) as Group;
  const removed = await b.remove(7);
  await b.mergePendingCommit();
  await c.receive(removed.commit);
  for (const { commit } of [added, removed]) await a.receive(commit);
  // The parent of leaves 4 to 7, of which the last is blank.
  const { commit } = await c.update();
  await Promise.all([a.receive(commit), b.receive(commit)]);
  const commits: Bytes[] = [];
  const eighth = await party("7", { suite: SUITE });
  const calls = [
    async () => b.add(await eighth.client.createKeyPackage()),
    () => b.remove(7),
    () => b.update(),
  ];
  for (const call of calls) {
    commits.push((await call()).commit);
    await b.mergePendingCommit();
  }
  await a.receiveAll(commits.splice(0, 2));
  const again = await found(storage, ID);
  await again.receive(commits[0] as Bytes);
  expect(again.epochAuthenticator).toEqual(b.epochAuthenticator);
});
