// RFC 9420 §9.2: a storage's turns are a courtesy: whatever they do, what has begun goes on, once, and the versions decide.
import { memoryStorage } from "@copse/core/storage";
import { text } from "@copse/test-support/bytes";
import { code, failure } from "@copse/test-support/errors";
import { expect, it } from "vitest";
import { bound, found, ID, opened, TestStorage, team } from "./stores.js";

type Work = () => Promise<void>;

/** A storage with turns, which are as usual until they are replaced. */
async function taking() {
  const inner = new TestStorage(memoryStorage());
  const turns = { take: (work: Work): Promise<void> => work() };
  const storage = { ...bound(inner), turn: (_: string, work: Work) => turns.take(work) };
  const { b } = await team(inner);
  const alice = await opened(storage);
  const a = await alice.group(ID);
  if (a === undefined) throw new Error("the group isn't there");
  return { inner, turns, alice, a, b };
}

it("a turn that is lost while the write is under way loses nothing", async () => {
  const { inner, turns, alice, a, b } = await taking();
  let steal = (_: unknown) => {};
  const stolen = new Promise<void>((_, reject) => {
    steal = reject;
  });
  turns.take = (work) => Promise.race([work(), stolen]);
  const message = await b.encrypt("hello");
  const hold = inner.hold();
  const calls = [a.receive(message), alice.createKeyPackage()] as const;
  await hold.reached;
  steal(new Error("another page took the lock"));
  await new Promise((resolve) => setTimeout(resolve, 5));
  hold.open();
  const received = await calls[0];
  expect(received.kind === "application" && text(received.data)).toBe("hello");
  await calls[1];
  expect((await opened(inner)).keyPackages()).toHaveLength(1);
});

it("a turn that ends before its work does ends nothing", async () => {
  const { inner, turns, alice, a, b } = await taking();
  turns.take = async (work) => void work();
  await b.receive(await a.encrypt("hello"));
  await alice.createKeyPackage();
  expect((await opened(inner)).keyPackages()).toHaveLength(1);
});

it("a turn that runs its work twice runs it once", async () => {
  const { inner, turns, alice, a, b } = await taking();
  turns.take = async (work) => void (await Promise.all([work(), work()]));
  const { writes } = inner;
  const received = await a.receive(await b.encrypt("hello"));
  expect(received.kind === "application" && text(received.data)).toBe("hello");
  await b.receive(await a.encrypt("one"));
  await b.receive((await a.update()).commit);
  await a.mergePendingCommit();
  await alice.createKeyPackage();
  expect(inner.writes).toBe(writes + 5);
  await b.receive(await (await found(inner, ID)).encrypt("two"));
});

it("a turn that fails before its work begins changes nothing", async () => {
  const { inner, turns, alice, a } = await taking();
  const before = await inner.all();
  turns.take = () => Promise.reject(new Error("no locks here"));
  expect(await failure(a.encrypt("hello"))).toEqual(code("try-again"));
  const groupId = new Uint8Array([1]);
  for (const call of [() => alice.createKeyPackage(), () => alice.createGroup({ groupId })])
    expect(await failure(call)).toEqual(code("storage"));
  expect(await inner.all()).toEqual(before);
  turns.take = (work) => work();
  expect(alice.keyPackages()).toEqual([]);
  await alice.createGroup({ groupId });
  expect(alice.knownGroups()).toHaveLength(2);
  expect((await opened(inner)).keyPackages()).toEqual([]);
});

it("a call that is given up while it waits for its turn leaves nothing behind", async () => {
  const { inner, turns, alice, a } = await taking();
  const before = await inner.all();
  const controller = new AbortController();
  const { signal } = controller;
  let late: Work = async () => {};
  turns.take = (work) => {
    late = work;
    return new Promise(() => {});
  };
  const calls = [
    alice.createKeyPackage({ signal }),
    alice.createGroup({ groupId: new Uint8Array([1]), signal }),
    a.encrypt("hello", { signal }),
  ];
  await new Promise((resolve) => setTimeout(resolve, 20));
  controller.abort();
  for (const call of calls) expect((await failure(call)).code).toMatch(/^(storage|try-again)$/);
  await late();
  expect(await inner.all()).toEqual(before);
  expect(alice.keyPackages()).toEqual([]);
});
