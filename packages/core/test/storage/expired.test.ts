// RFC 9420 §10, §7.2: key packages that have expired leave the storage with the next call, or when the client is opened.
import { expect, it } from "vitest";
import { type Fate, opened, TestStorage } from "./stores.js";

const HOUR = 3600;

/** A client with two key packages that last for an hour, and one of two hours. */
async function aging() {
  let now = Date.now();
  const policy = { lifetime: HOUR, keyPackageGrace: 0, now: () => now };
  const storage = new TestStorage();
  const open = () => opened(storage, "alice", { policy });
  const alice = await open();
  for (let i = 0; i < 2; i++) await alice.createKeyPackage();
  const seconds = BigInt(Math.floor(now / 1000));
  await alice.createKeyPackage({
    lifetime: { notBefore: seconds - 1n, notAfter: seconds + 2n * BigInt(HOUR) },
  });
  const left = async () => (await storage.list("client/key-packages/")).length;
  const pass = () => {
    now += 1.5 * HOUR * 1000;
  };
  return { alice, storage, open, left, pass };
}

it("with the next call, in one write, though that changes nothing else", async () => {
  const { alice, storage, left, pass } = await aging();
  expect(await left()).toBe(3);
  pass();
  expect(alice.keyPackages()).toHaveLength(1);
  const before = storage.writes;
  expect(await alice.group(new Uint8Array([1]))).toBeUndefined();
  expect(await left()).toBe(1);
  expect(storage.writes).toBe(before + 1);
  await alice.group(new Uint8Array([1]));
  expect(storage.writes).toBe(before + 1);
});

it("when the client is opened, which writes nothing otherwise", async () => {
  const { storage, open, left, pass } = await aging();
  const before = storage.writes;
  await open();
  expect([storage.writes, await left()]).toEqual([before, 3]);
  pass();
  expect((await open()).keyPackages()).toHaveLength(1);
  expect([storage.writes, await left()]).toEqual([before + 1, 1]);
});

it("though another opener has deleted them already, and a group is made with that call", async () => {
  const { alice, open, pass } = await aging();
  const other = await open();
  pass();
  await alice.group(new Uint8Array([1]));
  expect((await other.createGroup()).active).toBe(true);
});

it.each(["lost", "late", "refused"] satisfies Fate[])(
  "a write that is %s stands in the way of nothing",
  async (fate) => {
    const { storage, open, left, pass, alice } = await aging();
    pass();
    storage.fates.push(fate);
    const again = await open();
    expect(again.keyPackages()).toHaveLength(1);
    await again.createKeyPackage();
    expect(await left()).toBe(2);
    pass();
    storage.fates.push(fate);
    expect(await alice.group(new Uint8Array([1]))).toBeUndefined();
    await alice.group(new Uint8Array([1]));
    expect(await left()).toBe(0);
  },
);
