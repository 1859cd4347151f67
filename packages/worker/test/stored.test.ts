// RFC 9420 §16.2: a client in a worker with its storage: pages come and go, and see only what it answers.
import { MessageChannel, Worker } from "node:worker_threads";
import { type Group, insecureAcceptAll } from "@copse/core";
import { type ClientStorage, memoryStorage, openClient, type StoredClient } from "@copse/core/storage";
import { nodeProvider } from "@copse/provider-node";
import { bundle } from "@copse/test-support/bundle";
import { text } from "@copse/test-support/bytes";
import { code, failure } from "@copse/test-support/errors";
import {
  connectClient,
  connectStoredClient,
  serveClient,
  WorkerError,
  type WorkerStoredClient,
} from "@copse/worker";
import { afterEach, describe, expect, test } from "vitest";
import { answerTo, clientOf, hostile, type Message, NEW_GROUP, ports } from "./hostile.js";
import { makeClient } from "./workers.js";

const ID = new Uint8Array([7]);

const open = (storage: ClientStorage): Promise<StoredClient> => {
  const options = { suite: 1, credential: "alice", authentication: insecureAcceptAll() };
  return openClient({ storage, crypto: nodeProvider(), ...options });
};

/** Openers of one storage, each of which is told what the others write. */
function openers(): () => ClientStorage {
  const storage = memoryStorage();
  const all = new Map<object, Set<() => void>>();
  return () => {
    const own = { ...storage };
    all.set(own, new Set());
    const tell = () => {
      for (const [other, listeners] of all) if (other !== own) for (const heard of listeners) heard();
    };
    return Object.assign(own, {
      async write(...write: Parameters<ClientStorage["write"]>) {
        const isMade = await storage.write(...write);
        if (isMade) tell();
        return isMade;
      },
      changes(heard: () => void) {
        all.get(own)?.add(heard);
        return () => all.get(own)?.delete(heard);
      },
    });
  };
}

/** A page, and the client that is served to it. */
async function page(storage: ClientStorage, given?: StoredClient): Promise<WorkerStoredClient> {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  serveClient({ port: port1, make: () => given ?? open(storage) });
  return connectStoredClient(port2);
}

test("entries of the application are read and written from the page; alongside() is for code in the worker", async () => {
  const storage = memoryStorage();
  const client = await page(storage);
  const value = new Uint8Array([1]);
  expect(await client.writeEntries([{ key: "app/a", value }])).toBe(true);
  expect(await client.getEntry("app/a")).toEqual(value);
  expect(await client.listEntries("app/")).toEqual([{ key: "app/a", value }]);
  const group = await client.createGroup({ groupId: ID });
  const alongside = () => [{ key: "app/b", value }];
  // The compiler refuses it.
  const options = { alongside } as never;
  for (const call of [group.update(options), client.createKeyPackage(options)])
    expect(await failure(call)).toMatchObject({ code: "usage", message: /at once, got a promise/ });
  expect([await group.staged, await client.keyPackages()]).toEqual([[], []]);
  expect(await client.listEntries("app/")).toHaveLength(1);
  expect(await client.sign("login", value)).toHaveLength(64);
});

const heard = async (group: Group, message: Uint8Array) => {
  const received = await group.receive(message);
  return received.kind === "application" ? text(received.data) : received.kind;
};

async function withBob(client: WorkerStoredClient): Promise<Group> {
  const bob = await makeClient({ credential: "bob" });
  const group = await client.createGroup({ groupId: ID });
  const { welcome } = await group.add(await bob.createKeyPackage());
  await group.mergePendingCommit();
  return bob.join(welcome as Uint8Array);
}

describe("in a thread", () => {
  const workers: Worker[] = [];
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.terminate()));
  });

  test("a page that is loaded again finds its groups, and goes on from its last message", async () => {
    const script = await bundle(
      `import { parentPort } from "node:worker_threads";
      import { insecureAcceptAll } from "@copse/core";
      import { memoryStorage, openClient } from "@copse/core/storage";
      import { nodeProvider } from "@copse/provider-node";
      import { serveClient } from "@copse/worker";
      const storage = memoryStorage();
      parentPort.on("message", ({ port }) => serveClient({ port, make: ({ credential }) => openClient({
        storage, crypto: nodeProvider(), suite: 1, credential, authentication: insecureAcceptAll() }) }));`,
      "node",
    );
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`));
    workers.push(worker);
    const connect = () => {
      const { port1, port2 } = new MessageChannel();
      ports.push(port2);
      worker.postMessage({ port: port1 }, [port1]);
      return connectStoredClient<{ credential: string }>(port2, { credential: "alice" });
    };
    const before = await connect();
    expect(await before.knownGroups()).toEqual([]);
    expect(await before.group(ID)).toBeUndefined();
    const b = await withBob(before);
    expect(await heard(b, (await (await before.group(ID))?.encrypt("before")) as Uint8Array)).toBe("before");
    await before.close();

    const after = await connect();
    expect(after.signatureKey).toEqual(before.signatureKey);
    const [known] = await after.knownGroups();
    expect(known).toMatchObject({ groupId: ID, status: "active" });
    const group = await after.group(known ?? ID);
    expect(await after.group(ID)).toBe(group);
    expect(group).toMatchObject({ epoch: 1n, active: true, members: b.members });
    expect(await heard(b, (await group?.encrypt("after")) as Uint8Array)).toBe("after");
    expect(await after.deleteGroup(ID)).toBe(true);
    expect(await after.group(ID)).toBeUndefined();
    await after.close();
  });
});

test("a page gets the same object for the same group, with what has changed since", async () => {
  const storage = openers();
  const [mine, own] = [storage(), storage()];
  const client = await open(own);
  const [one, other] = [await page(own, client), await page(mine)];
  await withBob(other);
  await one.refresh();
  const group = await one.group(ID);
  expect(group?.members).toHaveLength(2);
  expect(await one.group(ID)).toBe(group);
  // The client in the worker does something without the page.
  const carol = await makeClient({ credential: "carol" });
  const inWorker = (await client.group(ID)) as Group;
  await inWorker.add(await carol.createKeyPackage());
  await inWorker.mergePendingCommit();
  expect(group?.members).toHaveLength(2);
  expect(await one.group(ID)).toBe(group);
  expect(group?.members).toHaveLength(3);
  await inWorker.remove(1);
  await inWorker.mergePendingCommit();
  await group?.encrypt("a call of another kind tells it too");
  expect(group?.members.map(({ leafIndex }) => leafIndex)).toEqual([0, 2]);
  expect(group?.epoch).toBe(3n);
});

test("a call that fails tells what has changed, too", async () => {
  const own = openers()();
  const client = await open(own);
  const one = await page(own, client);
  await withBob(one);
  const group = await one.group(ID);
  const inWorker = (await client.group(ID)) as Group;
  await inWorker.remove(1);
  await inWorker.mergePendingCommit();
  expect(await failure(group?.remove(1) as Promise<unknown>)).toEqual(code("validation"));
  expect(group).toMatchObject({ epoch: 2n, members: inWorker.members });
});

test("a page is told what another tab has changed, and its groups show it", async () => {
  const storage = openers();
  const [one, other] = [await page(storage()), await page(storage())];
  await withBob(one);
  const mine = await one.group(ID);
  await other.refresh();
  const theirs = await other.group(ID);
  let times = 0;
  const next = () =>
    new Promise<void>((resolve) => {
      const stop = one.watch(() => {
        times++;
        stop();
        resolve();
      });
    });
  one.watch(() => {
    throw new Error("what a listener throws is dropped");
  });
  const ended = one.watch(() => expect.unreachable("it was ended"));
  ended();
  const told = next();
  await theirs?.remove(1);
  await told;
  expect(mine).toMatchObject({ epoch: 1n, hasPendingCommit: true });
  const toldAgain = next();
  await theirs?.mergePendingCommit();
  await toldAgain;
  expect(mine).toMatchObject({ epoch: 2n, hasPendingCommit: false, members: theirs?.members });
  expect(mine?.members).toHaveLength(1);
  expect(times).toBe(2);
  expect(await one.refresh()).toBe(false);
  const toldOfTheEnd = next();
  await other.deleteGroup(ID);
  await toldOfTheEnd;
  expect(mine?.active).toBe(false);
  expect(await one.group(ID)).toBeUndefined();
  expect(await failure(mine?.encrypt("gone") as Promise<unknown>)).toEqual(code("closed"));
  expect(() => one.watch(1 as never)).toThrow(/function/);
});

test("two pages share one client: a group is closed when both have dropped it", async () => {
  const storage = openers()();
  const client = await open(storage);
  const [one, other] = [await page(storage, client), await page(storage, client)];
  await withBob(one);
  const [a, b] = [await one.group(ID), await other.group(ID)];
  await a?.encrypt("one");
  await one.close();
  await b?.encrypt("other");
  const inWorker = (await client.group(ID)) as Group;
  await other.close();
  expect(await failure(inWorker.encrypt("closed"))).toEqual(code("closed"));
});

test("a group that was sent twice is released twice", async () => {
  const side = hostile(() => undefined);
  const storage = memoryStorage();
  const client = await open(storage);
  serveClient({ port: side.other, make: () => client });
  const post = (message: Message) => side.own.postMessage({ connection: "mine", ...message });
  const call = (id: number, method: string, args: unknown[], group?: string) =>
    post({ copse: "call", id, group, method, args, references: [] });
  post({ copse: "start", options: undefined, references: [] });
  const answered = async (id: number) =>
    (await answerTo(side.seen, id)).outcome as { value: { id: string }; error?: { code: string } };
  call(0, "createGroup", [{ groupId: ID }]);
  const { id } = (await answered(0)).value;
  call(1, "group", [ID]);
  expect((await answered(1)).value.id).toBe(id);
  post({ copse: "release", group: id, times: 1 });
  call(2, "encrypt", ["still there"], id);
  expect((await answered(2)).error).toBeUndefined();
  post({ copse: "release", group: id, times: 1 });
  call(3, "encrypt", ["gone"], id);
  expect(JSON.stringify((await answered(3)).error)).toContain("closed");
  // It is still in the storage.
  call(4, "group", [ID]);
  expect((await answered(4)).value.id).not.toBe(id);
});

test("what needs a storage is refused without one", async () => {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  const { closed } = serveClient({ port: port1, make: () => makeClient() });
  expect(await failure(connectStoredClient(port2))).toEqual(code("usage"));
  await closed;
  serveClient({ port: port1, make: () => makeClient() });
  const client = (await connectClient(port2)) as WorkerStoredClient;
  expect(client.knownGroups).toBeUndefined();
});

test.each([
  ["text", "a text"],
  ["a group without a snapshot", { id: "a name" }],
  ["null", null],
])("a worker that answers group() with %s is refused", async (_, value) => {
  const answer = ({ connection, id }: Message) => ({ copse: "answer", connection, id, outcome: { value } });
  const { client } = await clientOf(answer, true);
  const call = (client as WorkerStoredClient).group(ID);
  await expect(call).rejects.toThrow(/something else/);
});

test.each([
  ["no list", undefined],
  ["a change of no group", [{ change: {} }]],
  ["a change that is none", [{ id: "a name", change: {} }]],
  ["a change of a proposal that the page doesn't have", "unknown"],
])("a worker that tells of changes with %s is given up", async (_, junk) => {
  const { proposals: __, ...snapshot } = NEW_GROUP.snapshot;
  const unknown = [
    { id: "a name", change: { snapshot, proposals: [{ at: 0, willCommit: true }], members: [] } },
  ];
  const answer = ({ connection, id }: Message) => ({
    copse: "answer",
    connection,
    id,
    outcome: { value: NEW_GROUP },
  });
  const { client, own, seen } = await clientOf(answer, true);
  const group = await (client as WorkerStoredClient).group(ID);
  const { connection } = seen[0] as Message;
  own.postMessage({ copse: "changed", connection, groups: [] });
  own.postMessage({ copse: "changed", connection, groups: junk === "unknown" ? unknown : junk });
  expect(await client.ended).toBeInstanceOf(WorkerError);
  expect(group?.epoch).toBe(0n);
});

test.each([
  ["members that are no bytes", { all: [] }],
  ["a list in the place of members", { members: {} }],
])("a worker that sends a change with %s is refused", async (_, junk) => {
  const { proposals, ...snapshot } = NEW_GROUP.snapshot;
  const change = { snapshot, proposals, members: [], ...junk };
  const answer = ({ connection, id, group }: Message) => ({
    copse: "answer",
    connection,
    id,
    outcome: { value: group === undefined ? NEW_GROUP : undefined },
    ...(group !== undefined && { change }),
  });
  const { client } = await clientOf(answer, true);
  const group = await (client as WorkerStoredClient).group(ID);
  await expect(group?.dropProposals([])).rejects.toThrow(/malformed/);
});
