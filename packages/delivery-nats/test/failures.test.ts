import type { DeliveryService } from "@copse/delivery/service";
import { natsDelivery, prepareNats } from "@copse/delivery-nats";
import { HAS_NATS, type NatsServer, startNats } from "@copse/test-support/nats";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  accepted,
  authorization,
  bytes,
  clientOf,
  first,
  handshake,
  keyPackage,
  message,
  text,
} from "./support.js";

const NAMES = ["alice", "bob", "interrupted"] as const;
type Name = (typeof NAMES)[number];

/** One of them is stopped after each handshake: by what it may not do then. */
const DENIED = { interrupted: ["copse.inbox.>", "copse.state.*.group.*"] };

describe.skipIf(!HAS_NATS)("clients with no more than the permissions that they need", () => {
  let server: NatsServer;
  const connections: NatsConnection[] = [];
  const clients = {} as Record<Name, DeliveryService>;

  const open = async (name: string) => {
    const connection = await connect({
      servers: server.url,
      user: name,
      pass: name,
      inboxPrefix: `_INBOX_${name}`,
      reconnectTimeWait: 20,
      maxReconnectAttempts: -1,
    });
    connections.push(connection);
    return connection;
  };

  beforeAll(async () => {
    server = await startNats(await authorization(NAMES, 2, DENIED));
    const admin = await connect({ servers: server.url, user: "admin", pass: "admin" });
    await prepareNats(admin, { partitions: 2 });
    await admin.close();
    for (const name of NAMES) clients[name] = await clientOf(await open(name), name, { timeout: 1000 });
  });
  afterAll(async () => {
    await Promise.all(connections.map((connection) => connection.close()));
    await server?.stop();
  });

  test("they can do everything that the interface has", async () => {
    const { alice, bob } = clients;
    const offered = [keyPackage("one"), keyPackage("two"), keyPackage("last", { lastResort: true })];
    await bob.publishKeyPackages(offered);
    await bob.publishKeyPackages([keyPackage("newer", { lastResort: true })]);
    expect(await bob.countKeyPackages(1)).toEqual({ single: 2, lastResort: 1 });
    expect((await alice.claimKeyPackages("bob", 1)).map(text)).toEqual(["key package one"]);
    const welcomes = [{ reference: bytes("reference of one"), welcome: bytes("Welcome") }];
    const cursor = await accepted(alice.submit(handshake("all", "", "first", { welcomes })));
    await alice.send(message("all", new Uint8Array(600_000)));
    const groupId = bytes("all");
    expect(
      await alice.publishGroupInfo(
        groupId,
        { groupInfo: bytes("other"), handshake: cursor },
        () => undefined,
      ),
    ).toBe(true);
    const [invitation] = await first(bob.inbox(""), 1);
    expect(text(invitation?.welcome)).toBe("Welcome");
    expect(text((await bob.groupInfo(groupId))?.groupInfo)).toBe("other");
    expect(await first(bob.subscribe({ groupId, after: cursor }), 1)).toMatchObject([{ kind: "message" }]);
    await bob.clearInbox(invitation?.cursor ?? "");
    await bob.withdrawKeyPackages();
    expect(await bob.countKeyPackages(1)).toEqual({ single: 0, lastResort: 0 });
  });

  test("what NATS doesn't let a client do is forbidden: to read the inbox of another one, or to be one of another user", async () => {
    const [connection] = connections;
    if (!connection) throw new Error("no connection");
    const asBob = await natsDelivery({ connection, user: "bob", client: bytes("key of bob"), timeout: 2000 });
    await expect(first(asBob.inbox(""), 1)).rejects.toMatchObject({ code: "forbidden" });
    const another = await natsDelivery({
      connection,
      user: "bob",
      client: bytes("another key"),
      timeout: 2000,
    });
    await expect(another.publishKeyPackages([keyPackage("forged")])).rejects.toMatchObject({
      code: "forbidden",
    });
    await another.close();
    await asBob.close();
  });

  test("what a sender didn't finish after its handshake was accepted, the next one does", async () => {
    const { alice, bob, interrupted } = clients;
    await bob.publishKeyPackages([keyPackage("first"), keyPackage("second")]);
    const welcomeFor = (name: string) => [
      { reference: bytes(`reference of ${name}`), welcome: bytes(`Welcome ${name}`) },
    ];
    const begun = handshake("unfinished", "", "first", { welcomes: welcomeFor("first") });
    await expect(interrupted.submit(begun)).rejects.toMatchObject({ code: "forbidden" });
    // Whoever asks for the GroupInfo gets that of the handshake that is in the log.
    const groupId = bytes("unfinished");
    const info = await alice.groupInfo(groupId);
    expect(text(info?.groupInfo)).toBe("GroupInfo of first");
    const [welcome] = await first(bob.inbox(""), 1);
    expect(welcome).toMatchObject({ welcome: bytes("Welcome first"), handshake: info?.handshake });
    await bob.clearInbox(welcome?.cursor ?? "");
    // And so does whoever follows it. The sender gets the first answer, and nothing comes twice.
    const next = handshake("unfinished", info?.handshake ?? "", "second", { welcomes: welcomeFor("second") });
    await expect(interrupted.submit(next)).rejects.toMatchObject({ code: "forbidden" });
    const stale = await alice.submit(handshake("unfinished", info?.handshake ?? "", "other"));
    if (stale.kind !== "stale") throw new Error(stale.kind);
    expect(stale.first.id).toBe(next.id);
    const third = await accepted(alice.submit(handshake("unfinished", stale.first.cursor, "third")));
    expect(await interrupted.submit(next)).toEqual({ kind: "accepted", cursor: stale.first.cursor });
    const entries = await first(bob.inbox(""), 1);
    expect(entries.map((one) => [text(one.welcome), one.handshake])).toEqual([
      ["Welcome second", stale.first.cursor],
    ]);
    expect(await bob.groupInfo(groupId)).toEqual({
      groupInfo: bytes("GroupInfo of third"),
      handshake: third,
    });
  });

  test("a server that is killed ends what is read with `unavailable`, and has all that it acknowledged", async () => {
    const { alice, bob } = clients;
    const groupId = bytes("killed");
    const start = await accepted(alice.submit(handshake("killed", "", "first")));
    const reading = bob.subscribe({ groupId, after: "" })[Symbol.asyncIterator]();
    await reading.next();
    const lost = expect(reading.next()).rejects.toMatchObject({ code: "unavailable", retry: "later" });
    await server.kill();
    await lost;
    const sent = alice.send(message("killed", "meanwhile"));
    await server.start();
    // It waits for the connection, or says that it may be tried again.
    await sent.catch((error: { retry?: string }) => expect(error.retry).toBe("later"));
    let cursor = "";
    while (cursor === "")
      cursor = await alice.send(message("killed", "afterwards")).catch((error: { retry?: string }) => {
        expect(error.retry).toBe("later");
        return "";
      });
    const entries = await first(bob.subscribe({ groupId, after: start }), 1);
    expect(["meanwhile", "afterwards"]).toContain(text(entries[0]?.message));
  });
});
