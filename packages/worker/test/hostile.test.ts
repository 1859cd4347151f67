// RFC 9420 doesn't cover this: what a worker says of a group is checked before it is shown, and a worker that says
// nothing holds up nobody.
import { MessageChannel } from "node:worker_threads";
import type { Client } from "@copse/core";
import { connectClient, serveClient, WorkerError } from "@copse/worker";
import { expect, test, vi } from "vitest";
import { clientOf, hostile, type Message, NEW_GROUP, ports, seenSome, started } from "./hostile.js";
import { connected, makeClient } from "./workers.js";

const member = { leafIndex: 0, credential: started.credential, signatureKey: new Uint8Array(32) };
const PROPOSAL = {
  proposal: { proposalType: 3, removed: 1 },
  sender: { senderType: 1, leafIndex: 0 },
  proposer: { kind: "member", member },
  reference: new Uint8Array(32),
  willCommit: true,
};
const { proposer: _, ...NOBODYS } = PROPOSAL;
const { willCommit: __, ...UNDECIDED } = PROPOSAL;

/** A client of a worker that answers each call with a group, and `createKeyPackage` with a change of none. */
const creating = (group: unknown) =>
  clientOf(({ connection, id }) => ({ copse: "answer", connection, id, outcome: { value: group } }));

test("a group is taken as an honest worker describes it", async () => {
  const proposals = [
    PROPOSAL,
    { ...PROPOSAL, proposer: { kind: "new-member" } },
    { ...PROPOSAL, proposer: { kind: "external", senderIndex: 0, ...started } },
  ];
  const resumes = { by: "branch", groupId: new Uint8Array(1), epoch: 2n ** 64n - 1n };
  const snapshot = { ...NEW_GROUP.snapshot, proposals, resumes };
  const { client } = await creating({ ...NEW_GROUP, snapshot, members: new Uint8Array(1) });
  const group = await client.createGroup();
  expect([group.proposals, group.resumes, group.members]).toEqual([proposals, resumes, []]);
});

test.each([
  ["a number as group that it resumes", { resumes: 7 }],
  ["a group that it resumes in no way", { resumes: { groupId: new Uint8Array(1), epoch: 1n, by: "x" } }],
  ["a negative epoch", { epoch: -5n }],
  ["an epoch above 2^64", { epoch: 2n ** 64n }],
  ["a proposal of nobody", { proposals: [NOBODYS] }],
  ["a proposal that may be committed or not", { proposals: [UNDECIDED] }],
  ["a proposer of no kind", { proposals: [{ ...PROPOSAL, proposer: { kind: "friend" } }] }],
  ["a proposer without a member", { proposals: [{ ...PROPOSAL, proposer: { kind: "member" } }] }],
  ["a proposal of no type", { proposals: [{ ...PROPOSAL, proposal: {} }] }],
  [
    "a basic credential without an identity",
    {
      proposals: [
        {
          ...PROPOSAL,
          proposer: { kind: "member", member: { ...member, credential: { credentialType: 1 } } },
        },
      ],
    },
  ],
])("a group that has %s is refused, not handed out", async (_name, junk) => {
  const { client } = await creating({ ...NEW_GROUP, snapshot: { ...NEW_GROUP.snapshot, ...junk } });
  await expect(client.createGroup()).rejects.toBeInstanceOf(WorkerError);
  expect(await client.ended).toBeInstanceOf(WorkerError);
});

test("members that can't be decoded end the connection, and no getter throws another error", async () => {
  const { client } = await creating({ ...NEW_GROUP, members: Uint8Array.of(255, 255, 255) });
  const group = await client.createGroup();
  expect(() => group.members).toThrow(WorkerError);
  expect(() => group.member(0)).toThrow(WorkerError);
  expect(await client.ended).toBeInstanceOf(WorkerError);
});

test("a change of a proposal that the page doesn't have ends the connection", async () => {
  const { proposals, ...snapshot } = NEW_GROUP.snapshot;
  const change = { snapshot, proposals: [{ at: proposals.length, willCommit: true }], members: [] };
  const { client } = await clientOf(({ connection, id, group }) => ({
    copse: "answer",
    connection,
    id,
    ...(group === undefined
      ? { outcome: { value: NEW_GROUP } }
      : { outcome: { value: new Uint8Array(1) }, change }),
  }));
  const group = await client.createGroup();
  await expect(group.encrypt("x")).rejects.toBeInstanceOf(WorkerError);
  expect(await client.ended).toBeInstanceOf(WorkerError);
});

test("a call whose signal is aborted settles, though the worker doesn't answer; a late group is released", async () => {
  const calls: Message[] = [];
  const side = hostile((message, post) => {
    const { copse, connection } = message;
    if (copse === "start") post({ copse: "started", connection, client: started, stored: false });
    if (copse === "call") calls.push(message);
  });
  const client = await connectClient(side.other);
  const reason = new Error("enough");
  const abort = new AbortController();
  const given = [
    client.createGroup({ signal: abort.signal }),
    client.joinByExternalCommit(new Uint8Array(1), { signal: abort.signal }),
  ].map((call) => call.catch((error: unknown) => error));
  abort.abort(reason);
  for (const error of await Promise.all(given))
    expect(error).toMatchObject({ code: "try-again", cause: { message: "enough" } });
  for (const [i, value] of [NEW_GROUP, { group: { ...NEW_GROUP, id: "another" } }].entries()) {
    const { connection, id } = calls[i] as Message;
    side.own.postMessage({ copse: "answer", connection, id, outcome: { value } });
  }
  await seenSome(side.seen, ({ copse, group }) => copse === "release" && group === "a name");
  await seenSome(side.seen, ({ copse, group }) => copse === "release" && group === "another");
  // The connection goes on.
  const again = client.createKeyPackage();
  const { connection, id } = await seenSome(side.seen, ({ method }) => method === "createKeyPackage");
  side.own.postMessage({ copse: "answer", connection, id, outcome: { value: new Uint8Array(3) } });
  expect(await again).toHaveLength(3);
});

test("a page that closes while its client is made gets no more than that", async () => {
  const side = hostile(() => undefined);
  let make = (_client: Client) => undefined as unknown;
  const making = new Promise<void>((resolve) => {
    const serving = serveClient({
      port: side.other,
      make: () => {
        resolve();
        return new Promise<Client>((made) => {
          make = made;
        });
      },
    });
    void serving.closed;
  });
  const post = (message: Message) => side.own.postMessage({ connection: "mine", ...message });
  post({ copse: "start", options: undefined, references: [] });
  await making;
  post({ copse: "close", now: false });
  await seenSome(side.seen, ({ copse }) => copse === "closed");
  make(await makeClient());
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(side.seen.map(({ copse }) => copse)).toEqual(["ready", "closed"]);
});

test("a page that closes before its client is made gets none, and the worker's lock is released", async () => {
  const events: string[] = [];
  let held = () => undefined as unknown;
  const locks = {
    async request(_name: string, hold: () => Promise<void>) {
      await new Promise<void>((resolve) => {
        held = () => resolve();
      });
      await hold();
      events.push("released");
    },
  };
  // Node 20 has no navigator.
  const before = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  Object.defineProperty(globalThis, "navigator", { value: { locks }, configurable: true });
  try {
    const side = hostile(() => undefined);
    const serving = serveClient({
      port: side.other,
      make: () => {
        events.push("made");
        return makeClient();
      },
    });
    const post = (message: Message) => side.own.postMessage({ connection: "mine", ...message });
    post({ copse: "start", options: undefined, references: [] });
    post({ copse: "close", now: true });
    await serving.closed;
    held();
    await vi.waitFor(() => expect(events).toEqual(["released"]), { timeout: 30_000, interval: 2 });
    expect(side.seen.map(({ copse }) => copse)).toEqual(["ready", "closed"]);
  } finally {
    if (before === undefined) Reflect.deleteProperty(globalThis, "navigator");
    else Object.defineProperty(globalThis, "navigator", before);
  }
});

test("a page knows the client's identity after a group has switched to another one", async () => {
  const { client, served } = await connected();
  const before = client.signatureKey;
  expect(client.credential).toEqual(served.credential);
  const group = await client.createGroup();
  await group.update({
    credential: { credentialType: 1, identity: new TextEncoder().encode("alice, renamed") },
  });
  await group.mergePendingCommit();
  expect(client.credential).toEqual(served.credential);
  expect(new TextDecoder().decode((client.credential as { identity: Uint8Array }).identity)).toBe(
    "alice, renamed",
  );
  expect(client.signatureKey).toEqual(before);
});

test("options that aren't there are refused by name", async () => {
  const { port1 } = new MessageChannel();
  const wrong = { port: port1, make: () => makeClient(), maker: 1 };
  expect(() => serveClient(wrong)).toThrow(/no option "maker"/);
  expect(() => serveClient({ port: port1, make: "client" as never })).toThrow(/make: expected function/);
  port1.close();
});

test("what is no port is refused with usage", async () => {
  for (const port of [undefined, null, 7, {}]) {
    await expect(connectClient(port as never)).rejects.toMatchObject({ code: "usage" });
    expect(() => serveClient({ port: port as never, make: () => makeClient() })).toThrow(
      expect.objectContaining({ code: "usage" }),
    );
  }
});

test("a proposal goes to the page once, however many come after it", async () => {
  const type = 0xf0a0;
  const capabilities = { extensions: [type] };
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  const alice = await makeClient({ capabilities });
  serveClient({ port: port1, make: () => alice });
  const client = await connectClient(port2);
  const mallory = await makeClient({ capabilities, credential: "mallory" });
  const group = await client.createGroup();
  const { welcome } = await group.add(await mallory.createKeyPackage());
  await group.mergePendingCommit();
  const hers = await mallory.join(welcome as Uint8Array);
  let bytes = 0;
  port2.on("message", ({ change }: { change?: { proposals: readonly object[] } }) => {
    for (const one of change?.proposals ?? []) if ("proposal" in one) bytes += sizeOf(one);
  });
  const [count, size] = [24, 10_000];
  const sent = [];
  for (let i = 0; i < count; i++) {
    const extensions = [{ extensionType: type, extensionData: new Uint8Array(size).fill(i) }];
    sent.push(await hers.propose({ extensions }));
    await group.receive(sent[i] as Uint8Array);
  }
  expect(group.proposals).toHaveLength(count);
  expect(bytes).toBeLessThan(1.2 * count * size);
  // What the page shows is what the worker has.
  const first = group.proposals[0];
  await group.dropProposals(first?.reference as Uint8Array);
  expect(group.proposals[0]).toEqual({ ...first, willCommit: false });
  expect(group.proposals[1]).toMatchObject({ willCommit: true });
  const extensionData = new Uint8Array(size).fill(count - 1);
  expect(group.proposals.at(-1)?.proposal).toMatchObject({ extensions: [{ extensionData }] });
  expect(bytes).toBeLessThan(1.2 * count * size);
  await group.commit();
  await group.mergePendingCommit();
  expect(group.proposals).toEqual([]);
});

/** The bytes in a value. */
function sizeOf(value: unknown): number {
  if (ArrayBuffer.isView(value)) return value.byteLength;
  if (typeof value !== "object" || value === null) return 0;
  return Object.values(value).reduce((sum: number, part) => sum + sizeOf(part), 0);
}
