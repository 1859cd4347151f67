import { type AddressInfo, connect as connectTo, createServer, type Server } from "node:net";
import type { DeliveryService } from "@copse/delivery/service";
import { prepareNats } from "@copse/delivery-nats";
import { HAS_NATS, type NatsServer, startNats } from "@copse/test-support/nats";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { accepted, bytes, clientOf, first, handshake, keyPackage, message, text } from "./support.js";

interface Proxy {
  readonly server: Server;
  readonly url: string;
  /** How many connections it has ended. */
  cuts(): number;
}

/** How many answers come on one connection. */
const ANSWERS = 3;

/** A proxy that ends each connection in place of an answer. */
async function cutting(port: number): Promise<Proxy> {
  let cuts = 0;
  const server = createServer((client) => {
    const service = connectTo(port, "127.0.0.1");
    let count = 0;
    for (const [one, other] of [
      [client, service],
      [service, client],
    ] as const)
      one.on("error", () => other.destroy()).on("close", () => other.destroy());
    client.pipe(service);
    service.on("data", (data) => {
      if (/^H?MSG /m.test(data.toString("latin1"))) count++;
      if (count < ANSWERS) client.write(data);
      else {
        cuts++;
        client.destroy();
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, url: `nats://127.0.0.1:${(server.address() as AddressInfo).port}`, cuts: () => cuts };
}

describe.skipIf(!HAS_NATS)("over connections that end again and again", () => {
  let server: NatsServer;
  let proxy: Proxy;
  const connections: NatsConnection[] = [];
  let [alice, bob] = [{} as DeliveryService, {} as DeliveryService];

  beforeAll(async () => {
    server = await startNats();
    proxy = await cutting(Number(new URL(server.url).port));
    const open = async (servers: string) => {
      const connection = await connect({ servers, reconnectTimeWait: 10, maxReconnectAttempts: -1 });
      connections.push(connection);
      return connection;
    };
    await prepareNats(await open(server.url), { partitions: 2 });
    bob = await clientOf(await open(server.url), "bob");
    alice = await clientOf(await open(proxy.url), "alice");
  });
  afterAll(async () => {
    await Promise.all([alice, bob].map((one) => one.close()));
    await Promise.all(connections.map((connection) => connection.close()));
    proxy?.server.close();
    await server?.stop();
  });

  test("a call goes on where it was, and what it does is done once", async () => {
    await bob.publishKeyPackages(["one", "two", "three"].map((name) => keyPackage(name)));
    await alice.publishKeyPackages([keyPackage("own")]);
    expect(await alice.countKeyPackages(1)).toEqual({ single: 1, lastResort: 0 });
    // Each of these takes more requests than a connection lasts.
    expect((await alice.claimKeyPackages("bob", 1)).map(text)).toEqual(["key package one"]);
    expect(await bob.countKeyPackages(1)).toEqual({ single: 2, lastResort: 0 });
    const welcomes = [{ reference: bytes("reference of one"), welcome: bytes("Welcome") }];
    const start = await accepted(alice.submit(handshake("cut", "", "first", { welcomes })));
    const next = await accepted(alice.submit(handshake("cut", start, "second")));
    const sent = await alice.send(message("cut", "hello"));
    const log = await first(bob.subscribe({ groupId: bytes("cut"), after: "" }), 3);
    expect(log.map(({ cursor }) => cursor)).toEqual([start, next, sent]);
    expect((await first(bob.inbox(""), 1)).map(({ welcome }) => text(welcome))).toEqual(["Welcome"]);
    expect(text((await alice.groupInfo(bytes("cut")))?.groupInfo)).toBe("GroupInfo of second");
    expect(proxy.cuts()).toBeGreaterThan(5);
  });
});
