// A service in memory, beyond what all services do: its own options.
import { DeliveryError, type DeliveryService, memoryDelivery } from "@copse/delivery";
import { nodeProvider } from "@copse/provider-node";
import { describe, expect, it } from "vitest";

const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const groupId = bytes("group");
let ids = 0;
const id = () => `id-${String(++ids).padStart(20, "0")}`;

async function handshake(service: DeliveryService, after: string, more: object = {}) {
  const answer = await service.submit({
    id: id(),
    groupId,
    epoch: 0n,
    after,
    message: bytes("commit"),
    groupInfo: bytes("group info"),
    welcomes: [],
    nextKey: { epoch: 1n, suite: 1, publicKey: bytes("key") },
    ...more,
  });
  return answer;
}
const accepted = async (...arguments_: Parameters<typeof handshake>) => {
  const answer = await handshake(...arguments_);
  if (answer.kind !== "accepted") throw new Error(answer.kind);
  return answer.cursor;
};
const send = (service: DeliveryService, text: string) =>
  service.send({ id: id(), groupId, epoch: 1n, message: bytes(text) });

const keyPackage = (reference: string) => ({
  reference: bytes(reference),
  keyPackage: bytes("key package"),
  suite: 1,
  notAfter: 2n ** 40n,
  lastResort: false,
});
const welcome = (reference: string) => ({ reference: bytes(reference), welcome: bytes("welcome") });

describe("a service in memory", () => {
  it("keeps as many entries as it is told, and says what has expired", async () => {
    const service = memoryDelivery({ retention: { entries: 3 } }).connect("alice", "phone");
    const first = await accepted(service, "");
    for (const text of ["a", "b", "c", "d"]) await send(service, text);
    const [batch] = await take(service.subscribe({ groupId, after: "" }), 1);
    expect(batch?.entries.map(({ message }) => Buffer.from(message).toString())).toEqual(["b", "c", "d"]);
    await expect(take(service.subscribe({ groupId, after: first }), 1)).rejects.toMatchObject({
      code: "expired",
    });
    // The newest handshake is known though its entry is gone.
    await accepted(service, first);
  });

  it("keeps entries as long as it is told", async () => {
    let time = 1_000_000;
    const service = memoryDelivery({ retention: { time: 1000 }, now: () => time }).connect("alice", "phone");
    const first = await accepted(service, "");
    time += 1001;
    await send(service, "new");
    await expect(take(service.subscribe({ groupId, after: first }), 1)).resolves.toHaveLength(1);
    const [batch] = await take(service.subscribe({ groupId, after: "" }), 1);
    expect(batch?.entries).toHaveLength(1);
    expect(batch?.entries[0]?.time).toBe(time);
    time += 1001;
    const [later] = await take(service.subscribe({ groupId, after: "" }), 1);
    expect(later).toEqual({ entries: [], behind: 0 });
  });

  it("keeps as many bytes as it is told", async () => {
    const service = memoryDelivery({ retention: { bytes: 10 } }).connect("alice", "phone");
    await accepted(service, "");
    for (const text of ["12345", "12345", "123"]) await send(service, text);
    const [batch] = await take(service.subscribe({ groupId, after: "" }), 1);
    expect(batch?.entries.map(({ message }) => message.length)).toEqual([5, 3]);
  });

  it("goes on after what a client has cleared, wherever its reader was", async () => {
    const memory = memoryDelivery();
    const [alice, bob] = [memory.connect("alice", "phone"), memory.connect("bob", "phone")];
    await bob.publishKeyPackages(["a", "b", "c"].map(keyPackage));
    const welcomes = ["a", "b", "c"].map(welcome);
    await accepted(alice, "", { welcomes });
    const [all] = await take(bob.inbox(""), 1);
    const [first, second, third] = all?.entries ?? [];
    await bob.clearInbox(second?.cursor as string);
    const [rest] = await take(bob.inbox(first?.cursor as string), 1);
    expect(rest).toMatchObject({ entries: [{ cursor: third?.cursor }], behind: 0 });
  });

  it("takes no key package that another client has published", async () => {
    const memory = memoryDelivery();
    await memory.connect("alice", "phone").publishKeyPackages([keyPackage("a")]);
    const again = memory.connect("mallory", "phone").publishKeyPackages([keyPackage("a")]);
    await expect(again).rejects.toMatchObject({ code: "invalid" });
  });

  it("stops and goes on: what waited is unavailable, and what it had is there", async () => {
    const memory = memoryDelivery();
    const service = memory.connect("alice", "phone");
    const first = await accepted(service, "");
    const reader = service.subscribe({ groupId, after: first })[Symbol.asyncIterator]();
    expect((await reader.next()).value).toEqual({ entries: [], behind: 0 });
    const waiting = reader.next();
    // Other calls are done meanwhile: the reader waits in the service.
    await send(memory.connect("bob", "phone"), "before").then(() => waiting);
    const later = reader.next();
    await service.groupInfo(groupId);
    memory.pause();
    await expect(later).rejects.toMatchObject({ code: "unavailable", retry: "later" });
    await expect(send(service, "lost")).rejects.toThrow(DeliveryError);
    memory.restart();
    expect(await reader.next()).toEqual({ done: true, value: undefined });
    await send(service, "kept");
    const [batch] = await take(service.subscribe({ groupId, after: first }), 1);
    expect(batch?.entries).toHaveLength(2);
  });

  it("needs a provider to check members, and a name for each client", () => {
    expect(() => memoryDelivery({ members: "checked" })).toThrow("crypto");
    const crypto = nodeProvider();
    expect(() => memoryDelivery({ members: "checked", crypto, ordering: "none" })).toThrow("ordered");
    expect(() => memoryDelivery().connect("", "phone")).toThrow("user");
    expect(() => memoryDelivery().connect("alice", "")).toThrow("clientKey");
  });

  it("lets nobody in whose key it can't check", async () => {
    const crypto = nodeProvider();
    const service = memoryDelivery({ members: "checked", crypto }).connect("alice", "phone");
    await expect(handshake(service, "")).rejects.toMatchObject({ code: "invalid" });
    const { publicKey, privateKey } = await crypto.suite(1).hpke.generateKeyPair();
    const nextKey = { epoch: 1n, suite: 1, publicKey };
    await accepted(service, "", { nextKey });
    await expect(send(service, "without a key")).rejects.toMatchObject({ code: "forbidden" });
    const info = bytes("copse delivery grant");
    const open = (kemOutput: Uint8Array, ciphertext: Uint8Array) =>
      crypto.suite(1).hpke.open(privateKey, kemOutput, info, new Uint8Array(), ciphertext);
    const message = { id: id(), groupId, epoch: 1n, message: bytes("hi") };
    await expect(service.send({ ...message, key: () => ({ ...nextKey, open }) })).resolves.not.toBe("");
  });
});

describe("the limits of a service in memory", () => {
  const nextKey = { epoch: 1n, suite: 1, publicKey: bytes("key") };

  it("drop what doesn't fit into an inbox, until it is cleared", async () => {
    const memory = memoryDelivery({ limits: { inbox: 2 } });
    const [alice, bob] = [memory.connect("alice", "phone"), memory.connect("bob", "phone")];
    await bob.publishKeyPackages(["a", "b", "c", "d"].map(keyPackage));
    const first = await accepted(alice, "", { welcomes: [welcome("a")] });
    const second = await accepted(alice, first, { welcomes: [welcome("b"), welcome("c")] });
    const [batch] = await take(bob.inbox(""), 1);
    expect(batch?.entries.map(({ reference }) => Buffer.from(reference).toString())).toEqual(["a", "b"]);
    await bob.clearInbox(batch?.entries[0]?.cursor as string);
    await accepted(alice, second, { welcomes: [welcome("d")] });
    const [later] = await take(bob.inbox(""), 1);
    expect(later?.entries.map(({ reference }) => Buffer.from(reference).toString())).toEqual(["b", "d"]);
  });

  it("are for users, clients, groups and the Welcomes of a handshake", async () => {
    const memory = memoryDelivery({ limits: { users: 2, clients: 2, groups: 1, welcomes: 1 } });
    const alice = memory.connect("alice", "phone");
    memory.connect("alice", "laptop");
    memory.connect("bob", "phone");
    expect(() => memory.connect("alice", "tablet")).toThrow("clients of the user: expected at most 2, got 3");
    expect(() => memory.connect("carol", "phone")).toThrow("users: expected at most 2, got 3");
    const last = await accepted(alice, "");
    await expect(handshake(alice, "", { groupId: bytes("other") })).rejects.toMatchObject({ code: "limit" });
    const welcomes = [welcome("a"), welcome("b")];
    await expect(handshake(alice, last, { welcomes })).rejects.toMatchObject({ code: "limit" });
  });

  it("make a batch smaller, and never empty", async () => {
    const alice = memoryDelivery({ batchBytes: 10 }).connect("alice", "phone");
    const last = await accepted(alice, "", { nextKey });
    for (const text of ["12345678", "1234", "1234", "12345678901234"]) await send(alice, text);
    const batches = await take(alice.subscribe({ groupId, after: last }), 3);
    expect(batches.map(({ entries, behind }) => [entries.length, behind])).toEqual([
      [1, 3],
      [2, 1],
      [1, 0],
    ]);
  });
});

describe("a service in memory that checks members", () => {
  const crypto = nodeProvider();
  const { hpke } = crypto.suite(1);
  const info = bytes("copse delivery grant");
  const keyOf = async () => {
    const { publicKey, privateKey } = await hpke.generateKeyPair();
    const registered = { epoch: 1n, suite: 1, publicKey };
    const open = (...sealed: [Uint8Array, Uint8Array]) =>
      hpke.open(privateKey, sealed[0], info, new Uint8Array(), sealed[1]);
    return { registered, source: () => ({ ...registered, open }) };
  };
  type Key = Awaited<ReturnType<typeof keyOf>>;
  const hello = (service: DeliveryService, { source }: Key) =>
    service.send({ id: id(), groupId, epoch: 1n, message: bytes("hello"), key: source });

  /** Two members, whose first key both have proven; the second one is registered by alice, and nobody has proven it. */
  async function two(options: object = {}) {
    let time = 1_000_000;
    const memory = memoryDelivery({ members: "checked", crypto, grace: 30, now: () => time, ...options });
    const [alice, bob] = [memory.connect("alice", "phone"), memory.connect("bob", "phone")];
    const [older, newer] = [await keyOf(), await keyOf()];
    const first = await accepted(alice, "", { nextKey: older.registered });
    await hello(alice, older);
    await hello(bob, older);
    const second = await accepted(alice, first, { nextKey: newer.registered, key: older.source });
    const pass = (milliseconds: number) => {
      time += milliseconds;
    };
    return { memory, alice, bob, older, newer, first, second, pass };
  }

  it("lets an older key go on, however long nobody else has taken a later handshake", async () => {
    const { alice, bob, older, newer, pass } = await two();
    // Whoever has submitted it proves nothing for others.
    await hello(alice, newer);
    pass(1000);
    await hello(bob, older);
    await hello(alice, newer);
  });

  it("refuses an older key when the grace time after the confirmation is over", async () => {
    const { alice, bob, older, newer, first, second, pass } = await two();
    const reader = alice.subscribe({ groupId, after: first, key: older.source })[Symbol.asyncIterator]();
    expect((await reader.next()).value?.entries).toHaveLength(3);
    await hello(bob, newer);
    pass(30);
    await hello(alice, older);
    pass(1);
    await expect(reader.next()).rejects.toMatchObject({ code: "forbidden" });
    await expect(hello(alice, older)).rejects.toMatchObject({ code: "forbidden" });
    const next = { nextKey: (await keyOf()).registered, key: older.source };
    await expect(handshake(alice, second, next)).rejects.toMatchObject({ code: "forbidden" });
    await accepted(alice, second, { ...next, key: newer.source });
    // What came first is nothing that it reads, but what came before that is.
    const again = { nextKey: (await keyOf()).registered, key: older.source };
    await expect(handshake(alice, second, again)).rejects.toMatchObject({ code: "forbidden" });
    await expect(handshake(alice, first, again)).resolves.toMatchObject({ kind: "stale" });
  });

  it("says first how much there is, when the grace time is over, too", async () => {
    const { alice, bob, older, newer, second, pass } = await two();
    await hello(bob, newer);
    pass(31);
    await hello(bob, newer);
    const log = alice.subscribe({ groupId, after: second, key: older.source })[Symbol.asyncIterator]();
    expect((await log.next()).value).toEqual({ entries: [], behind: 2 });
    await expect(log.next()).rejects.toMatchObject({ code: "forbidden" });
    // Who is no member is told nothing.
    const stranger = (await two()).memory.connect("mallory", "phone");
    const strange = stranger.subscribe({ groupId, after: "", key: undefined })[Symbol.asyncIterator]();
    await expect(strange.next()).rejects.toMatchObject({ code: "forbidden" });
  });

  it("keeps the keys that are good, and who has proven them, when their handshakes are gone", async () => {
    const { alice, bob, older, newer, second, pass } = await two({ retention: { entries: 3 } });
    for (let i = 0; i < 5; i++) await hello(alice, newer);
    await hello(bob, older);
    const third = await keyOf();
    await accepted(alice, second, { nextKey: third.registered, key: newer.source });
    for (let i = 0; i < 5; i++) await hello(alice, third);
    await hello(bob, older);
    // That confirms it.
    await hello(bob, third);
    pass(31);
    await hello(alice, third);
    await expect(hello(bob, older)).rejects.toMatchObject({ code: "forbidden" });
  });

  it("takes no key that another handshake has registered", async () => {
    const { alice, older, newer, second } = await two();
    const again = { nextKey: older.registered, key: newer.source };
    await expect(handshake(alice, second, again)).rejects.toMatchObject({ code: "invalid" });
  });
});

async function take<T>(iterable: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  for await (const one of iterable) if (taken.push(one) === count) break;
  return taken;
}
