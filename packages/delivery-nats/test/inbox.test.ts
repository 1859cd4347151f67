import type { DeliveryService } from "@copse/delivery/service";
import { prepareNats } from "@copse/delivery-nats";
import { HAS_NATS, type NatsServer, startNats } from "@copse/test-support/nats";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { accepted, bytes, clientOf, first, handshake, keyPackage } from "./support.js";

const NAMES = ["alice", "bob", "carol"] as const;
/** More than the server sends ahead. */
const MANY = 250;

describe.skipIf(!HAS_NATS)("the inboxes of several clients", () => {
  let server: NatsServer;
  const connections: NatsConnection[] = [];
  const clients = {} as Record<(typeof NAMES)[number], DeliveryService>;

  beforeAll(async () => {
    server = await startNats();
    const open = async () => {
      const connection = await connect({ servers: server.url });
      connections.push(connection);
      return connection;
    };
    await prepareNats(await open());
    for (const name of NAMES) clients[name] = await clientOf(await open(), name);
  });
  afterAll(async () => {
    await Promise.all(connections.map((connection) => connection.close()));
    await server?.stop();
  });

  test("clearing one takes nothing from those who read others", async () => {
    const { alice, bob, carol } = clients;
    for (const [name, client] of [
      ["alice", alice],
      ["bob", bob],
    ] as const)
      await client.publishKeyPackages([keyPackage(name, { lastResort: true })]);
    let after = "";
    const welcome = async (name: string) => {
      const welcomes = [{ reference: bytes(`reference of ${name}`), welcome: bytes("Welcome") }];
      after = await accepted(carol.submit(handshake("many", after, name, { welcomes })));
    };
    for (let i = 0; i < MANY; i++) await welcome("bob");
    // Bob has read some, and the server has sent him some more.
    const reading = bob.inbox("")[Symbol.asyncIterator]();
    let read = (await reading.next()).value?.entries.length ?? 0;
    await welcome("alice");
    const [entry] = await first(alice.inbox(""), 1);
    await alice.clearInbox(entry?.cursor ?? "");
    while (read < MANY) read += (await reading.next()).value?.entries.length ?? MANY;
    expect(read).toBe(MANY);
    await reading.return?.();
    // What was cleared comes no more, to whoever asks.
    await welcome("alice");
    expect(await first(alice.inbox(""), 1)).toHaveLength(1);
  });
});
