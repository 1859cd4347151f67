// RFC 9420 §9.2: calls that are done again, because another opener of the storage has changed something, are the calls they were.
import { type HpkePrivateKey, MlsError } from "@copse/core";
import { memoryStorage } from "@copse/core/storage";
import { party } from "@copse/test-support/clients";
import { code, failure } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";
import { watched } from "../client/watched.js";
import { ID, opened, SUITE, TestStorage } from "./stores.js";

const soon = () => new Promise((resolve) => setTimeout(resolve, 20));

/** A key store that is asked for a key while it is busy, once. */
function busyOnce() {
  const watch = watched(true);
  const suite = watch.crypto.suite(SUITE);
  const { loadPrivateKey } = suite.hpke;
  let isBusy = false;
  const busy = async (saved: Uint8Array): Promise<HpkePrivateKey> => {
    if (isBusy) {
      isBusy = false;
      throw new MlsError("try-again", "the token is busy");
    }
    return (await loadPrivateKey?.call(suite.hpke, saved)) as HpkePrivateKey;
  };
  const hpke = { ...suite.hpke, loadPrivateKey: busy };
  const crypto = { ...watch.crypto, suite: () => ({ ...suite, hpke }) };
  const next = () => {
    isBusy = true;
  };
  return { crypto, next };
}

describe("a saved state that is read twice", () => {
  /** Two openers of a storage that has a group, and that group as it was saved. */
  async function start() {
    const inner = memoryStorage();
    const one = await opened(inner);
    const group = await one.createGroup({ groupId: ID });
    return { one, other: await opened(inner), saved: await group.save() };
  }

  it("is restored, if another opener has deleted the group that was in the way", async () => {
    const { one, other, saved } = await start();
    await other.deleteGroup(ID);
    expect((await one.restore(saved)).active).toBe(true);
  });

  it("is refused for what it is, if another opener has changed something else", async () => {
    const { one, other, saved } = await start();
    await other.createKeyPackage();
    expect(await failure(one.restore(saved))).toEqual(code("group-exists"));
  });

  it("has its key packages again, if a key wasn't to be had at first", async () => {
    const { crypto, next } = busyOnce();
    const inner = memoryStorage();
    const [one, other] = [await opened(inner, "alice", { crypto }), await opened(inner, "alice", { crypto })];
    await one.createKeyPackage();
    const saved = await one.saveKeyPackages();
    await other.createKeyPackage();
    next();
    await one.loadKeyPackages(saved);
    expect(one.keyPackages().length).toBe(2);
  });
});

describe("a refused call that looks whether it still is", () => {
  /** Two staged Welcomes by one key package: the second's join is refused when it takes effect. */
  async function refused() {
    const storage = new TestStorage();
    const alice = await opened(storage);
    const bob = await party("bob", { suite: SUITE });
    const b = await bob.client.createGroup({ groupId: ID });
    const welcome = (await b.add(await alice.createKeyPackage())).welcome as Uint8Array;
    const [one, other] = [await alice.readWelcome(welcome), await alice.readWelcome(welcome)];
    await one.join();
    const controller = new AbortController();
    const said: unknown[] = [];
    const join = () => failure(other.join({ signal: controller.signal })).then((error) => said.push(error));
    return { storage, alice, join, controller, said };
  }

  it("ends with its signal, if the storage doesn't answer", async () => {
    const { storage, join, controller, said } = await refused();
    // The look of its work is answered.
    storage.slow()();
    const go = storage.slow();
    const call = join();
    await soon();
    expect(said).toEqual([]);
    controller.abort();
    await soon();
    expect(said).toEqual([code("try-again")]);
    go();
    await call;
  });

  it("ends with its signal, if another call's write hangs", async () => {
    const { storage, alice, join, controller, said } = await refused();
    const hold = storage.hold();
    const go = storage.slow();
    const call = join();
    await soon();
    const other = alice.createKeyPackage();
    await hold.reached;
    go();
    await soon();
    controller.abort();
    await soon();
    expect(said).toEqual([code("try-again")]);
    hold.open();
    await Promise.all([call, other]);
  });
});

describe("a group that is deleted by a write that nobody waits for", () => {
  it.each(["made", "late"] as const)("has no keys left in a key store (%s)", async (fate) => {
    const { crypto, store } = watched(true);
    const storage = new TestStorage();
    const alice = await opened(storage, "alice", { crypto });
    await alice.createGroup({ groupId: ID });
    const hold = storage.hold();
    storage.fates.push(fate);
    const controller = new AbortController();
    const deleting = failure(alice.deleteGroup(ID, { signal: controller.signal }));
    await hold.reached;
    controller.abort();
    expect(await deleting).toEqual(code("storage"));
    hold.open();
    await soon();
    expect(await alice.group(ID)).toBeUndefined();
    expect(store.size).toBe(0);
  });
});
