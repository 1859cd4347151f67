// RFC 9420 §16.2: a storage that never answers, or that answers late: what is given up stands in nobody's way, and changes
// nothing afterwards.
import type { Group } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import type { ClientStorage, StoredClient } from "@copse/core/storage";
import { party } from "@copse/test-support/clients";
import { code, failure } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";
import { bound, ID, opened, SUITE, TestStorage, team } from "./stores.js";

const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

/** A storage whose next calls of a kind wait until they are let go. */
function slow(inner: ClientStorage = new TestStorage()) {
  const waiting: { readonly name: string; readonly go: () => void }[] = [];
  let stuck: keyof ClientStorage | undefined;
  const wait = async (name: keyof ClientStorage) => {
    if (stuck === name) await new Promise<void>((go) => waiting.push({ name, go }));
  };
  const storage: ClientStorage = {
    get: async (key) => {
      await wait("get");
      return inner.get(key);
    },
    list: async (prefix) => {
      await wait("list");
      return inner.list(prefix);
    },
    write: async (...write) => {
      // A copy, as of one that is on its way: what it was given is overwritten by its owner.
      const copy = structuredClone(write);
      await wait("write");
      return inner.write(...copy);
    },
  };
  return {
    storage,
    stick: (name: keyof ClientStorage | undefined) => {
      stuck = name;
    },
    letGo: () => {
      for (const { go } of waiting.splice(0)) go();
    },
  };
}

async function world() {
  const { storage, stick, letGo } = slow();
  const { alice, bob, a, b } = await team(storage as TestStorage);
  return { storage, stick, letGo, alice, bob, a, b };
}

type World = Awaited<ReturnType<typeof world>>;

/** Makes a call that is stuck in a write, and gives it up. */
async function givenUp({ stick }: World, call: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  const controller = new AbortController();
  stick("write");
  const made = call(controller.signal);
  await settled();
  stick(undefined);
  controller.abort();
  expect(await failure(made)).toEqual(code("storage"));
}

const CALLS: Readonly<Record<string, (here: World) => (signal: AbortSignal) => Promise<unknown>>> = {
  createKeyPackage:
    ({ alice }) =>
    (signal) =>
      alice.createKeyPackage({ signal }),
  createGroup:
    ({ alice }) =>
    (signal) =>
      alice.createGroup({ signal }),
  encrypt:
    ({ a }) =>
    (signal) =>
      a.encrypt("hello", { signal }),
  deleteGroup:
    ({ alice }) =>
    (signal) =>
      alice.deleteGroup(ID, { signal }),
  writeEntries:
    ({ alice }) =>
    (signal) =>
      alice.writeEntries([{ key: "app/a", value: ID }], [], { signal }),
};

describe.each(Object.entries(CALLS))("after %s was given up in a write that never ends", (name, call) => {
  it("the client goes on", async () => {
    const here = await world();
    const { alice, b } = here;
    await givenUp(here, call(here));
    await alice.createKeyPackage();
    expect(alice.keyPackages()).toHaveLength(1);
    const group = (await alice.group(ID)) as Group;
    expect(await b.receive(await group.encrypt("on it goes"))).toMatchObject({ kind: "application" });
    await alice.createGroup();
    expect(alice.knownGroups()).toHaveLength(2);
  });

  it("a late answer changes nothing", async () => {
    const here = await world();
    const { alice, b, storage, letGo } = here;
    await givenUp(here, call(here));
    const group = (await alice.group(ID)) as Group;
    await b.receive(await group.encrypt("one"));
    await alice.createKeyPackage();
    letGo();
    await settled();
    await b.receive(await group.encrypt("two"));
    await alice.createKeyPackage();
    expect(alice.keyPackages()).toHaveLength(2);
    const again = await opened(storage);
    expect(again.keyPackages()).toHaveLength(2);
    expect(again.knownGroups()).toHaveLength(1);
    expect(name).toBeDefined();
  });

  it("what was written all the same is found", async () => {
    const here = await world();
    const { alice, storage, letGo } = here;
    await givenUp(here, call(here));
    letGo();
    await settled();
    const [again] = [await opened(storage), await alice.refresh()];
    expect(alice.knownGroups()).toEqual(again.knownGroups());
    expect(alice.keyPackages()).toEqual(again.keyPackages());
    for (const known of alice.knownGroups()) await (await alice.group(known))?.encrypt("on it goes");
  });
});

it("calls that share a write that is given up fail, and those after it go on", async () => {
  const here = await world();
  const { alice } = here;
  const shared: Promise<unknown>[] = [];
  const later: Promise<unknown>[] = [];
  await givenUp(here, async (signal) => {
    shared.push(alice.createKeyPackage(), alice.createGroup());
    const made = alice.createKeyPackage({ signal });
    await Promise.resolve();
    setTimeout(() => later.push(alice.createKeyPackage()), 10);
    return made;
  });
  const [keyPackage, group] = await Promise.allSettled(shared);
  expect(keyPackage).toEqual({ status: "rejected", reason: code("storage") });
  expect(group?.status, "it has a write of its own").toBe("fulfilled");
  expect(later).toHaveLength(1);
  await Promise.all(later);
  expect(alice.keyPackages()).toHaveLength(1);
  expect(alice.knownGroups()).toHaveLength(2);
});

it("calls that read what never comes can be given up, and the next ones read again", async () => {
  const here = await world();
  const { alice, a, b, stick } = here;
  await givenUp(here, (signal) => Promise.all([a.encrypt("x", { signal }), alice.createGroup({ signal })]));
  stick("list");
  const controller = new AbortController();
  const calls = [
    alice.createKeyPackage({ signal: controller.signal }),
    a.encrypt("y", { signal: controller.signal }),
  ];
  await settled();
  controller.abort();
  for (const call of calls) expect(await failure(call)).toEqual(code("try-again"));
  stick(undefined);
  await alice.createKeyPackage();
  await b.receive(await a.encrypt("z"));
});

it("a call that only reads waits for no write of others", async () => {
  const { alice, stick, letGo } = await world();
  stick("write");
  const stuck = alice.createKeyPackage();
  await settled();
  const carol = await party("carol", { suite: SUITE });
  expect((await alice.group(ID))?.active).toBe(true);
  await alice.readKeyPackage(await carol.client.createKeyPackage());
  letGo();
  await stuck;
});

it("a refused merge leaves the client's identity as it was", async () => {
  const storage = new TestStorage();
  const { alice, a }: { alice: StoredClient; a: Group } = await team(storage);
  const before = alice.signatureKey;
  const other = await party("alice", { suite: SUITE });
  const staged = await a.update({ signer: other.signer });
  storage.fates.push("lost");
  expect(await failure(staged.merge())).toEqual(code("storage"));
  expect(alice.signatureKey).toEqual(before);
  await staged.merge();
  expect(alice.signatureKey).toEqual(other.signer.publicKey);
  expect(await opened(bound(storage))).toBeDefined();
});

it("a merge that is given up takes nothing along: neither the group's entry, nor the group that it replaces", async () => {
  const { storage, stick, letGo, alice, b } = await world();
  const other = new Uint8Array([1]);
  await alice.createGroup({ groupId: other });
  const options = { resync: true, replace: true };
  const { staged, group, commit } = await joinByExternalCommit(alice, await b.groupInfo(), options);
  await b.receive(commit);
  // Their names are random, and so is their order.
  const known = (client: StoredClient) =>
    [...client.knownGroups()].sort((one, next) => (one.status < next.status ? -1 : 1));
  const before = known(alice).filter(({ groupId }) => groupId.length > 1);
  expect(before.map(({ status }) => status)).toEqual(["active", "joining"]);
  // The merge waits in one write with what is deleted, and that for a slow list.
  stick("write");
  const keyPackage = alice.createKeyPackage();
  await settled();
  const controller = new AbortController();
  const deleted = alice.deleteGroup(other);
  const merged = staged.merge({ signal: controller.signal });
  await settled();
  stick("list");
  letGo();
  await keyPackage;
  await settled();
  controller.abort();
  expect(await failure(merged)).toEqual(code("storage"));
  stick(undefined);
  // It takes over what the storage has.
  expect(await failure(group.exportSecret("label", other, 16))).toEqual(code("pending"));
  letGo();
  expect(await deleted).toBe(true);
  expect(known(alice)).toEqual(before);
  const again = await opened(storage);
  expect(known(again)).toEqual(before);
  expect((await again.group(ID))?.active).toBe(true);
  await group.mergePendingCommit();
  await b.receive(await group.encrypt("hello"));
  const [one, ...rest] = (await opened(storage)).knownGroups();
  expect([one?.status, rest.length]).toEqual(["active", 0]);
});
