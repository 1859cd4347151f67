// RFC 9420 §9.2: two openers of one storage never both move the state on, and none uses a key that the other used.
import type { Group } from "@copse/core";
import { type ClientStorage, memoryStorage, openClient, type StoredClient } from "@copse/core/storage";
import { text } from "@copse/test-support/bytes";
import { type Party, party, send } from "@copse/test-support/clients";
import { code, failure } from "@copse/test-support/errors";
import { describe, expect, it, vi } from "vitest";
import { bound, ID, opened, SUITE, TestStorage, team } from "./stores.js";

async function tabs(): Promise<{
  left: StoredClient;
  right: StoredClient;
  bob: Party;
  b: Group;
  storage: TestStorage;
}> {
  const { storage, alice: left, bob, b } = await team();
  return { left, right: await opened(storage), bob, b, storage };
}

it("the second goes on from what the first one did, in the same object", async () => {
  const { left, right, b } = await tabs();
  const [a1, a2] = [(await left.group(ID)) as Group, (await right.group(ID)) as Group];
  await b.receive(await a1.encrypt("left"));
  await b.receive(await a2.encrypt("right"));
  await a1.receive(await b.encrypt("to the left"));
  const message = await b.encrypt("to both");
  await a2.receive(message);
  expect(await failure(a1.receive(message))).toEqual(code("duplicate"));
  const { commit } = await a2.update();
  await b.receive(commit);
  await a2.mergePendingCommit();
  await b.receive(await a1.encrypt("left again"));
  expect(a1.epoch).toBe(a2.epoch);
  expect(await right.group(ID)).toBe(a2);
});

describe("after another opener's commit", () => {
  type Call = (group: Group, b: Group) => Promise<unknown>;
  const GO_ON: Readonly<Record<string, Call>> = {
    encrypt: async (group, b) => b.receive(await group.encrypt("hello")),
    receive: async (group, b) => group.receive(await b.encrypt("hello")),
    stage: async (group, b) => group.stage((await b.update()).commit),
  };
  it.each(Object.entries(GO_ON))("%s goes on", async (_, call) => {
    const { left, right, b } = await tabs();
    const [a1, a2] = [(await left.group(ID)) as Group, (await right.group(ID)) as Group];
    await b.receive((await a1.update()).commit);
    await a1.mergePendingCommit();
    await call(a2, b);
    expect(a2.epoch).toBe(a1.epoch);
  });

  const REFUSED: Readonly<Record<string, Call>> = {
    remove: (group, b) => group.remove(b.ownLeafIndex),
    update: (group) => group.update(),
    propose: (group) => group.propose({ update: true }),
    withEpoch: (group) => group.withEpoch((access) => access.leafIndex).then(() => group.update()),
  };
  it.each(Object.entries(REFUSED))("%s changes nothing, and its caller can look", async (_, call) => {
    const { left, right, b, storage } = await tabs();
    const [a1, a2] = [(await left.group(ID)) as Group, (await right.group(ID)) as Group];
    await b.receive((await a1.update()).commit);
    await a1.mergePendingCommit();
    await b.propose({ update: true });
    const before = await storage.all();
    const calls = [call(a2, b), call(a2, b)];
    for (const one of calls) expect(await failure(one)).toEqual(code("stale-state"));
    expect(await storage.all()).toEqual(before);
    expect(a2.epoch).toBe(a1.epoch);
    await a2.update();
  });

  it("what was staged goes on by name, and not as whatever is staged", async () => {
    const { left, right, b } = await tabs();
    const [a1, a2] = [(await left.group(ID)) as Group, (await right.group(ID)) as Group];
    const staged = await a1.update();
    expect(await failure(a2.mergePendingCommit())).toEqual(code("stale-state"));
    expect(a2.hasPendingCommit).toBe(true);
    await b.receive(staged.commit);
    await a2.mergePendingCommit();
    expect(await failure(staged.merge())).toEqual(code("past-epoch"));
    expect(a1.epoch).toBe(2n);
  });
});

it("nothing is encrypted for a new member whom the caller hasn't seen", async () => {
  const { left, right, b } = await tabs();
  const [a1, a2] = [(await left.group(ID)) as Group, (await right.group(ID)) as Group];
  const carol = await party("carol", { suite: SUITE });
  const { commit } = await a1.add(await carol.client.createKeyPackage());
  await a1.mergePendingCommit();
  await b.receive(commit);
  const calls = [a2.encrypt("for Bob"), a2.encrypt("for Bob, too")];
  for (const one of calls) expect(await failure(one)).toEqual(code("stale-state"));
  expect(a2.members).toHaveLength(3);
  await b.receive(await a2.encrypt("for both"));
  // Who was removed is no such reason.
  await b.receive((await a1.remove(2)).commit);
  await a1.mergePendingCommit();
  await b.receive(await a2.encrypt("for Bob again"));
});

it("a third one that comes and goes loses nothing of two that send at once", async () => {
  const { left, right, storage, b } = await tabs();
  const sent: Uint8Array[] = [];
  let isOver = false;
  const send = async (client: StoredClient, name: string) => {
    const group = (await client.group(ID)) as Group;
    for (let i = 0; i < 100; i++) sent.push(await group.encrypt(`${name} ${i}`));
  };
  const visit = async () => {
    for (let i = 0; !isOver; i++) {
      const group = (await (await opened(storage)).group(ID)) as Group;
      sent.push(await group.encrypt(`visitor ${i}`));
      await group.close();
    }
  };
  const visitor = visit();
  await Promise.all([send(left, "left"), send(right, "right")]);
  isOver = true;
  await visitor;
  for (const message of sent) expect(await b.receive(message)).toMatchObject({ kind: "application" });
  expect(sent.length).toBeGreaterThan(200);
});

it("a storage that gives turns is asked for one by each call that changes something", async () => {
  const { storage } = await tabs();
  const turns = new Map<string, Promise<void>>();
  const refused = { count: 0 };
  const inner = bound(storage);
  const taking: ClientStorage = {
    ...inner,
    write: async (changes, steps) => {
      const isMade = await inner.write(changes, steps);
      if (!isMade) refused.count++;
      return isMade;
    },
    turn(name, work) {
      const done = (turns.get(name) ?? Promise.resolve()).then(work, work);
      turns.set(name, done);
      return done;
    },
  };
  const [left, right] = await Promise.all([opened(taking), opened(taking)]);
  const groups = await Promise.all([left, right].map(async (one) => (await one.group(ID)) as Group));
  const sent = await Promise.all(
    groups.flatMap((group) => Array.from({ length: 50 }, () => group.encrypt("x"))),
  );
  expect(sent).toHaveLength(100);
  await Promise.all([left, right].flatMap((one) => [1, 2, 3].map(() => one.createKeyPackage())));
  expect(left.keyPackages().length + right.keyPackages().length).toBeGreaterThanOrEqual(9);
  expect(turns.size).toBe(2);
  // Each has at most one write refused for each turn, and then goes on.
  expect(refused.count).toBeLessThanOrEqual(101 + 6);
  const never = { ...taking, turn: () => new Promise<void>(() => undefined) };
  const stuck = await opened(never);
  const controller = new AbortController();
  const calls = [stuck.createKeyPackage({ signal: controller.signal })];
  const group = (await stuck.group(ID)) as Group;
  calls.push(group.encrypt("stuck", { signal: controller.signal }));
  await new Promise((resolve) => setTimeout(resolve, 20));
  controller.abort();
  for (const call of calls) expect((await failure(call)).code).toMatch(/^(storage|try-again)$/);
  const broken = await opened({ ...taking, turn: async () => undefined });
  expect(await failure(((await broken.group(ID)) as Group).encrypt("x"))).toEqual(code("storage"));
});

it("both send at once, and each message arrives once", async () => {
  const { left, right, b } = await tabs();
  const sent: Uint8Array[] = [];
  const send = async (client: StoredClient, name: string) => {
    const group = (await client.group(ID)) as Group;
    for (let i = 0; i < 500; i++) sent.push(await group.encrypt(`${name} ${i}`));
  };
  await Promise.all([send(left, "left"), send(right, "right")]);
  const texts = new Set<string>();
  for (const message of sent) {
    const received = await b.receive(message);
    if (received.kind === "application") texts.add(text(received.data));
  }
  expect(sent).toHaveLength(1000);
  expect(texts.size).toBe(1000);
});

it("key packages of both are known to both", async () => {
  const { left, right, bob } = await tabs();
  const one = await left.createKeyPackage();
  await right.createKeyPackage();
  expect(right.keyPackages()).toHaveLength(2);
  expect(await left.refresh()).toBe(true);
  expect(await left.refresh()).toBe(false);
  expect(left.keyPackages()).toHaveLength(2);
  const [, , { reference }] = await Promise.all([
    left.createKeyPackage(),
    right.createKeyPackage(),
    right.readKeyPackage(one),
  ]);
  await left.refresh();
  expect(left.keyPackages()).toHaveLength(4);
  const group = await bob.client.createGroup();
  const { welcome } = await group.add(one);
  const joins = await Promise.allSettled([left, right].map((tab) => tab.join(welcome as Uint8Array)));
  expect(joins.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  expect(joins).toContainEqual({ status: "rejected", reason: code("stale-state") });
  expect(await failure(left.join(welcome as Uint8Array))).toEqual(code("not-invited"));
  expect(await left.deleteKeyPackage(reference)).toBe(false);
  await Promise.all([left.refresh(), right.refresh()]);
  for (const tab of [left, right]) {
    expect(tab.keyPackages()).toHaveLength(3);
    expect(tab.knownGroups()).toHaveLength(2);
  }
});

it("a key package that both use at once is used once", async () => {
  const { left, right, bob } = await tabs();
  const keyPackage = await left.createKeyPackage();
  await right.refresh();
  const welcomes = await Promise.all(
    [1, 2].map(async () => (await (await bob.client.createGroup()).add(keyPackage)).welcome),
  );
  const joins = await Promise.allSettled([left, right].map((tab, i) => tab.join(welcomes[i] as Uint8Array)));
  expect(joins.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  await left.refresh();
  expect(left.knownGroups()).toHaveLength(2);
});

it("a key package is used once, also where its second use waits behind another write", async () => {
  const inner = memoryStorage();
  const [storage, bob] = [new TestStorage(inner), await party("bob", { suite: SUITE })];
  const left = await opened(inner);
  const b = await bob.client.createGroup();
  const welcome = (await b.add(await left.createKeyPackage())).welcome as Uint8Array;
  await b.mergePendingCommit();
  const right = await opened(storage);
  const staged = await right.readWelcome(welcome);
  const [hold, go] = [storage.hold(), storage.slow()];
  const joining = failure(staged.join());
  const making = right.createKeyPackage();
  await hold.reached;
  go();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const a = await left.join(welcome);
  hold.open();
  await making;
  expect(await joining).toEqual(code("stale-state"));
  expect(right.knownGroups()).toHaveLength(1);
  await send(b, [a], "still here");
});

it("one notices by refresh what the other has done", async () => {
  const { left, right } = await tabs();
  const [a1, a2] = [(await left.group(ID)) as Group, (await right.group(ID)) as Group];
  expect(await right.refresh()).toBe(false);
  await a1.update();
  expect(await right.refresh()).toBe(true);
  expect(a2.hasPendingCommit).toBe(true);
  await left.deleteGroup(ID);
  expect(await right.refresh()).toBe(true);
  expect(await right.group(ID)).toBeUndefined();
  expect(await failure(a2.encrypt("hello"))).toEqual(code("closed"));
});

it("a removal that one received is the other's too", async () => {
  const { left, right, b } = await tabs();
  const [a1, a2] = [(await left.group(ID)) as Group, (await right.group(ID)) as Group];
  await a1.receive((await b.remove(a1.ownLeafIndex)).commit);
  expect(await failure(a2.receive(await b.encrypt("late")))).toMatchObject({ code: /./ });
  await right.refresh();
  expect(a2.active).toBe(false);
  expect(right.knownGroups()).toMatchObject([{ status: "removed" }]);
  await right.createGroup({ groupId: ID });
  expect(right.knownGroups()).toMatchObject([{ status: "active" }]);
});

it("a group that the other one deleted and made anew isn't taken for the same", async () => {
  const { left, right } = await tabs();
  const stale = (await right.group(ID)) as Group;
  await left.deleteGroup(ID);
  await left.createGroup({ groupId: ID });
  expect(await failure(stale.encrypt("old"))).toEqual(code("stale-state"));
  await right.refresh();
  expect((await right.group(ID))?.epoch).toBe(0n);
});

/** An operation that the list of groups tells of, and what becomes of it when another opener was first. */
const LISTED: Readonly<
  Record<string, (a1: Group, b: Group) => Promise<[call: () => Promise<unknown>, told: string]>>
> = {
  "goes on": async (a1, b) => {
    const { commit } = await b.remove(a1.ownLeafIndex);
    return [() => a1.receive(commit), "done"];
  },
  "is refused": async (a1) => {
    await a1.commit({ reinit: { groupId: ID, cipherSuite: SUITE, extensions: [] } });
    return [() => a1.mergePendingCommit(), "stale-state"];
  },
};
it.each(Object.entries(LISTED))(
  "calls that share the write of an operation that %s are done",
  async (_, prepare) => {
    const { left, right, bob, b, storage } = await tabs();
    const [a1, a2] = [(await left.group(ID)) as Group, (await right.group(ID)) as Group];
    const [operation, told] = await prepare(a1, b);
    const { welcome } = await (await bob.client.createGroup()).add(await left.createKeyPackage());
    const staged = await left.readWelcome(welcome as Uint8Array);
    await a2.receive(await b.propose({ update: true }));
    const hold = storage.hold();
    const before = left.createKeyPackage();
    await hold.reached;
    const alongside = () => [{ key: "app/made", value: ID }];
    const calls = [operation(), staged.join(), left.createGroup({ alongside }), left.createKeyPackage()];
    const outcomes = calls.map(async (call) =>
      call.then(
        () => "done",
        (error) => error.code,
      ),
    );
    // Until they wait for the next write.
    await new Promise((resolve) => setTimeout(resolve, 50));
    hold.open();
    await before;
    expect(await Promise.all(outcomes)).toEqual([told, "done", "done", "done"]);
    expect(await left.getEntry("app/made")).toEqual(ID);
    for (const client of [left, await opened(storage)]) {
      expect(client.knownGroups()).toHaveLength(3);
      expect(client.keyPackages()).toHaveLength(2);
      expect((await client.group(ID))?.active).toBe(told !== "done");
    }
  },
);

/** What becomes meanwhile of a group whose operation shares its write with others, and that another opener moves on. */
const MEANWHILE: Readonly<Record<string, (group: Group, controller: AbortController) => unknown>> = {
  "is left alone": () => undefined,
  "is closed": (group) => group.close(),
  "is given up by its signal": (_, controller) => controller.abort(),
};
it.each(Object.entries(MEANWHILE))(
  "calls that share the write of a group that %s are done",
  async (_, then) => {
    const inner = memoryStorage();
    const storage = new TestStorage(inner);
    const { alice: left, b } = await team(storage);
    const right = await opened(inner);
    const [a1, a2] = [(await left.group(ID)) as Group, (await right.group(ID)) as Group];
    const text = await b.encrypt("moves it on");
    const { commit } = await b.remove(a1.ownLeafIndex);
    const hold = storage.hold();
    const before = left.createKeyPackage();
    await hold.reached;
    const [controller, waiting] = [new AbortController(), vi.fn(() => [])];
    const options = { signal: controller.signal, alongside: waiting };
    const receiving = a1.receive(commit, options).catch((error) => error.code);
    const making = left.createKeyPackage({ alongside: waiting });
    await expect.poll(() => waiting).toHaveBeenCalledTimes(2);
    const next = storage.hold();
    hold.open();
    await before;
    await next.reached;
    await a2.receive(text);
    const done = then(a1, controller);
    next.open();
    await making;
    await Promise.all([receiving, done]);
    expect((await opened(inner)).keyPackages()).toHaveLength(2);
  },
);

it("two processes that open a new client at once have one signer", async () => {
  const storage = memoryStorage();
  const [one, two] = await Promise.all([opened(storage), opened(storage)]);
  expect(one.signatureKey).toEqual(two.signatureKey);
});

it("what isn't a storage, or an option of the calls, is refused", async () => {
  const { left } = await tabs();
  for (const call of [
    () => openClient({ ...({} as Parameters<typeof openClient>[0]), storage: {} as never }),
    () => left.group(ID, { joined: true } as never),
    () => left.group("team" as never),
    () => left.deleteGroup(ID, { joining: 1 } as never),
    () => left.refresh({ soon: true } as never),
    () => left.sweep({ soon: true } as never),
    () => left.group({ groupId: ID, name: 7 } as never),
    () => left.group({ name: "team" } as never),
    () => left.deleteGroup(null as never),
    () => left.deleteKeyPackage(ID, { all: true } as never),
  ])
    expect(await failure(call)).toEqual(code("usage"));
});
