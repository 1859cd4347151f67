// RFC 9420 §16.2: the application's own entries: by themselves, with calls that share a write, and where openers meet.
import type { Group } from "@copse/core";
import { type ClientStorage, memoryStorage, type StoredClient } from "@copse/core/storage";
import { text } from "@copse/test-support/bytes";
import { party } from "@copse/test-support/clients";
import { code, failure } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";
import { type Fate, ID, opened, SUITE, type TestStorage, team } from "./stores.js";

const bytes = (...values: number[]) => new Uint8Array(values);
const put = (key: string, value = bytes(1)) => [{ key: `app/${key}`, value }];
const keysOf = async (client: StoredClient, prefix = "app/") =>
  (await client.listEntries(prefix)).map(({ key }) => key.slice(4));

describe("entries by themselves", () => {
  it("are written, read, listed and deleted", async () => {
    const storage = memoryStorage();
    const alice = await opened(storage);
    const given = bytes(1, 2);
    expect(await alice.writeEntries([...put("b/1", given), ...put("a"), ...put("b/2", bytes())])).toBe(true);
    expect(given).toEqual(bytes(1, 2));
    expect(await alice.getEntry("app/b/1")).toEqual(given);
    expect(await alice.getEntry("app/b")).toBeUndefined();
    expect(await keysOf(alice)).toEqual(["a", "b/1", "b/2"]);
    expect(await (await opened(storage)).listEntries("app/b/")).toEqual([
      { key: "app/b/1", value: given },
      { key: "app/b/2", value: bytes() },
    ]);
    expect(await alice.writeEntries([{ key: "app/b/1", value: undefined }])).toBe(true);
    expect(await alice.writeEntries([])).toBe(true);
    expect(await keysOf(alice)).toEqual(["a", "b/2"]);
  });

  it("are compared by steps", async () => {
    const alice = await opened(memoryStorage());
    const step = (from: Uint8Array | undefined, to: Uint8Array | undefined) => [{ key: "app/at", from, to }];
    expect(await alice.writeEntries(put("a"), step(undefined, bytes(1)))).toBe(true);
    expect(await alice.writeEntries(put("b"), step(undefined, bytes(2)))).toBe(false);
    expect(await alice.writeEntries(put("c"), step(bytes(1), undefined))).toBe(true);
    expect(await keysOf(alice)).toEqual(["a", "c"]);
  });

  it("are the application's alone", async () => {
    const alice = await opened(memoryStorage());
    const long = `app/${"a".repeat(252)}`;
    const wrong = ["client/signer", "group/1/state", "app", "app/", "app/A", "app/a_b", "app/version"];
    for (const key of [...wrong, "app/a/version", long, 7 as unknown as string]) {
      expect(await failure(alice.writeEntries([{ key, value: bytes() }]))).toEqual(code("usage"));
      expect(await failure(alice.writeEntries([], [{ key, from: undefined, to: bytes() }]))).toEqual(
        code("usage"),
      );
      expect(await failure(alice.getEntry(key))).toEqual(code("usage"));
    }
    for (const prefix of ["", "client/", "ap", "app"])
      expect(await failure(alice.listEntries(prefix))).toEqual(code("usage"));
    expect(await failure(alice.writeEntries([...put("a"), ...put("a")]))).toEqual(code("usage"));
    const step = { key: "app/a", from: undefined, to: bytes(1) };
    expect(await failure(alice.writeEntries(put("a"), [step]))).toEqual(code("usage"));
    const large = { key: "app/s", from: undefined, to: new Uint8Array(65) };
    expect(await failure(alice.writeEntries([], [large]))).toEqual(code("usage"));
    expect(await failure(alice.writeEntries("app/a" as never))).toEqual(code("usage"));
    expect(await keysOf(alice)).toEqual([]);
    expect(await alice.writeEntries(put(long.slice(4, 255)))).toBe(true);
  });

  it.each(["lost", "late"] satisfies Fate[])("say so where nobody knows (%s)", async (fate) => {
    const { storage, alice } = await team();
    storage.fates.push(fate);
    expect(await failure(alice.writeEntries(put("a")))).toEqual(code("storage"));
    expect(await keysOf(alice)).toEqual(fate === "late" ? ["a"] : []);
    storage.isDown = true;
    expect(await failure(alice.getEntry("app/a"))).toEqual(code("try-again"));
    expect(await failure(alice.listEntries("app/"))).toEqual(code("try-again"));
  });

  it("stay when groups and key packages end", async () => {
    const { alice } = await team();
    await alice.writeEntries(put("a"));
    await alice.deleteGroup(ID);
    await alice.sweep();
    expect(await keysOf(alice)).toEqual(["a"]);
  });
});

describe("calls that share a write", () => {
  it("have all their entries in it, and of one key the later call's", async () => {
    const { storage, alice } = await team();
    const before = storage.writes;
    const calls = [1, 2, 3].map((i) =>
      alice.createKeyPackage({ alongside: () => [...put(`own/${i}`), ...put("last", bytes(i))] }),
    );
    await Promise.all(calls);
    expect(storage.writes).toBe(before + 1);
    expect(await keysOf(alice)).toEqual(["last", "own/1", "own/2", "own/3"]);
    expect(await alice.getEntry("app/last")).toEqual(bytes(3));
  });

  it("aren't disturbed by one whose alongside() throws", async () => {
    const { alice } = await team();
    const throwing = { alongside: () => JSON.parse("{") };
    const [first, second, third, fourth] = await Promise.allSettled([
      alice.createKeyPackage({ alongside: () => put("first") }),
      alice.createKeyPackage(throwing),
      alice.createGroup(throwing),
      alice.createKeyPackage({ alongside: () => put("fourth") }),
    ]);
    expect([first.status, second.status, third.status, fourth.status]).toEqual([
      "fulfilled",
      "rejected",
      "rejected",
      "fulfilled",
    ]);
    expect(await keysOf(alice)).toEqual(["first", "fourth"]);
    expect(alice.keyPackages()).toHaveLength(2);
    expect(alice.knownGroups()).toHaveLength(1);
  });

  it("fail together where another opener has joined by the same key package, and write nothing", async () => {
    const { storage, alice: left, bob } = await team();
    const other = await bob.client.createGroup();
    const { welcome } = await other.add(await left.createKeyPackage());
    const right = await opened(storage);
    const staged = await Promise.all(
      [left, right].map((client) => client.readWelcome(welcome as Uint8Array)),
    );
    // Both have used it here when the first of them writes.
    const hold = storage.hold();
    const joins = staged.map((one, side) => one.join({ alongside: () => put(`join/${side}`) }));
    await hold.reached;
    const made = left.createKeyPackage({ alongside: () => put("made") });
    hold.open();
    const [first, second] = await Promise.allSettled(joins);
    await made;
    const wins = first?.status === "fulfilled" ? 0 : 1;
    expect(wins === 0 ? second : first).toMatchObject({
      status: "rejected",
      reason: { code: "stale-state" },
    });
    expect(await keysOf(left)).toEqual([`join/${wins}`, "made"]);
  });
});

describe("while a write of the client is made", () => {
  /** Alice makes a key package, whose write waits. */
  async function writing() {
    const here = await team();
    const other = await here.bob.client.createGroup();
    const { welcome } = await other.add(await here.alice.createKeyPackage());
    await other.mergePendingCommit();
    const staged = await here.alice.readWelcome(welcome as Uint8Array);
    const hold = here.storage.hold();
    const made = here.alice.createKeyPackage();
    await hold.reached;
    return { ...here, other, staged, welcome: welcome as Uint8Array, hold, made };
  }

  it("an alongside() that throws leaves the key package where it is, and the Welcome can be read again", async () => {
    const { alice, staged, welcome, hold, made, other } = await writing();
    const refused = staged.join({ alongside: () => JSON.parse("{") }).catch((error: unknown) => error);
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
    hold.open();
    expect(await refused).toBeInstanceOf(SyntaxError);
    await made;
    expect(alice.keyPackages()).toHaveLength(2);
    const joined = await alice.join(welcome, { alongside: () => put("joined") });
    await other.receive(await joined.encrypt("here I am"));
    expect(alice.keyPackages()).toHaveLength(1);
    expect(await keysOf(alice)).toEqual(["joined"]);
  });

  it("a new group that is closed at once is nowhere, and so are its entries", async () => {
    const { alice, hold, made } = await writing();
    const closing = (group: Group) => {
      void group.close();
      return put("new");
    };
    const created = failure(alice.createGroup({ alongside: closing }));
    hold.open();
    expect(await created).toEqual(code("closed"));
    await made;
    expect(await keysOf(alice)).toEqual([]);
    expect(alice.knownGroups()).toHaveLength(1);
  });

  it("a group that is closed before its own write takes its entries with it", async () => {
    const { alice, a, b, hold, made } = await writing();
    const { commit } = await b.remove(a.ownLeafIndex);
    const removed = failure(a.receive(commit, { alongside: () => put("removed") }));
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    await a.close();
    hold.open();
    expect(await removed).toEqual(code("closed"));
    await made;
    expect(await keysOf(alice)).toEqual([]);
    const again = (await alice.group(ID)) as Group;
    expect(again.active).toBe(true);
    expect(await again.receive(commit, { alongside: () => put("removed") })).toMatchObject({ active: false });
    expect(await keysOf(alice)).toEqual(["removed"]);
  });
});

it("a call that is given up while its write waits leaves both or neither", async () => {
  const { storage, alice, a, b } = await team();
  for (const isMade of [false, true]) {
    const hold = storage.hold();
    const controller = new AbortController();
    const { signal } = controller;
    const call = failure(a.encrypt("hello", { signal, alongside: () => put(`sent/${isMade}`) }));
    await hold.reached;
    controller.abort();
    expect(await call).toEqual(code("storage"));
    if (!isMade) {
      storage.release();
      // The next write is made first: the one that waits comes too late.
      await b.receive(await a.encrypt("first"));
    }
    hold.open();
    await b.receive(await a.encrypt("next"));
    const written = await keysOf(alice);
    expect(written).toEqual(isMade ? ["sent/true"] : []);
  }
});

describe("two openers", () => {
  const tabs = async () => {
    const { storage, alice, b } = await team();
    const right = await opened(storage);
    const groups = [(await alice.group(ID)) as Group, (await right.group(ID)) as Group] as const;
    return { storage, left: alice, groups, b };
  };

  it("each ask again where the other was first, and each message has its entry", async () => {
    const { left, groups, b } = await tabs();
    let asked = 0;
    const calls = groups.flatMap((group, side) =>
      [0, 1, 2].map((i) =>
        group.encrypt(`${side} ${i}`, {
          alongside: (message) => {
            asked++;
            return put(`outbox/${side}-${i}`, message);
          },
        }),
      ),
    );
    const messages = await Promise.all(calls);
    expect(asked).toBeGreaterThan(6);
    const kept = await left.listEntries("app/outbox/");
    expect(kept.map(({ value }) => value)).toEqual(messages);
    const received = await b.receiveAll(kept.map(({ value }) => value));
    for (const one of received) expect(one).toMatchObject({ status: "fulfilled" });
  });

  it("an answer that changes with what the other did changes the entry", async () => {
    const { left, groups, b } = await tabs();
    const [one, other] = groups;
    const message = await b.encrypt("hello");
    const alongside = ([first]: readonly PromiseSettledResult<unknown>[]) =>
      put("first", bytes(first?.status === "fulfilled" ? 1 : 0));
    await other.receive(message);
    await one.receiveAll([message], { alongside });
    expect(await left.getEntry("app/first")).toEqual(bytes(0));
  });

  it("a receive that changes nothing compares the version all the same", async () => {
    const { storage, left, groups, b } = await tabs();
    const own = await groups[0].encrypt("hello");
    await b.receive(await groups[1].encrypt("moves on"));
    const before = storage.writes;
    await groups[0].receive(own, { alongside: () => put("cursor") });
    expect(storage.writes).toBe(before + 1);
    expect(await keysOf(left)).toEqual(["cursor"]);
  });
});

it("over many crashes each message in the outbox can be received, and each that was answered is there", async () => {
  const { storage, b } = await team();
  let seed = 7;
  const next = (below: number) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const FATES = ["made", "made", "lost", "late", "refused"] as const;
  const answered = new Map<string, string>();
  let tally = { failed: 0, kept: 0 };
  const clients = [await opened(storage), await opened(storage)];
  for (let i = 0; i < 120; i++) {
    const side = next(2);
    const client = clients[side] as StoredClient;
    const group = (await client.group(ID)) as Group;
    const key = `outbox/${String(i).padStart(3, "0")}`;
    storage.fates.push(FATES[next(FATES.length)] as Fate);
    try {
      const message = await group.encrypt(key, { alongside: (message) => put(key, message) });
      answered.set(`app/${key}`, Buffer.from(message).toString("hex"));
    } catch (error) {
      expect(error).toEqual(code("storage"));
      tally = { ...tally, failed: tally.failed + 1 };
      clients[side] = await opened(storage);
    }
    storage.fates.length = 0;
  }
  const kept = await (clients[0] as StoredClient).listEntries("app/outbox/");
  const found = new Map(kept.map(({ key, value }) => [key, Buffer.from(value).toString("hex")]));
  for (const [key, message] of answered) expect(found.get(key)).toBe(message);
  tally.kept = kept.length;
  expect(tally.failed).toBeGreaterThan(20);
  expect(tally.kept).toBeGreaterThan(answered.size);
  for (const { key, value } of kept) {
    const received = await b.receive(value);
    expect(received.kind === "application" && text(received.data)).toBe(key.slice(4));
  }
});

it("a storage that has them is a client's as before: nothing of the client reads them", async () => {
  const { storage, alice, a, b } = await team();
  await alice.writeEntries(put("x/y", bytes(9)));
  const [before] = await Promise.resolve((storage as ClientStorage).list("app/"));
  await b.receive(await a.encrypt("hello"));
  await alice.createGroup();
  expect((await Promise.resolve((storage as TestStorage).list("app/")))[0]).toEqual(before);
  const { client } = await party("carol", { suite: SUITE });
  expect(await failure(client.createGroup({ alongside: () => put("a") }))).toEqual(code("usage"));
});
