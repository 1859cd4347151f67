// RFC 9420 doesn't cover this: neither side of a port needs to trust the other. What a hostile page or worker posts
// breaks no other client, runs nothing, and leaves no call without an answer.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { MessageChannel } from "node:worker_threads";
import { type Client, type Group, generateSigner } from "@copse/core";
import { nodeProvider } from "@copse/provider-node";
import { connectClient, serveClient, WorkerError } from "@copse/worker";
import { expect, test, vi } from "vitest";
import {
  answerTo,
  clientOf,
  hostile,
  type Message,
  NEW_GROUP,
  pageOf,
  ports,
  STAGED,
  seenSome,
  started,
} from "./hostile.js";
import { connected, makeClient, type Options } from "./workers.js";

/** Whatever an honest side never posts. */
const JUNK: readonly unknown[] = [
  null,
  undefined,
  7,
  "x",
  [],
  {},
  new Map(),
  { error: null },
  { error: { name: 1 } },
];

const HOSTILE: readonly (readonly [string, Message])[] = [
  ...JUNK.map((outcome) => ["an outcome", { copse: "answer", id: 0, outcome }] as const),
  ...JUNK.slice(0, 4).map((error) => ["an error", { copse: "answer", id: 0, outcome: { error } }] as const),
  ["no number", { copse: "answer", outcome: { value: 1 } }],
  ["a name of a prototype as its kind", { copse: "constructor" }],
  ["a change without a snapshot", { copse: "answer", id: 0, outcome: { value: 1 }, change: {} }],
  [
    "a callback named constructor",
    { copse: "callbacks", requests: [{ id: 0, callback: "constructor", args: [] }] },
  ],
  ["requests that are no list", { copse: "callbacks", requests: { length: 1 } }],
];

test.each(HOSTILE)(
  "a worker's answer with %s ends its connection and each of its calls: %j",
  async (_, junk) => {
    const { client } = await clientOf(({ connection }) => ({ connection, ...junk }));
    const calls = [client.createKeyPackage(), client.createGroup()];
    for (const call of calls) await expect(call).rejects.toBeInstanceOf(WorkerError);
    expect(await client.ended).toBeInstanceOf(WorkerError);
  },
);

test.each(["createKeyPackage", "createGroup", "branch"] as const)(
  "%s that a worker answers with another type is refused, not handed out",
  async (method) => {
    const { client } = await clientOf(({ connection, id }) => ({
      copse: "answer",
      connection,
      id,
      outcome: { value: "text" },
    }));
    const call = client[method] as () => Promise<unknown>;
    await expect(call.call(client)).rejects.toThrow(/something else/);
  },
);

test.each([
  ["nothing", {}],
  ["no snapshot", { id: 0 }],
  ["an empty snapshot", { id: 0, snapshot: {} }],
  ["no number", { id: -1, snapshot: STAGED }],
  ["a text as commit", { id: 0, snapshot: { ...STAGED, commit: "text" } }],
  ["no committer", { id: 0, snapshot: { ...STAGED, committer: null } }],
  ["an object as list", { id: 0, snapshot: { ...STAGED, added: {} } }],
  ["another proposal", { id: 0, snapshot: { ...STAGED, proposals: [{ proposal: 1 }] } }],
  ["a number as authenticator", { id: 0, snapshot: { ...STAGED, epochAuthenticator: 1 } }],
])("a staged commit that has %s is refused, not handed out", async (_, junk) => {
  for (const asked of ["update", "staged"] as const) {
    const { client } = await clientOf(({ connection, id, method }) => ({
      copse: "answer",
      connection,
      id,
      outcome: { value: method === "createGroup" ? NEW_GROUP : asked === "update" ? junk : [junk] },
    }));
    const group = await client.createGroup();
    const call = asked === "update" ? group.update() : group.staged;
    await expect(call).rejects.toThrow(/something else/);
  }
});

test("a page that names a staged commit which it wasn't told of gets an error, and no more", async () => {
  const made: Client[] = [];
  const { seen, post, call } = await pageOf({}, made);
  call("createGroup");
  const { outcome } = (await answerTo(seen, 0)) as { outcome: { value: { id: string } } };
  const of = { copse: "call", group: outcome.value.id, args: [], references: [] };
  const codes = [];
  for (const [i, [staged, method]] of [
    [0, "merge"],
    [7, "commit"],
    [undefined, "membersAfter"],
    [undefined, "exportSecret"],
  ].entries() as IterableIterator<[number, [number | undefined, string]]>) {
    post({ ...of, id: 100 + i, staged, method });
    const answer = (await answerTo(seen, 100 + i)) as {
      outcome: { error: { code?: string; fields?: object } };
    };
    codes.push(JSON.stringify(answer.outcome.error));
  }
  for (const error of codes) expect(error).toMatch(/missing|usage/);
  post({ ...of, id: 200, staged: 0.5, method: "merge" });
  await seenSome(seen, ({ copse }) => copse === "failed");
});

test("an error of a worker can't bring a prototype, a class or a function with it", async () => {
  const fields = JSON.parse('{"__proto__": {"polluted": true}, "rule": "1: a rule", "then": 1}');
  const errors = ["constructor", "__proto__", "toString", "MlsError"].map((type) => ({
    type,
    name: "N",
    message: "m",
    code: "c",
    fields,
  }));
  const { client } = await clientOf(({ connection, id }) => ({
    copse: "answer",
    connection,
    id,
    outcome: { error: errors[Number(id)] },
  }));
  for (const { type } of errors) {
    const error = (await client.createKeyPackage().catch((one: unknown) => one)) as Record<string, unknown>;
    expect(error).toBeInstanceOf(Error);
    expect(error.polluted).toBeUndefined();
    expect(error.then).toBeUndefined();
    if (type === "MlsError") expect(error).toMatchObject({ code: "c", rule: "1: a rule", name: "N" });
  }
});

test("a function that the page never gave isn't run: the worker gets an error", async () => {
  const { client, own, seen } = await clientOf(() => ({}));
  const { connection } = seen[0] as Message;
  own.postMessage({ copse: "callbacks", connection, requests: [{ id: 3, callback: 99, args: [] }] });
  const answer = await seenSome(seen, ({ copse }) => copse === "callback-answers");
  expect(answer.answers).toMatchObject([{ id: 3, outcome: { error: { code: "usage" } } }]);
  void client;
});

test("one function of the page that never answers doesn't hold up the answers of others", async () => {
  let calls = 0;
  const side = hostile((message, post) => {
    const { copse, connection, references } = message;
    if (copse !== "start") return;
    post({ copse: "started", connection, client: started, stored: false });
    const [{ id: callback }] = references as [{ id: number }];
    const requests = [0, 1, 2].map((id) => ({ id, callback, args: [] }));
    post({ copse: "callbacks", connection, requests });
  });
  const externalPsk = () => (calls++ === 0 ? new Promise<undefined>(() => undefined) : undefined);
  await connectClient<Options>(side.other, { externalPsk });
  const answered = await seenSome(side.seen, ({ copse }) => copse === "callback-answers");
  expect((answered.answers as Message[]).map(({ id }) => id)).toEqual([1, 2]);
});

test("data that looks like a function or a group of the protocol stays data", async () => {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  const data = JSON.parse(
    '{"$copse": "callback", "kind": "callback", "id": 0, "path": ["data"], "__proto__": {"x": 1}}',
  );
  const given: unknown[] = [];
  serveClient<{ data: unknown }>({
    port: port1,
    make: (options) => {
      given.push(options);
      return makeClient();
    },
  });
  await connectClient<{ data: unknown }>(port2, { data });
  expect(JSON.stringify(given)).toBe(JSON.stringify([{ data }]));
});

const MALFORMED: readonly (readonly [string, Message])[] = [
  ["answers that are no list", { copse: "callback-answers", answers: 7 }],
  ["an answer without an outcome", { copse: "callback-answers", answers: [{ id: 0 }] }],
  ["a null error", { copse: "callback-answers", answers: [{ id: 0, outcome: { error: null } }] }],
  ["a null answer", { copse: "callback-answers", answers: [null] }],
  ["arguments that are no list", { copse: "call", id: 0, method: "createGroup", args: null, references: [] }],
  ["a method that is no name", { copse: "call", id: 0, method: {}, args: [], references: [] }],
  ["a reference of no kind", { copse: "call", id: 0, method: "join", args: [], references: [{ kind: "x" }] }],
  ["a release of no group", { copse: "release", group: null, times: 1 }],
  ["a release of no number of times", { copse: "release", group: "a name" }],
  ["an abort without a reason", { copse: "abort", id: 0 }],
  ["no kind that there is", { copse: "toString" }],
];

test.each(MALFORMED)("a page's message with %s ends its connection, and no other", async (_, message) => {
  const { client: neighbour } = await connected({ credential: "neighbour" });
  const group = await neighbour.createGroup();
  const page = await pageOf();
  page.post(message);
  await page.serving.closed;
  expect(await seenSome(page.seen, ({ copse }) => copse === "failed")).toMatchObject({
    error: { type: "WorkerError" },
  });
  expect((await group.encrypt("goes on")).length).toBeGreaterThan(0);
});

test("a page can't call by the name of something inherited, or by a number that is in use", async () => {
  const made: Client[] = [];
  const page = await pageOf({}, made);
  (made[0] as Client).createGroup = () => new Promise(() => undefined);
  for (const method of ["constructor", "__proto__", "withEpoch", "commitResumption"]) page.call(method);
  for (const id of [0, 1, 2, 3]) {
    expect(await answerTo(page.seen, id)).toMatchObject({ outcome: { error: { code: "usage" } } });
  }
  const call = { copse: "call", id: 9, method: "createGroup", args: [], references: [] };
  page.post(call);
  page.post(call);
  await page.serving.closed;
  await seenSome(page.seen, ({ copse }) => copse === "failed");
});

test("a reference to a place that isn't there is refused, also on a prototype", async () => {
  const page = await pageOf();
  const paths = [["constructor"], [0, "__proto__", "x"], [7], ["length", 0]];
  for (const [id, path] of paths.entries()) {
    const references = [{ kind: "callback", id: 0, path }];
    page.post({ copse: "call", id, method: "createGroup", args: [{}], references });
    expect(await answerTo(page.seen, id)).toMatchObject({ outcome: { error: { code: "usage" } } });
  }
  expect("x" in {}).toBe(false);
});

test("a page can't use, close or release the group of another page", async () => {
  const { client: victim } = await connected({ credential: "victim" });
  const group = await victim.createGroup();
  const page = await pageOf();
  page.call("createGroup");
  const { outcome } = await answerTo(page.seen, 0);
  const { id } = (outcome as { value: { id: string } }).value;
  // A name has 128 random bits: one's own says nothing of the next.
  expect(id).toMatch(/^[0-9a-f]{32}$/);
  const { id: named } = group as unknown as { id: string };
  page.post({ copse: "release", group: named, times: 1 });
  page.call("close", named);
  page.call("encrypt", named, ["x"]);
  for (const call of [1, 2]) {
    expect(await answerTo(page.seen, call)).toMatchObject({ outcome: { error: { code: "closed" } } });
  }
  expect((await group.encrypt("still mine")).length).toBeGreaterThan(0);
});

test("a page that goes away during createGroup leaves no active group behind", async () => {
  const made: Client[] = [];
  const page = await pageOf({}, made);
  const groups: Group[] = [];
  const [client] = made as [Client];
  const create = client.createGroup.bind(client);
  let go = () => undefined as unknown;
  const gone = new Promise((resolve) => {
    go = () => resolve(undefined);
  });
  client.createGroup = async (options) => {
    await gone;
    const group = await create(options);
    groups.push(group);
    return group;
  };
  page.call("createGroup");
  await new Promise((resolve) => setTimeout(resolve, 20));
  page.own.close();
  await page.serving.closed;
  go();
  await vi.waitFor(() => expect(groups[0]?.active).toBe(false), { timeout: 30_000, interval: 2 });
});

test("release closes the group, whose secrets nobody needs any more", async () => {
  const made: Client[] = [];
  const page = await pageOf({}, made);
  const [client] = made as [Client];
  const groups: Group[] = [];
  const create = client.createGroup.bind(client);
  client.createGroup = async (options) => {
    const group = await create(options);
    groups.push(group);
    return group;
  };
  page.call("createGroup");
  const { outcome } = await answerTo(page.seen, 0);
  page.post({ copse: "release", group: (outcome as { value: { id: string } }).value.id, times: 1 });
  page.call("createKeyPackage");
  await answerTo(page.seen, 1);
  expect(groups.map(({ active }) => active)).toEqual([false]);
});

test("two connections by one port are refused, and answers for another connection are ignored", async () => {
  const { client, port } = await connected();
  await expect(async () => serveClient({ port, make: () => makeClient() })).rejects.toMatchObject({
    code: "usage",
  });
  const side = await clientOf(({ connection, id }) => ({
    copse: "answer",
    connection,
    id,
    outcome: { value: 1 },
  }));
  await expect(connectClient(side.other)).rejects.toMatchObject({ code: "usage" });
  side.own.postMessage({
    copse: "failed",
    connection: "another",
    error: { name: "E", message: "for another" },
  });
  side.own.postMessage({ copse: "answer", id: 0, outcome: { value: 1 } });
  await expect(side.client.loadKeyPackages(new Uint8Array(0))).resolves.toBe(1);
  expect((await client.createKeyPackage()).length).toBeGreaterThan(0);
});

test("errors that can't be cloned or read settle the call all the same", async () => {
  const throwing = [
    Object.assign(new Error("with a function"), { cause: () => 1, code: () => 2, name: Symbol("x") }),
    null,
    Symbol("thrown"),
    Object.defineProperty({}, "toString", {
      value: () => {
        throw new Error("unreadable");
      },
    }),
    Object.defineProperty(new Error("m"), "message", { get: () => JSON.parse("{") }),
  ];
  const { client, served } = await connected();
  for (const thrown of throwing) {
    served.createKeyPackage = () => Promise.reject(thrown);
    const error = await client.createKeyPackage().catch((one: unknown) => one);
    expect(error).toBeInstanceOf(Error);
  }
});

test("a call whose hook on the page never answers is given up by its signal, and the group goes on", async () => {
  let asked = 0;
  const authentication = {
    validate: () => (asked++ === 0 ? new Promise<boolean>(() => undefined) : true),
  };
  const { client } = await connected({ authentication });
  const group = await client.createGroup();
  const bob = await makeClient({ credential: "bob" });
  const keyPackage = await bob.createKeyPackage();
  const signal = AbortSignal.timeout(30);
  await expect(group.add([keyPackage], { signal })).rejects.toMatchObject({ code: "try-again" });
  await group.add([keyPackage]);
  await group.mergePendingCommit();
  expect(group.members).toHaveLength(2);
});

test("the page drops a function once the worker needs it no longer", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const { client, page } = await connected();
  const forgotten = new Set<unknown>();
  page.on("message", (message: Message) => {
    if (message.copse === "forget") for (const id of message.callbacks as number[]) forgotten.add(id);
  });
  const group = await client.createGroup();
  const signer = await generateSigner(nodeProvider(), 1);
  for (let i = 0; i < 20; i++) {
    await group.update({ signer });
    await group.mergePendingCommit();
  }
  for (let turn = 0; turn < 100 && forgotten.size < 19; turn++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(forgotten.size).toBeGreaterThanOrEqual(19);
  expect((await group.encrypt("signed by the one that is left")).length).toBeGreaterThan(0);
});

test("a signal ends its call in the worker, and close() doesn't wait when its own is aborted", async () => {
  const { client, served } = await connected();
  let seen: AbortSignal | undefined;
  served.createGroup = (options) => {
    seen = (options as { signal?: AbortSignal }).signal;
    return new Promise((_, reject) => seen?.addEventListener("abort", () => reject(seen?.reason)));
  };
  const abort = new AbortController();
  const group = client.createGroup({ signal: abort.signal } as object);
  setTimeout(() => abort.abort(new Error("enough")), 20);
  await expect(group).rejects.toThrow("enough");
  expect(seen?.aborted).toBe(true);
  served.createGroup = () => new Promise(() => undefined);
  const stuck = client.createGroup();
  const closing = client.close({ signal: AbortSignal.timeout(20) });
  await closing;
  await expect(stuck).rejects.toBeInstanceOf(WorkerError);
});
