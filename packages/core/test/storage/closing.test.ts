// RFC 9420 §9.2, §16.2: a group that is closed, or a call that is given up, at any moment of an operation leaves a storage
// that can be opened, with the group in it.
import type { Group } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { type ClientStorage, memoryStorage } from "@copse/core/storage";
import { code, failure } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";
import { bound, found, ID, opened, TestStorage, team } from "./stores.js";

interface Running {
  readonly storage: TestStorage;
  readonly name: string;
  readonly group: Group;
  readonly call: (signal: AbortSignal) => Promise<unknown>;
}

const OPERATIONS: Readonly<Record<string, () => Promise<Running>>> = {
  async encrypt() {
    const { storage, a } = await team();
    await a.encrypt("before");
    return { storage, name: "alice", group: a, call: (signal) => a.encrypt("hello", { signal }) };
  },
  async "merge a commit"() {
    const { storage, a } = await team();
    const staged = await a.update();
    return { storage, name: "alice", group: a, call: (signal) => staged.merge({ signal }) };
  },
  async "merge an external commit"() {
    const { b } = await team();
    const storage = new TestStorage();
    const dora = await opened(storage, "dora");
    const { group, staged } = await joinByExternalCommit(dora, await b.groupInfo());
    return { storage, name: "dora", group, call: (signal) => staged.merge({ signal }) };
  },
  async "receive a removal"() {
    const { storage, a, b } = await team();
    const { commit } = await b.remove(a.ownLeafIndex);
    return { storage, name: "alice", group: a, call: (signal) => a.receive(commit, { signal }) };
  },
};

/** More microtasks than any of these operations takes without a platform's help. */
const MOMENTS = 40;

const settled = () => new Promise((resolve) => setTimeout(resolve, 2));

describe.each(Object.keys(OPERATIONS))("%s", (operation) => {
  it.each(["closed", "given up"])("at no moment loses the group, if it is %s", async (how) => {
    for (let moment = 0; moment < MOMENTS; moment++) {
      const running = await OPERATIONS[operation]?.();
      if (running === undefined) throw new Error("there is no such operation");
      const { storage, name, group, call } = running;
      const controller = new AbortController();
      const called = call(controller.signal).catch(() => undefined);
      for (let i = 0; i < moment; i++) await undefined;
      if (how === "closed") await group.close();
      else controller.abort();
      await called;
      await settled();
      const again = await opened(storage, name);
      const known = again.knownGroups();
      expect(known, `at moment ${moment}`).toHaveLength(1);
      expect(["active", "joining", "removed"]).toContain(known[0]?.status);
      const loaded = await again.group(ID);
      expect(loaded?.groupId, `at moment ${moment}`).toEqual(ID);
    }
  });
});

describe("a group that is closed", () => {
  it("is in the storage still, whatever is called on it", async () => {
    const { alice, a } = await team();
    await a.close();
    expect(await failure(a.dropProposals([]))).toEqual(code("closed"));
    expect(alice.knownGroups()).toHaveLength(1);
    const again = (await alice.group(ID)) as Group;
    await again.encrypt("hello");
    expect(await failure(a.dropProposals([]))).toEqual(code("closed"));
    await again.encrypt("hello again");
  });

  it("while other calls share its write, fails none of them", async () => {
    for (let moment = 0; moment < 2 * MOMENTS; moment += 2) {
      const { storage, alice, a, b } = await team();
      const { commit } = await b.remove(a.ownLeafIndex);
      const hold = storage.hold();
      const first = alice.createKeyPackage();
      await settled();
      const removal = a.receive(commit).catch(() => undefined);
      const others = Promise.all([alice.createGroup(), alice.createKeyPackage()]);
      await settled();
      hold.open();
      for (let i = 0; i < moment; i++) await undefined;
      await a.close();
      await Promise.all([first, removal, others]);
      expect((await opened(storage)).knownGroups()).toHaveLength(2);
    }
  });

  it.each(["before", "while"])("%s it is looked at by refresh(), is left out", async (when) => {
    const storage = new TestStorage();
    const get = storage.get.bind(storage);
    let looked: ((key: string) => Promise<void>) | undefined;
    // The client keeps the functions that it was opened with.
    storage.get = async (key) => {
      await looked?.(key);
      return get(key);
    };
    const { alice } = await team(storage);
    const other = await alice.createGroup();
    let looks = 0;
    looked = async (key) => {
      if (!key.startsWith("group/") || ++looks !== (when === "before" ? 1 : 2)) return;
      await other.close();
      await alice.createKeyPackage();
    };
    expect(await alice.refresh()).toBe(false);
  });
});

it("a removed group that is replaced in the write of its removal is gone from the storage", async () => {
  const { storage, alice, a, b } = await team();
  const { commit } = await b.remove(a.ownLeafIndex);
  const keyPackage = await alice.createKeyPackage();
  await b.mergePendingCommit();
  const { welcome } = await b.add(keyPackage);
  await b.mergePendingCommit();
  const staged = await alice.readWelcome(welcome as Uint8Array);
  const hold = storage.hold();
  const calls = [alice.createKeyPackage()];
  await settled();
  const removal = a.receive(commit).catch(() => undefined);
  await settled();
  const joined = staged.join();
  await settled();
  hold.open();
  await Promise.all([...calls, removal, joined]);
  const again = await opened(storage);
  expect(again.knownGroups()).toMatchObject([{ status: "active" }]);
  expect((await found(storage, ID)).epoch).toBe(b.epoch);
});

describe("a storage that answers with something else", () => {
  it.each<[string, Partial<Record<keyof ClientStorage, unknown>>]>([
    ["no list", { list: () => undefined }],
    ["a list of nothing", { list: () => [null] }],
    ["entries without values", { list: () => [{ key: "client/version" }] }],
    ["entries of text", { list: () => [{ key: "client/version", value: "7" }] }],
  ])("%s is refused by name", async (_, wrong) => {
    const storage = { ...bound(memoryStorage()), ...wrong } as ClientStorage;
    expect(await failure(opened(storage))).toMatchObject({
      code: "storage",
      message: expect.stringContaining("list()"),
    });
  });

  it("null for a missing value is refused by name", async () => {
    const storage = bound(memoryStorage());
    const alice = await opened(storage);
    const other = await opened({ ...storage, get: () => null } as unknown as ClientStorage);
    await alice.createKeyPackage();
    expect(await failure(other.refresh())).toMatchObject({ code: "storage" });
  });

  it.each(["get", "list", "write"])("no %s is a mistake of the call", async (name) => {
    const storage = { ...bound(memoryStorage()), [name]: undefined } as unknown as ClientStorage;
    expect(await failure(opened(storage))).toEqual(code("usage"));
  });
});
