// A socket is bounded in all that its client does, and doesn't, and the others go on meanwhile.
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import WebSocket from "ws";
import { ROUTES } from "../src/wire/routes.js";
import { encode } from "../src/wire/shape.js";
import { Raw, tokenOf } from "./raw.js";
import { bytes, epochKey, groupOf, handshake, message, SUITE, TestService } from "./support.js";

let service: TestService | undefined;

async function start(options: ConstructorParameters<typeof TestService>[0]): Promise<TestService> {
  service = await new TestService(options).start();
  return service;
}

afterEach(async () => {
  await service?.stop();
  service = undefined;
});

/** Calls of another client, one after the other: so what had come before them is done. */
const others = async (running: TestService, calls = 20): Promise<void> => {
  const other = await running.connect("other");
  for (let i = 0; i < calls; i++) await other.countKeyPackages(SUITE);
};

/** Waits until it is so, while another client calls. */
async function until(running: TestService, isSo: () => boolean): Promise<void> {
  const other = await running.connect("other");
  while (!isSo()) await other.countKeyPackages(SUITE);
}

describe("a socket", () => {
  it("is ended without a login, with a wrong one, with text, and with a frame that is too large", async () => {
    const running = await start({ times: { socketLogin: 100 } });
    const { url, counters } = running.server;
    const token = await tokenOf(url, "alice", await running.signer("alice"));
    await (await new Raw(url).open()).closed;
    const wrong = await new Raw(url).open("no token");
    expect(await wrong.closed).toBe(1008);
    const text = await new Raw(url).open(token);
    text.ws.send("text");
    expect(await text.closed).toBe(1008);
    const large = await new Raw(url).open(token);
    large.ws.send(bytes(5000));
    expect(await large.closed).toBe(1009);
    const twice = await new Raw(url).open(token);
    twice.send({ kind: "login", token });
    expect(await twice.closed).toBe(1008);
    const path = new WebSocket(`${url.replace("http", "ws")}/v1/../socket`);
    const refused = new Promise((resolve) =>
      path.on("unexpected-response", (_, response) => resolve(response.statusCode)),
    );
    path.on("error", () => undefined);
    expect(await refused).toBe(404);
    expect(counters.socketsEnded).toBe(4);
  });

  it("makes room for a client's newer one", async () => {
    const running = await start({ quotas: { sockets: 2 } });
    const { url } = running.server;
    const token = await tokenOf(url, "alice", await running.signer("alice"));
    const open = async () => {
      const raw = await new Raw(url).open(token);
      await raw.until((frames) => frames.length > 0);
      return raw;
    };
    // It answers no close.
    const first = await open();
    first.stop();
    const [second, third] = [await open(), await open(), await open()];
    expect(await second.closed).toBe(1006);
    third.send({ kind: "inbox", stream: 1, after: "" });
    await third.until((frames) => frames.length > 1);
    first.ws.terminate();
  });

  it("has a bounded number of subscriptions, and each its own number", async () => {
    const running = await start({ quotas: { subscriptions: 2 } });
    const { url } = running.server;
    const raw = await new Raw(url).open(await tokenOf(url, "alice", await running.signer("alice")));
    for (const stream of [1, 2, 3]) raw.send({ kind: "inbox", stream, after: "" });
    await raw.until((frames) => frames.some(({ kind }) => kind === "failed"));
    expect(raw.frames.at(-1)).toMatchObject({ stream: 3, failure: { code: "limit" } });
    raw.send({ kind: "inbox", stream: 1, after: "" });
    expect(await raw.closed).toBe(1008);
  });

  it("of a client that works on nothing gets one batch of each log, and no more than its window", async () => {
    const running = await start({ members: "unchecked", quotas: { window: 100_000 } });
    const { url } = running.server;
    const alice = await running.connect("alice");
    const key = await epochKey(1);
    const groups = ["a", "b", "c", "d"].map(groupOf);
    for (const groupId of groups) {
      await alice.submit(handshake(groupId, key));
      await Promise.all(
        Array.from({ length: 8 }, () => alice.send(message(groupId, key, { message: bytes(40_000) }))),
      );
    }
    const slow = await new Raw(url).open(await tokenOf(url, "slow", await running.signer("slow")));
    groups.forEach((groupId, i) => {
      slow.send({ kind: "subscribe", stream: i + 1, groupId, after: "" });
    });
    // The one after them is answered: so what comes before it has been done.
    slow.send({ kind: "subscribe", stream: 9, groupId: groupOf("none"), after: "" });
    await slow.until((frames) => frames.some(({ kind }) => kind === "failed"));
    await Promise.all(groups.map((groupId) => alice.send(message(groupId, key))));
    const entries = () => slow.frames.filter(({ kind }) => kind === "entries");
    expect(entries()).toHaveLength(1);
    // It goes on where it was, with the others first.
    slow.send({ kind: "next", stream: 1, turn: 1, batches: 1 });
    await slow.until(() => entries().length === 2);
    expect(entries()[1]).toMatchObject({ stream: 2 });
    const log = alice.subscribe({ groupId: groups[0]!, after: "" })[Symbol.asyncIterator]();
    expect((await log.next()).value?.entries).toHaveLength(10);
  });

  it("that has gone silent is ended", async () => {
    const running = await start({ times: { ping: 50 } });
    const { url } = running.server;
    const raw = await new Raw(url).open(await tokenOf(url, "alice", await running.signer("alice")));
    await raw.until((frames) => frames.some(({ kind }) => kind === "alive"));
    // It reads nothing more, so it answers no ping.
    raw.stop();
    while (running.server.counters.socketsEnded === 0)
      await new Promise((resolve) => setTimeout(resolve, 20));
    raw.ws.terminate();
  });
});

describe("a client that takes nothing", () => {
  const MIB = 1 << 20;

  /** Asks for more than the system's buffers take, and ends subscriptions whose batches it hasn't read. */
  async function glutton(running: TestService): Promise<Raw> {
    const [maker, groupId, key] = [await running.connect("maker"), groupOf("log"), await epochKey(1)];
    await maker.submit(handshake(groupId, key));
    for (let i = 0; i < 5; i++) await maker.send(message(groupId, key, { message: bytes(500_000) }));
    const { url } = running.server;
    const raw = await new Raw(url).open(await tokenOf(url, "slow", await running.signer("slow")));
    await raw.until((frames) => frames.length > 0);
    raw.stop();
    const other = await running.connect("other");
    for (let stream = 1; stream <= 30; stream++) {
      // The system takes what has come so far.
      await other.countKeyPackages(SUITE);
      raw.send({ kind: "subscribe", stream, groupId, after: "" });
      for (const turn of [1, 2, 3, 4]) raw.send({ kind: "next", stream, turn, batches: turn });
      raw.send({ kind: "end", stream });
    }
    return raw;
  }

  it("and asks for what it hasn't got has one window in the service's memory", async () => {
    const running = await start({ members: "unchecked", quotas: { window: MIB } });
    const { counters } = running.server;
    const raw = await glutton(running);
    await until(running, () => counters.sending >= MIB);
    await others(running);
    expect(counters.sending).toBeLessThan(2 * MIB);
    raw.ws.terminate();
    await until(running, () => counters.sending === 0);
  });

  it("is ended", async () => {
    const running = await start({ members: "unchecked", times: { taking: 200 } });
    const { counters } = running.server;
    const raw = await glutton(running);
    await until(running, () => counters.socketsEnded > 0);
    expect(counters.sending).toBe(0);
    raw.ws.terminate();
  });

  /** Connections that ask for a GroupInfo of 4 MiB, and read nothing. */
  async function ask(running: TestService, user: string, count: number) {
    const { url } = running.server;
    const { hostname, port } = new URL(url);
    const maker = await running.connect(user);
    const groupId = groupOf(user);
    await maker.submit(handshake(groupId, await epochKey(1), { groupInfo: bytes(4 * MIB) }));
    const token = await tokenOf(url, user, await running.signer(`${user} phone`));
    const body = encode(ROUTES.groupInfo.body, { groupId });
    const head = `POST ${ROUTES.groupInfo.path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/cbor\r\nContent-Length: ${body.length}\r\n\r\n`;
    return Array.from({ length: count }, () => {
      const socket = connect(Number(port), hostname).on("error", () => undefined);
      socket.pause();
      socket.write(head);
      socket.write(body);
      return socket;
    });
  }

  it("has a bounded number of answers under way, and they are ended", async () => {
    const running = await start({ quotas: { sendingOfClient: 8 * MIB }, times: { taking: 800 } });
    const { counters } = running.server;
    const sockets = await ask(running, "greedy", 8);
    await until(running, () => counters.limited > 0);
    await others(running);
    expect(counters.sending).toBeGreaterThanOrEqual(8 * MIB);
    expect(counters.sending).toBeLessThan(13 * MIB);
    await until(running, () => counters.sending === 0);
    for (const socket of sockets) socket.destroy();
  });

  it("is ended when all together hold too much, those first that have stood still for longest", async () => {
    const running = await start({ quotas: { sending: 10 * MIB } });
    const { counters } = running.server;
    const first = await ask(running, "first", 2);
    await until(running, () => counters.sending > 8 * MIB);
    const second = await ask(running, "second", 2);
    const ended = Promise.all(first.map((socket) => new Promise((resolve) => socket.once("close", resolve))));
    await until(running, () => counters.requests > 0 && counters.sending > 0);
    for (const socket of first) socket.resume();
    await ended;
    expect(counters.sending).toBeLessThan(10 * MIB);
    for (const socket of second) socket.destroy();
  });
});

it("a client that says more than its rate is read more slowly", async () => {
  const running = await start({ rates: { frame: { perSecond: 0, burst: 1000 } } });
  const { url } = running.server;
  const maker = await running.connect("maker");
  await maker.submit(handshake(groupOf("quiet"), await epochKey(1)));
  const raw = await new Raw(url).open(await tokenOf(url, "stranger", await running.signer("stranger")));
  raw.send({ kind: "subscribe", stream: 1, groupId: groupOf("quiet"), after: "" });
  for (let turn = 1; turn <= 6000; turn++) raw.send({ kind: "next", stream: 1, turn, batches: 0 });
  await raw.until((frames) => frames.some(({ kind }) => kind === "locked"));
  await others(running);
  // One chunk of its bytes is read as a whole.
  expect(raw.frames.length).toBeLessThan(3000);
  raw.ws.terminate();
});
