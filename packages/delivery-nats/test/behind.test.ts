// What a client meets at servers that are behind, slow, made anew, or filled by others.
import { type AddressInfo, connect as connectTo, createServer, type Server } from "node:net";
import { DEFAULT_DELIVERY_LIMITS, Ending } from "@copse/delivery/rules";
import { DeliveryError } from "@copse/delivery/service";
import { prepareNats } from "@copse/delivery-nats";
import { HAS_NATS, type NatsServer, startNats } from "@copse/test-support/nats";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Groups } from "../src/groups.js";
import { Heads } from "../src/heads.js";
import { KeyPackages } from "../src/key-packages.js";
import { Link } from "../src/link.js";
import { Names, tokenOf } from "../src/names.js";
import { Parcels } from "../src/parcels.js";
import { Records } from "../src/records.js";
import { Welcomes } from "../src/welcomes.js";
import { accepted, bytes, clientOf, first, handshake, keyPackage, message, text } from "./support.js";

const COUNT = 100;
const SIZE = 25_000;
/** Bytes that the slow line takes in a hundredth of a second. */
const RATE = 20_000;

/** A line that is slow in one direction. */
async function slowLine(port: number): Promise<Server> {
  const proxy = createServer((client) => {
    const service = connectTo(port, "127.0.0.1");
    client.pipe(service);
    let queue = Buffer.alloc(0);
    service.on("data", (data) => {
      queue = Buffer.concat([queue, data]);
      // As a full socket does.
      if (queue.length > 500_000) service.pause();
    });
    const timer = setInterval(() => {
      client.write(queue.subarray(0, RATE));
      queue = queue.subarray(RATE);
      if (queue.length < 250_000) service.resume();
    }, 10);
    for (const [one, other] of [
      [client, service],
      [service, client],
    ] as const)
      one
        .on("error", () => other.destroy())
        .on("close", () => {
          clearInterval(timer);
          other.destroy();
        });
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  return proxy;
}

const within = <T>(time: number, work: Promise<T>, otherwise: T) =>
  Promise.race([work, new Promise<T>((resolve) => setTimeout(() => resolve(otherwise), time))]);

describe.skipIf(!HAS_NATS)("a server", () => {
  let server: NatsServer;
  const connections: NatsConnection[] = [];
  const open = async (url = server.url) => {
    const connection = await connect({ servers: url, reconnectTimeWait: 10, maxReconnectAttempts: -1 });
    connections.push(connection);
    return connection;
  };

  beforeAll(async () => {
    server = await startNats();
    await prepareNats(await open());
  });
  afterAll(async () => {
    await Promise.all(connections.map((one) => one.close()));
    await server?.stop();
  });

  async function partsOf(name: string) {
    const link = await Link.open(await open(), false, 5000);
    const names = new Names("copse", 1);
    const parcels = new Parcels(link, names, 4 * 1024 * 1024);
    const records = new Records(link, names);
    const heads = new Heads(records, parcels);
    const own = { user: await tokenOf(name), client: await tokenOf(bytes(`key of ${name}`)) };
    const keyPackages = new KeyPackages(link, names, records, DEFAULT_DELIVERY_LIMITS, own);
    const welcomes = new Welcomes(link, names, parcels, keyPackages);
    return { link, welcomes, groups: new Groups({ link, names, parcels, heads, welcomes }, own.client) };
  }

  /** Its log's leader hasn't taken the end of the log yet, until something is published there: what is asked of it isn't there. */
  function lag(link: Link) {
    const state = { isBehind: false, answers: 0 };
    const get = link.get.bind(link);
    const publish = link.publish.bind(link);
    link.publish = async (one) => {
      const stored = await publish(one);
      if (one.subject.startsWith("copse.log.")) state.isBehind = false;
      return stored;
    };
    link.get = async (stream, query, probe) => {
      if (state.isBehind && stream.includes("-log-") && "next_by_subj" in query) {
        state.answers++;
        if (probe === undefined) return undefined;
        await link.publish({ subject: probe });
      }
      return get(stream, query, probe);
    };
    return state;
  }

  test("that is behind: a handshake whose sender was lost is finished by the next one all the same", async () => {
    const bob = await clientOf(await open(), "bob");
    await bob.publishKeyPackages([keyPackage("lag")]);
    const interrupted = await partsOf("interrupted");
    const alice = await partsOf("alice");
    const start = await accepted(alice.groups.submit(handshake("lag", "", "start")));
    interrupted.welcomes.deliver = async () => {
      throw new DeliveryError("unavailable", "it was killed");
    };
    const welcomes = [{ reference: bytes("reference of lag"), welcome: bytes("Welcome lag") }];
    await expect(interrupted.groups.submit(handshake("lag", start, "adds", { welcomes }))).rejects.toThrow();
    const [, adds] = await first(bob.subscribe({ groupId: bytes("lag"), after: "" }), 2);
    const state = lag(alice.link);
    state.isBehind = true;
    await accepted(alice.groups.submit(handshake("lag", adds?.cursor ?? "", "next")));
    expect(state.answers).toBe(1);
    // Nobody else does it afterwards.
    await bob.groupInfo(bytes("lag"));
    const inbox = await within(1500, first(bob.inbox(""), 1), []);
    expect(inbox.map((one) => text(one.welcome))).toEqual(["Welcome lag"]);
  });

  test("that is behind: a reader passes over no handshake", async () => {
    const alice = await partsOf("alice");
    const bob = await partsOf("bob");
    const start = await accepted(alice.groups.submit(handshake("read", "", "start")));
    const after = await alice.groups.send(message("read", "one"));
    await accepted(alice.groups.submit(handshake("read", start, "second")));
    await alice.groups.send(message("read", "two"));
    const state = lag(bob.link);
    state.isBehind = true;
    const read = () => first(bob.groups.read(bytes("read"), after, 5000, {}), 2);
    await expect(read()).rejects.toMatchObject({ code: "unavailable", retry: "later" });
    state.isBehind = false;
    expect((await read()).map((one) => text(one.message))).toEqual(["second", "two"]);
  });

  test("that was made anew: who reads an inbox after a cursor of before is told", async () => {
    const [alice, carol] = [await clientOf(await open(), "alice2"), await clientOf(await open(), "carol")];
    await alice.publishKeyPackages([keyPackage("anew", { lastResort: true })]);
    let after = "";
    const welcome = async (name: string) => {
      const welcomes = [{ reference: bytes("reference of anew"), welcome: bytes(name) }];
      after = await accepted(carol.submit(handshake("anew", after, name, { welcomes })));
    };
    for (const name of ["1", "2", "3"]) await welcome(name);
    const cursor = (await first(alice.inbox(""), 3)).at(-1)?.cursor ?? "";
    await alice.clearInbox(cursor);
    const jsm = await jetstreamManager(await open());
    await jsm.streams.delete("copse-inbox-0");
    await prepareNats(await open());
    await welcome("4");
    const told = await within(
      3000,
      first(alice.inbox(cursor), 1).then(
        (all) => all.map((one) => text(one.welcome)).join(),
        (error) => `${error.code}`,
      ),
      "nothing",
    );
    expect(told).toBe("invalid");
  });

  test("that is away: what waits for it leaves no listener", async () => {
    const alice = await clientOf(await open(), "alice3", { timeout: 20 });
    await alice.publishKeyPackages([keyPackage("leak")]).catch(() => undefined);
    await server.kill();
    await new Promise((resolve) => setTimeout(resolve, 300));
    let count = 0;
    const { addEventListener, removeEventListener } = Ending.prototype;
    Ending.prototype.addEventListener = function (...args) {
      count++;
      addEventListener.apply(this, args);
    };
    Ending.prototype.removeEventListener = function (...args) {
      count--;
      removeEventListener.apply(this, args);
    };
    for (let i = 0; i < 50; i++) await alice.countKeyPackages(1).catch(() => undefined);
    Object.assign(Ending.prototype, { addEventListener, removeEventListener });
    await server.start();
    expect(count).toBe(0);
  });

  test("with a header that nobody can read: it stops no reader", async () => {
    const alice = await clientOf(await open(), "alice4", { timeout: 2000 });
    const start = await accepted(alice.submit(handshake("poison", "", "start")));
    const group = await tokenOf(bytes("poison"));
    const head = "NATS/1.0\r\nCopse-Id: a\nb\r\n\r\n";
    const port = Number(new URL(server.url).port);
    await new Promise<void>((resolve) => {
      const socket = connectTo(port, "127.0.0.1", () => {
        socket.write('CONNECT {"verbose":false,"headers":true}\r\n');
        socket.write(`HPUB copse.log.0.${group}.m ${head.length} ${head.length}\r\n${head}\r\nPING\r\n`);
      });
      socket.on("data", (data) => {
        if (!data.toString().includes("PONG")) return;
        socket.destroy();
        resolve();
      });
    });
    await alice.send(message("poison", "after it"));
    const entries = await first(alice.subscribe({ groupId: bytes("poison"), after: start }), 2);
    expect(entries.map((one) => text(one.message))).toContain("after it");
  });

  test("at the end of a slow line: its answers come behind what it has sent ahead", async () => {
    const proxy = await slowLine(Number(new URL(server.url).port));
    const direct = await clientOf(await open(), "fast");
    const url = `nats://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const slow = await clientOf(await open(url), "slow", { heartbeat: 5000, timeout: 400 });
    const after = await accepted(direct.submit(handshake("slow", "", "start")));
    for (let i = 0; i < COUNT; i++) await direct.send(message("slow", new Uint8Array(SIZE).fill(i)));
    const entries = await first(slow.subscribe({ groupId: bytes("slow"), after }), COUNT);
    expect(entries).toHaveLength(COUNT);
    await slow.close();
    await connections.pop()?.close();
    proxy.close();
  });
});
