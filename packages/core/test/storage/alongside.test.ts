// RFC 9420 §16.2: what an application writes with a call is in the write that makes the call's changes safe, or nowhere.
import { Client, type Group, type StagedCommit, type StagedWelcome, type WriteOptions } from "@copse/core";
import { joinByExternalCommit, proposeJoin } from "@copse/core/external";
import { adopt, keepEpochs, settle, stageOn, stageProposal } from "@copse/core/rewind";
import type { StoredClient } from "@copse/core/storage";
import { copyOf, type Party, party } from "@copse/test-support/clients";
import { code, failure } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";
import { type Fate, ID, opened, SUITE, TestStorage } from "./stores.js";

const policy = { handshake: "public", rewind: keepEpochs({ epochs: 3, age: 3600 }) } as const;

interface World {
  readonly storage: TestStorage;
  readonly alice: StoredClient;
  readonly bob: Party;
  readonly a: Group;
  readonly b: Group;
}

/** Alice, with a storage, and Bob in a group. */
async function world(): Promise<World> {
  const storage = new TestStorage();
  const alice = await opened(storage, "alice", { policy });
  const bob = await party("bob", { suite: SUITE, policy });
  const a = await alice.createGroup({ groupId: ID });
  const { welcome } = await a.add(await bob.client.createKeyPackage());
  await a.mergePendingCommit();
  const b = await bob.client.join(welcome as Uint8Array);
  return { storage, alice, bob, a, b };
}

/** Prepares a call of Alice's. */
// biome-ignore lint/suspicious/noExplicitAny: the calls of one table answer different things
type Row = (here: World) => Promise<(options: WriteOptions<any>) => Promise<unknown>>;

const invitation = async ({ alice, bob }: World): Promise<Uint8Array> => {
  const other = await bob.client.createGroup();
  const { welcome } = await other.add(await alice.createKeyPackage());
  await other.mergePendingCommit();
  return welcome as Uint8Array;
};

/** A commit of a copy of Bob, on the epoch that Alice's and Bob's group has left. */
const elsewhere = async ({ a, b, bob }: World) => {
  const on = a.epoch;
  const other = await copyOf(bob, b);
  const proposal = await other.propose({ update: true });
  const { commit } = await other.update();
  await a.receive((await b.update()).commit);
  await b.mergePendingCommit();
  return { on, proposal, commit };
};

const ROWS: Readonly<Record<string, Row>> = {
  encrypt:
    async ({ a }) =>
    (options) =>
      a.encrypt("hello", options),
  encryptAll:
    async ({ a }) =>
    (options) =>
      a.encryptAll(["hello", "again"], options),
  propose:
    async ({ a }) =>
    (options) =>
      a.propose({ update: true }, options),
  dropProposals: async ({ a, b }) => {
    await a.receive(await b.propose({ update: true }));
    return (options) => a.dropProposals(() => true, options);
  },
  commit:
    async ({ a }) =>
    (options) =>
      a.commit(options),
  add: async ({ a }) => {
    const { client } = await party("carol", { suite: SUITE });
    const keyPackage = await client.createKeyPackage();
    return (options) => a.add(keyPackage, options);
  },
  remove:
    async ({ a, b }) =>
    (options) =>
      a.remove(b.ownLeafIndex, options),
  update:
    async ({ a }) =>
    (options) =>
      a.update(options),
  mergePendingCommit: async ({ a }) => {
    await a.update();
    return (options) => a.mergePendingCommit(options);
  },
  clearPendingCommit: async ({ a }) => {
    await a.update();
    return (options) => a.clearPendingCommit(options);
  },
  stage: async ({ a, b }) => {
    const { commit } = await b.update();
    return (options) => a.stage(commit, options);
  },
  "receive: a message": async ({ a, b }) => {
    const message = await b.encrypt("hello");
    return (options) => a.receive(message, options);
  },
  "receive: a removal": async ({ a, b }) => {
    const { commit } = await b.remove(a.ownLeafIndex);
    return (options) => a.receive(commit, options);
  },
  "receive: what it sent itself": async ({ a }) => {
    const message = await a.encrypt("hello");
    return (options) => a.receive(message, options);
  },
  receiveAll: async ({ a, b }) => {
    const messages = [await b.encrypt("hello"), new Uint8Array([1]), await b.encrypt("again")];
    return (options) => a.receiveAll(messages, options);
  },
  "receiveAll: all are refused":
    async ({ a }) =>
    (options) =>
      a.receiveAll([new Uint8Array([1])], options),
  "StagedCommit.merge": async ({ a, b }) => {
    const { commit } = await b.update();
    const staged = (): StagedCommit => a.staged[0] as StagedCommit;
    await a.stage(commit);
    return (options) => staged().merge(options);
  },
  "StagedCommit.discard": async ({ a, b }) => {
    await a.stage((await b.update()).commit);
    return (options) => (a.staged[0] as StagedCommit).discard(options);
  },
  createGroup:
    async ({ alice }) =>
    (options) =>
      alice.createGroup({ groupId: new Uint8Array([7]), ...options }),
  createKeyPackage:
    async ({ alice }) =>
    (options) =>
      alice.createKeyPackage(options),
  deleteKeyPackage: async ({ alice }) => {
    await alice.createKeyPackage();
    return (options) =>
      alice.deleteKeyPackage(alice.keyPackages()[0]?.reference ?? new Uint8Array(), options);
  },
  join: async (here) => {
    const welcome = await invitation(here);
    return (options) => here.alice.join(welcome, options);
  },
  "StagedWelcome.join": async (here) => {
    const welcome = await invitation(here);
    const read = (): Promise<StagedWelcome> => here.alice.readWelcome(welcome);
    return async (options) => (await read()).join(options);
  },
  joinByExternalCommit: async ({ alice, bob }) => {
    const groupInfo = await (await bob.client.createGroup()).groupInfo();
    return (options) => joinByExternalCommit(alice, groupInfo, options);
  },
  proposeJoin:
    async ({ alice }) =>
    (options) =>
      proposeJoin(alice, { groupId: ID, epoch: 9n }, options),
  deleteGroup:
    async ({ alice }) =>
    (options) =>
      alice.deleteGroup(ID, options),
  stageOn: async (here) => {
    const { on, commit } = await elsewhere(here);
    return (options) => stageOn(here.a, commit, { on, ...options });
  },
  stageProposal: async (here) => {
    const { on, proposal } = await elsewhere(here);
    return (options) => stageProposal(here.a, proposal, { on, ...options });
  },
  adopt: async (here) => {
    const { on, commit } = await elsewhere(here);
    await stageOn(here.a, commit, { on });
    return async (options) => adopt(here.a, await stageOn(here.a, commit, { on }), options);
  },
  settle: async (here) => {
    await elsewhere(here);
    return (options) => settle(here.a, options);
  },
};
const KEY = "app/outbox/1";
const value = (storage: TestStorage): Promise<Uint8Array | undefined> => Promise.resolve(storage.get(KEY));

describe.each(Object.entries(ROWS))("alongside %s", (_, row) => {
  it("is asked with the answer, and written in the same write", async () => {
    const here = await world();
    const call = await row(here);
    const before = here.storage.writes;
    const asked: unknown[] = [];
    const entries = [{ key: KEY, value: new Uint8Array([7, 8]) }];
    const answered = await call({
      alongside: (answer: unknown) => {
        asked.push(answer);
        return entries;
      },
    });
    expect(asked).toHaveLength(1);
    expect(asked[0]).toBe(answered);
    expect(here.storage.writes).toBe(before + 1);
    expect(await value(here.storage)).toEqual(new Uint8Array([7, 8]));
    expect(entries[0]?.value).toEqual(new Uint8Array([7, 8]));
    // By whoever opens the storage next, too.
    expect(await (await opened(here.storage)).getEntry(KEY)).toEqual(new Uint8Array([7, 8]));
  });

  it("that throws fails the call, and changes nothing", async () => {
    const here = await world();
    const call = await row(here);
    const before = await here.storage.all();
    const known = [here.alice.knownGroups(), here.alice.keyPackages(), here.a.epoch, here.a.active];
    const why = new Error("the application's own");
    const throwing = () => {
      throw why;
    };
    await expect(call({ alongside: throwing })).rejects.toBe(why);
    for (const wrong of [undefined, {}, [{ key: "client/signer", value: undefined }], Promise.resolve([])])
      expect((await failure(call({ alongside: () => wrong as never }))).code).toBe("usage");
    const twice = { key: KEY, value: new Uint8Array() };
    expect((await failure(call({ alongside: () => [twice, twice] }))).code).toBe("usage");
    expect(await here.storage.all()).toEqual(before);
    expect([here.alice.knownGroups(), here.alice.keyPackages(), here.a.epoch, here.a.active]).toEqual(known);
    await call({ alongside: () => [{ key: KEY, value: new Uint8Array([1]) }] });
    expect(await value(here.storage)).toEqual(new Uint8Array([1]));
  });

  it.each(["lost", "late"] satisfies Fate[])("shares the fate of a write that is %s", async (fate) => {
    const here = await world();
    const call = await row(here);
    const before = await here.storage.all();
    here.storage.fates.push(fate);
    const error = await failure(call({ alongside: () => [{ key: KEY, value: new Uint8Array([1]) }] }));
    expect(error.code).toBe("storage");
    const after = await here.storage.all();
    if (fate === "lost") expect(after).toEqual(before);
    else {
      expect(await value(here.storage)).toEqual(new Uint8Array([1]));
      expect(after.filter(([key]) => !key.startsWith("app/"))).not.toEqual(before);
    }
  });
});

it("a client without a storage refuses it before it does anything", async () => {
  const { client } = await party("carol", { suite: SUITE });
  const options = { alongside: () => [] };
  const group = await client.createGroup();
  const { epoch } = group;
  for (const call of [
    client.createGroup(options),
    client.createKeyPackage(options),
    group.update({ alongside: () => [] }),
    group.encrypt("hello", options),
    group.receiveAll([], options),
    // Nor does it read the Welcome.
    client.join(new Uint8Array([1]), options),
  ])
    expect(await failure(call)).toMatchObject({
      code: "usage",
      message: /alongside: expected a client with/,
    });
  expect(client.keyPackages()).toEqual([]);
  expect([group.epoch, group.staged]).toEqual([epoch, []]);
  expect(client).toBeInstanceOf(Client);
});

it("calls that fail ask nothing", async () => {
  const { a, storage } = await world();
  const before = await storage.all();
  const alongside = () => expect.unreachable();
  expect(await failure(a.receive(new Uint8Array([1]), { alongside }))).toEqual(code("decode"));
  expect(await storage.all()).toEqual(before);
});
