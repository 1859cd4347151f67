// RFC 9420 §9.2, §16.2: what a storage returned is overwritten as soon as it isn't needed: also what nobody took over.
import { generateSigner } from "@copse/core";
import type { ClientStorage } from "@copse/core/storage";
import { nodeProvider } from "@copse/provider-node";
import { failure } from "@copse/test-support/errors";
import { beforeEach, expect, it } from "vitest";
import { bound, ID, opened, SUITE, type TestStorage, team } from "./stores.js";

const SECRET = /^(client\/(signer|key-packages)|group\/[^/]*\/(?!tree|version|sum))/;

/** A storage that remembers the secret values that it returned. */
class NotedStorage implements ClientStorage {
  readonly #inner: TestStorage;
  #noted: (readonly [key: string, value: Uint8Array])[] = [];
  readonly write: ClientStorage["write"];
  /** The beginning of the keys whose values are damaged. */
  damaged: string | undefined;
  isSlow = false;

  constructor(inner: TestStorage) {
    this.#inner = inner;
    this.write = bound(inner).write;
  }

  get(key: string) {
    return this.#inner.get(key);
  }

  async list(prefix: string) {
    const found = await this.#inner.list(prefix);
    for (const { key, value } of found) {
      if (this.damaged !== undefined && key.startsWith(this.damaged)) value[0] = 99;
      if (SECRET.test(key)) this.#noted.push([key, value]);
    }
    if (this.isSlow) await new Promise((resolve) => setTimeout(resolve, 5));
    return found;
  }

  /** How many were returned since the last call, and the keys of those that aren't overwritten. */
  async left(): Promise<{ count: number; keys: string[] }> {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const noted = this.#noted;
    this.#noted = [];
    return {
      count: noted.length,
      keys: noted.filter(([, value]) => value.some((byte) => byte !== 0)).map(([key]) => key),
    };
  }
}

let inner: TestStorage;
let storage: NotedStorage;
beforeEach(async () => {
  const made = await team();
  inner = made.storage;
  storage = new NotedStorage(inner);
  await made.alice.createKeyPackage();
  await made.alice.createKeyPackage();
  const staged = await made.a.update({ signer: await generateSigner(nodeProvider(), SUITE) });
  await staged.merge();
});

async function expectNone(): Promise<void> {
  const { count, keys } = await storage.left();
  expect(count).toBeGreaterThan(0);
  expect(keys).toEqual([]);
}

it("by an opening, and by loading a group", async () => {
  const alice = await opened(storage);
  await expectNone();
  await alice.group(ID);
  await expectNone();
});

it("where another opener was first", async () => {
  const [alice, other] = [await opened(storage), await opened(inner)];
  await storage.left();
  await other.createKeyPackage();
  await alice.refresh();
  await expectNone();
});

it("where it was read twice, and only one was taken over", async () => {
  const [alice, other] = [await opened(storage), await opened(inner)];
  await storage.left();
  await other.createKeyPackage();
  storage.isSlow = true;
  await Promise.all([alice.refresh(), alice.refresh(), alice.createKeyPackage(), alice.createKeyPackage()]);
  await expectNone();
  expect(alice.keyPackages()).toHaveLength(5);
  expect((await opened(inner)).keyPackages()).toHaveLength(5);
});

it.each(["client/signer", "client/signers", "client/groups", "client/key-packages"])(
  "by an opening that fails, because of damaged entries of %s",
  async (prefix) => {
    storage.damaged = prefix;
    expect((await failure(opened(storage))).code).toBe("state");
    await expectNone();
  },
);

it("by an opening that fails, because the suite is another one", async () => {
  expect((await failure(opened(storage, "alice", { suite: 2 }))).code).toBe("state");
  await expectNone();
});

it("by loading a group of damaged entries", async () => {
  const alice = await opened(storage);
  storage.damaged = "group/";
  expect((await failure(alice.group(ID))).code).toBe("state");
  await expectNone();
});
