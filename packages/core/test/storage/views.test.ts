// RFC 9420 §9.2, §12.1.3: what an operation goes by is what its caller was told of the group, not what was read meanwhile.
import type { Group } from "@copse/core";
import { memoryStorage, type StoredClient } from "@copse/core/storage";
import { type Party, party } from "@copse/test-support/clients";
import { code, failure } from "@copse/test-support/errors";
import { describe, expect, it } from "vitest";
import { bound, ID, opened, SUITE, team } from "./stores.js";

interface World {
  readonly left: Group;
  readonly right: Group;
  readonly client: StoredClient;
  readonly b: Group;
  readonly change: () => void;
}

/** The right opener has seen Bob, and Carol at leaf 2. The left one has put Dave there since. */
async function world(): Promise<World> {
  let change = () => {};
  const storage = {
    ...bound(memoryStorage()),
    changes: (listener: () => void) => {
      change = listener;
      return () => {};
    },
  };
  const [bob, carol, dave] = (await Promise.all(
    ["bob", "carol", "dave"].map((name) => party(name, { suite: SUITE })),
  )) as [Party, Party, Party];
  const left = await (await opened(storage)).createGroup({ groupId: ID });
  const { welcome } = await left.add([
    await bob.client.createKeyPackage(),
    await carol.client.createKeyPackage(),
  ]);
  await left.mergePendingCommit();
  const b = await bob.client.join(welcome as Uint8Array);
  const client = await opened(storage);
  const right = (await client.group(ID)) as Group;
  for (const make of [() => left.remove(2), async () => left.add(await dave.client.createKeyPackage())]) {
    const { commit } = await make();
    await left.mergePendingCommit();
    await b.receive(commit);
  }
  return { left, right, client, b, change: () => change() };
}

type Quiet = (here: World) => Promise<unknown>;

/** What goes by nothing, and says nothing of what it read. */
const QUIET: Readonly<Record<string, Quiet>> = {
  receive: async ({ right, b }) => right.receive(await b.encrypt("hello")),
  receiveAll: async ({ right, b }) => right.receiveAll([await b.encrypt("hello"), await b.encrypt("again")]),
  stage: async ({ right, b }) => (await right.stage((await b.update()).commit)).discard(),
  "a refused receive": ({ right }) => failure(right.receive(new Uint8Array(40))),
  "group()": async ({ right, client, b }) => {
    await right.receive(await b.encrypt("hello"));
    expect(await client.group(ID)).toBe(right);
  },
};

const GOES_BY: Readonly<Record<string, (group: Group) => Promise<unknown>>> = {
  remove: (group) => group.remove(2),
  encrypt: (group) => group.encrypt("for Bob and Carol"),
  encryptAll: (group) => group.encryptAll(["for Bob and Carol"]),
  exportSecret: (group) => group.exportSecret("for Bob and Carol", new Uint8Array(), 16),
};

describe.each(Object.entries(QUIET))("%s tells nothing of what another opener changed", (_, quiet) => {
  it.each(Object.entries(GOES_BY))("so %s after it is refused, once", async (_, call) => {
    const here = await world();
    await quiet(here);
    const { epoch } = here.right;
    // Made at once, none of them knows of the others' error.
    for (const one of [call(here.right), call(here.right)])
      expect(await failure(one)).toEqual(code("stale-state"));
    expect(here.right.epoch).toBe(epoch);
    await call(here.right);
  });
});

it("an exporter that waits behind a refused call is refused too", async () => {
  const { right } = await world();
  const calls = [right.encrypt("x"), right.exportSecret("x", new Uint8Array(), 16)];
  for (const one of calls) expect(await failure(one)).toEqual(code("stale-state"));
});

it("refresh() tells, also of what was read before", async () => {
  const here = await world();
  await here.right.receive(await here.b.encrypt("hello"));
  expect(await here.client.refresh()).toBe(true);
  expect(await here.client.refresh()).toBe(false);
  await here.right.encrypt("for Bob and Dave");
  await here.right.remove(2);
});

it("a refresh() that is given up tells nothing", async () => {
  const { right, client, b } = await world();
  await right.receive(await b.encrypt("hello"));
  const controller = new AbortController();
  const call = client.refresh({ signal: controller.signal });
  controller.abort();
  expect(await failure(call)).toEqual(code("try-again"));
  expect(await failure(right.remove(2))).toEqual(code("stale-state"));
});

it("who gives a call up hasn't heard that it would be refused", async () => {
  const { right, b } = await world();
  await right.receive(await b.encrypt("hello"));
  const controller = new AbortController();
  const call = right.remove(2, { signal: controller.signal });
  controller.abort();
  expect(await failure(call)).toEqual(code("try-again"));
  expect(await failure(right.remove(2))).toEqual(code("stale-state"));
});

it("watch() tells its listener", async () => {
  const { right, client, change, b } = await world();
  await right.receive(await b.encrypt("hello"));
  const told = new Promise<Promise<unknown>>((resolve) => {
    client.watch(() => resolve(right.remove(2)));
  });
  change();
  await await told;
});

it("the exporter of a merged commit goes on when the group is read again", async () => {
  const { left, right } = await world();
  expect(await failure(right.encrypt("x"))).toEqual(code("stale-state"));
  const staged = await right.update();
  await staged.merge();
  const [authenticator, secret] = [staged.epochAuthenticator, await staged.exportSecret("x", ID, 16)];
  // It takes over the commit, and sends: so the right one reads the group again.
  await left.encrypt("x");
  await right.encrypt("x");
  expect(staged.epochAuthenticator).toEqual(authenticator);
  expect(await staged.exportSecret("x", ID, 16)).toEqual(secret);
});

it("what is refused while the storage can't be read is to be tried again, and why is told", async () => {
  const { storage, a, b } = await team();
  const message = await b.encrypt("hello");
  await a.receive(message);
  storage.isDown = true;
  const error = await failure(a.receive(message));
  expect(error).toEqual(code("try-again"));
  expect(error.cause).toEqual(code("duplicate"));
});
