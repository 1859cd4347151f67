// What a client can use up is bounded, and the others go on meanwhile.
import { afterEach, describe, expect, it } from "vitest";
import WebSocket from "ws";
import { decode, encode } from "../src/wire/shape.js";
import { type AnswerFrame, answerFrame, type RequestFrame, requestFrame } from "../src/wire/structures.js";
import { tokenOf } from "./raw.js";
import { bytes, epochKey, groupOf, handshake, message, refusal, SUITE, TestService } from "./support.js";

let service: TestService | undefined;

async function start(options: ConstructorParameters<typeof TestService>[0]): Promise<TestService> {
  service = await new TestService(options).start();
  return service;
}

afterEach(async () => {
  await service?.stop();
  service = undefined;
});

const NONE = { perSecond: 0, burst: 2 };
const keyPackage = (value: number) => ({
  reference: bytes(32, value),
  keyPackage: bytes(10, value),
  suite: SUITE,
  notAfter: 4_000_000_000n,
  lastResort: false,
});

/** A socket by hand. */
class Raw {
  readonly ws: WebSocket;
  readonly frames: AnswerFrame[] = [];
  readonly closed: Promise<number>;
  readonly #opened: Promise<void>;
  #wake: () => void = () => undefined;

  constructor(url: string) {
    this.ws = new WebSocket(`${url.replace("http", "ws")}/v1/socket`);
    this.ws.on("error", () => undefined);
    this.ws.on("message", (data) => {
      this.frames.push(decode(answerFrame, new Uint8Array(data as Buffer)));
      this.#wake();
    });
    this.#opened = new Promise((resolve) => this.ws.once("open", () => resolve()));
    this.closed = new Promise((resolve) => this.ws.on("close", (code) => resolve(code)));
  }

  async open(token?: string): Promise<this> {
    await this.#opened;
    if (token !== undefined) this.send({ kind: "login", token });
    return this;
  }

  send(frame: RequestFrame): void {
    this.ws.send(encode(requestFrame, frame));
  }

  async until(isThere: (frames: readonly AnswerFrame[]) => boolean): Promise<void> {
    while (!isThere(this.frames))
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }
}

describe("a rate ends a client's calls and no other's", () => {
  it("of claims, by the claimer and by the claimed", async () => {
    const running = await start({ rates: { claim: NONE, claimed: { perSecond: 0, burst: 3 } } });
    const [alice, eve, bob] = await Promise.all(["alice", "eve", "bob"].map((name) => running.connect(name)));
    await bob!.publishKeyPackages([1, 2, 3, 4, 5].map(keyPackage));
    for (const _ of [1, 2]) expect(await eve!.claimKeyPackages("bob", SUITE)).toHaveLength(1);
    expect(await refusal(eve!.claimKeyPackages("bob", SUITE))).toBe("limit");
    expect(await alice!.claimKeyPackages("bob", SUITE)).toHaveLength(1);
    expect(await refusal(alice!.claimKeyPackages("bob", SUITE))).toBe("limit");
    expect(await bob!.countKeyPackages(SUITE)).toEqual({ single: 2, lastResort: 0 });
    expect(running.server.counters.limited).toBe(2);
  });

  it("of messages and handshakes, which are taken again when there is room", async () => {
    let time = 0;
    const running = await start({
      now: () => 1e12 + time,
      rates: { message: { perSecond: 1, burst: 1 }, handshake: { perSecond: 1, burst: 1 } },
    });
    const alice = await running.connect("alice");
    const [groupId, key] = [groupOf("rates"), await epochKey(1)];
    await alice.submit(handshake(groupId, key));
    const commit = alice.submit(handshake(groupOf("more"), key));
    await expect(commit).rejects.toMatchObject({ code: "limit", retry: true, retryAfter: 1000 });
    await alice.send(message(groupId, key));
    expect(await refusal(alice.send(message(groupId, key)))).toBe("limit");
    time += 1000;
    expect(await refusal(alice.send(message(groupId, key)))).toBe("done");
    expect(await refusal(alice.submit(handshake(groupOf("more"), key)))).toBe("done");
  });

  it("of logins and new names, by the address", async () => {
    const running = await start({ rates: { register: NONE } });
    for (const name of ["one", "two"]) await (await running.connect(name)).login();
    expect(await refusal((await running.connect("three")).login())).toBe("limit");
    expect(await refusal((await running.connect("one")).login())).toBe("done");
  });
});

describe("a quota holds", () => {
  it("for key packages, inboxes, groups and clients of a user", async () => {
    const running = await start({
      admit: () => true,
      limits: { keyPackages: 2, inbox: 1, clients: 2 },
      quotas: { groupsOfClient: 2 },
    });
    const [alice, bob] = [await running.connect("alice"), await running.connect("bob")];
    await bob.publishKeyPackages([1, 2].map(keyPackage));
    expect(await refusal(bob.publishKeyPackages([keyPackage(3)]))).toBe("limit");
    const key = await epochKey(1);
    const welcome = (value: number) => [{ reference: bytes(32, value), welcome: bytes(9) }];
    await alice.submit(handshake(groupOf("one"), key, { welcomes: welcome(1) }));
    const second = handshake(groupOf("two"), key, { welcomes: welcome(2) });
    expect(await refusal(alice.submit(second))).toBe("limit");
    await alice.submit(handshake(groupOf("two"), key));
    expect(await refusal(alice.submit(handshake(groupOf("three"), key)))).toBe("limit");
    await (await running.connect("bob", "laptop")).login();
    expect(await refusal((await running.connect("bob", "tablet")).login())).toBe("limit");
  });
});

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
    const [first, , third] = [
      await new Raw(url).open(token),
      await new Raw(url).open(token),
      await new Raw(url).open(token),
    ];
    expect(await first!.closed).toBe(1001);
    await third!.until((frames) => frames.length > 0);
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
    (raw.ws as unknown as { _socket: { pause(): void } })._socket.pause();
    while (running.server.counters.socketsEnded === 0)
      await new Promise((resolve) => setTimeout(resolve, 20));
    raw.ws.terminate();
  });
});
