// The bad network of `npm run test:chaos`: that it does what it says, and nothing when it is calm.
import { once } from "node:events";
import { createServer as createHttpServer, type Server } from "node:http";
import { type AddressInfo, connect, createServer } from "node:net";
import { memoryDelivery } from "@copse/delivery";
import type { DeliveryService, OutgoingMessage } from "@copse/delivery/service";
import { expect, it, onTestFinished } from "vitest";
import { HttpProxy } from "../src/network/http.js";
import { natsFrames } from "../src/network/nats.js";
import { Pipe } from "../src/network/pipe.js";
import { rough } from "../src/network/rough.js";
import { type Climate, Weather } from "../src/network/weather.js";
import { Remote, Served } from "../src/services/remote.js";

const NONE: Climate = { delayed: 0, delay: 0, duplicated: 0, lost: 0, unanswered: 0, cut: 0 };
const weather = (climate: Partial<Climate>) => new Weather(1, 1, { ...NONE, ...climate });
const bytes = (text: string) => new TextEncoder().encode(text);

async function listening(server: Server | ReturnType<typeof createServer>): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** A group at a service in memory, and its members' connections through the weather and between processes. */
async function group(climate: Partial<Climate>): Promise<{ good: DeliveryService; bad: DeliveryService }> {
  const memory = memoryDelivery();
  const good = memory.connect("alice", "phone");
  const served = new Served(
    (name) => memory.connect(name, name),
    (answer) => setImmediate(() => remote.take(structuredClone(answer))),
  );
  const remote = new Remote((request) => void served.take(structuredClone(request)));
  const groupId = bytes("g");
  await good.submit({
    id: "handshake-0000000",
    groupId,
    epoch: 0n,
    after: "",
    message: bytes("commit"),
    groupInfo: bytes("info"),
    welcomes: [],
    nextKey: { epoch: 1n, suite: 1, publicKey: new Uint8Array(32) },
  });
  return { good, bad: rough(remote.service("bob"), weather(climate)) };
}

const message = (n: number): OutgoingMessage => ({
  id: `message-${n}`.padEnd(20, "0"),
  groupId: bytes("g"),
  epoch: 1n,
  message: bytes(`message ${n}`),
});

/** The log of the group, as far as it goes now. */
async function logOf(service: DeliveryService): Promise<string[]> {
  const found: string[] = [];
  for await (const { entries, behind } of service.subscribe({ groupId: bytes("g"), after: "" })) {
    found.push(...entries.map(({ message }) => new TextDecoder().decode(message)));
    if (behind === 0) break;
  }
  return found;
}

it("passes everything on when it is calm, between processes, too", async () => {
  const { good, bad } = await group({});
  for (let n = 0; n < 5; n++) await bad.send(message(n));
  expect(await logOf(bad)).toEqual(["commit", ...[0, 1, 2, 3, 4].map((n) => `message ${n}`)]);
  expect(await logOf(good)).toEqual(await logOf(bad));
});

it("loses requests and answers, and an error comes through as it is", async () => {
  const lost = await group({ lost: 1 });
  await expect(lost.bad.send(message(0))).rejects.toMatchObject({ code: "unavailable", retry: "later" });
  expect(await logOf(lost.good)).toEqual(["commit"]);
  const unanswered = await group({ unanswered: 1 });
  await expect(unanswered.bad.send(message(0))).rejects.toMatchObject({ code: "unavailable" });
  expect(await logOf(unanswered.good)).toEqual(["commit", "message 0"]);
  const { bad } = await group({});
  await expect(bad.send({ ...message(0), groupId: bytes("other") })).rejects.toMatchObject({
    code: "not-found",
  });
});

it("makes requests twice, and a service takes them once; delivers entries again, and ends subscriptions", async () => {
  const { good, bad } = await group({ duplicated: 1 });
  for (let n = 0; n < 3; n++) await bad.send(message(n));
  expect(await logOf(good)).toEqual(["commit", "message 0", "message 1", "message 2"]);
  const batches = bad.subscribe({ groupId: bytes("g"), after: "" })[Symbol.asyncIterator]();
  const first = await batches.next();
  await good.send(message(3));
  const [again, next] = [await batches.next(), await batches.next()];
  expect(again.value.entries).toEqual(first.value.entries);
  expect(next.value.entries).toHaveLength(1);
  await batches.return?.();
  const { bad: cut } = await group({ cut: 1 });
  await expect(logOf(cut)).rejects.toMatchObject({ code: "unavailable" });
});

it("a call and a subscription between processes can be given up", async () => {
  const { bad } = await group({});
  const stop = new AbortController();
  const batches = bad
    .subscribe({ groupId: bytes("g"), after: "", signal: stop.signal })
    [Symbol.asyncIterator]();
  await batches.next();
  const next = batches.next();
  stop.abort(new Error("enough"));
  await expect(next).rejects.toThrow("enough");
  await expect(bad.groupInfo(bytes("g"), { signal: stop.signal })).rejects.toThrow("enough");
});

it("a proxy passes bytes on in their order, cuts connections, and goes on", async () => {
  const server = createServer((socket) => socket.on("error", () => undefined).pipe(socket));
  const pipe = await Pipe.open({
    target: await listening(server),
    weather: weather({ delayed: 2, delay: 3 }),
  });
  onTestFinished(() => pipe.close());
  for (let round = 0; round < 2; round++) {
    const client = connect(pipe.port, "127.0.0.1");
    client.setEncoding("utf8");
    let got = "";
    client.on("data", (data) => {
      got += data;
    });
    for (let n = 0; n < 20; n++) client.write(`${n} `);
    const all = Array.from({ length: 20 }, (_, n) => `${n} `).join("");
    while (got !== all) await once(client, "data");
    pipe.cut();
    await once(client, "close");
  }
});

it("an HTTP proxy makes requests twice, and loses some", async () => {
  let count = 0;
  const server = createHttpServer((_, response) => response.end(`${++count}`));
  const target = await listening(server);
  const ask = async (climate: Partial<Climate>) => {
    const proxy = await HttpProxy.open(target, weather(climate));
    try {
      const answer = await fetch(`http://127.0.0.1:${proxy.port}/`, { method: "POST", body: "wish" });
      return await answer.text();
    } catch {
      return "nothing";
    } finally {
      await proxy.close();
    }
  };
  expect(await ask({})).toBe("1");
  await ask({ duplicated: 1 });
  expect(await ask({})).toBe("4");
  expect(await ask({ lost: 1 })).toBe("nothing");
  expect(await ask({ unanswered: 1 })).toBe("nothing");
  expect(await ask({})).toBe("6");
});

it("takes apart what a client of NATS sends, wherever it is cut", () => {
  const all =
    "CONNECT {}\r\nPUB a 5\r\nhe\r\nl\r\nHPUB $JS.API.X reply 3 6\r\nabcdef\r\nPUB b 0\r\n\r\nPING\r\n";
  const sent = (climate: Partial<Climate>, size: number) => {
    const frames = natsFrames(weather(climate));
    const [parts, late]: [string[], string[]] = [[], []];
    for (let at = 0; at < all.length; at += size)
      for (const piece of frames(Buffer.from(all.slice(at, at + size)), (one) => late.push(`${one}`)))
        parts.push(`${piece}`);
    return { parts, late };
  };
  for (const size of [1, 7, 100]) expect(sent({}, size).parts.join("")).toBe(all);
  const twice = sent({ duplicated: 1 }, 100).parts;
  expect(twice.filter((one) => one.startsWith("PUB a"))).toHaveLength(2);
  expect(twice.filter((one) => one.startsWith("HPUB"))).toHaveLength(1);
  const { late, parts } = sent({ delayed: 1, delay: 1000 }, 100);
  expect(late.map((one) => one.slice(0, 5))).toEqual(["PUB a", "PUB b"]);
  expect(parts).toHaveLength(3);
});
