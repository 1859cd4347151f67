import { prepareNats } from "@copse/delivery-nats";
import { HAS_NATS, type NatsServer, startNats } from "@copse/test-support/nats";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  accepted,
  bytes,
  clientOf,
  first,
  handshake,
  keyPackage,
  message,
  newId,
  someBytes,
  text,
} from "./support.js";

describe.skipIf(!HAS_NATS)("a service on one server", () => {
  let server: NatsServer;
  let connection: NatsConnection;

  beforeAll(async () => {
    server = await startNats();
    connection = await connect({ servers: server.url, reconnectTimeWait: 20, maxReconnectAttempts: -1 });
    await prepareNats(connection, { partitions: 2 });
  });
  afterAll(async () => {
    await connection?.close();
    await server?.stop();
  });

  /** Kills the server, and starts it with what it has stored. */
  async function restart(): Promise<void> {
    const statuses = connection.status()[Symbol.asyncIterator]();
    await server.kill();
    await server.start();
    for (let type = ""; type !== "reconnect"; ) type = (await statuses.next()).value?.type ?? "reconnect";
    await statuses.return?.();
  }

  test("of many handshakes that follow the same one, one is accepted, and the others are told which", async () => {
    const alice = await clientOf(connection, "alice");
    expect(alice.user).toBe("alice");
    const start = await accepted(alice.submit(handshake("race", "", "first")));
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, index) => alice.submit(handshake("race", start, `number ${index}`))),
    );
    const [winner, ...others] = all.flatMap((one) => (one.kind === "accepted" ? [one.cursor] : []));
    expect(others).toEqual([]);
    const stale = all.flatMap((one) => (one.kind === "stale" ? [one.first.cursor] : []));
    expect(stale).toEqual(Array(19).fill(winner));
    const entries = await first(alice.subscribe({ groupId: bytes("race"), after: "" }), 2);
    expect(entries.map(({ kind, cursor, epoch }) => [kind, cursor, epoch])).toEqual([
      ["handshake", start, 7n],
      ["handshake", winner, 7n],
    ]);
  });

  test("handshakes and messages of a group have one order, and other groups are not in it", async () => {
    const alice = await clientOf(connection, "alice");
    const start = await accepted(alice.submit(handshake("order", "", "first")));
    await accepted(alice.submit(handshake("another", "", "elsewhere")));
    await alice.send(message("order", "one"));
    await alice.send(message("another", "elsewhere"));
    const next = await accepted(alice.submit(handshake("order", start, "second")));
    await alice.send(message("order", "two"));
    const entries = await first(alice.subscribe({ groupId: bytes("order"), after: "" }), 4);
    expect(entries.map((entry) => text(entry.message))).toEqual(["first", "one", "second", "two"]);
    const rest = await first(alice.subscribe({ groupId: bytes("order"), after: next }), 1);
    expect(rest.map((entry) => text(entry.message))).toEqual(["two"]);
  });

  test("what is sent again gets the first answer, also long after the server has forgotten its id", async () => {
    const alice = await clientOf(connection, "alice");
    const one = handshake("again", "", "first");
    const start = await accepted(alice.submit(one));
    const two = handshake("again", start, "second");
    const next = await accepted(alice.submit(two));
    await accepted(alice.submit(handshake("again", next, "third")));
    const late = handshake("again", start, "late");
    const stale = await alice.submit(late);
    expect(stale).toMatchObject({ kind: "stale", first: { cursor: next, id: two.id } });
    // Servers remember ids for a time: afterwards the log itself knows them.
    const jsm = await jetstreamManager(connection);
    const remember = async (nanoseconds: number) => {
      for (const stream of ["copse-log-0", "copse-log-1"])
        await jsm.streams.update(stream, { duplicate_window: nanoseconds });
    };
    await remember(100_000_000);
    await restart();
    expect(await accepted(alice.submit(one))).toBe(start);
    expect(await accepted(alice.submit(two))).toBe(next);
    expect(await alice.submit(late)).toEqual(stale);
    const entries = await first(alice.subscribe({ groupId: bytes("again"), after: "" }), 3);
    expect(entries.map((entry) => text(entry.message))).toEqual(["first", "second", "third"]);
    await remember(1_200_000_000_000);
  });

  test("a message that is sent twice under an id is in the log once, and that of another client is refused", async () => {
    const alice = await clientOf(connection, "alice");
    await accepted(alice.submit(handshake("twice", "", "first")));
    const id = newId();
    const cursor = await alice.send(message("twice", "hello", id));
    expect(await alice.send(message("twice", "hello", id))).toBe(cursor);
    // Encrypted anew, because the answer was lost.
    expect(await alice.send(message("twice", "other", id))).toBe(cursor);
    const bob = await clientOf(connection, "bob");
    await expect(bob.send(message("twice", "hello", id))).rejects.toMatchObject({ code: "invalid" });
    await alice.send(message("twice", "end"));
    const entries = await first(alice.subscribe({ groupId: bytes("twice"), after: "" }), 3);
    expect(entries.map((entry) => text(entry.message))).toEqual(["first", "hello", "end"]);
  });

  test("commits, GroupInfos, Welcomes and messages may be larger than what a server takes in one message", async () => {
    const limits = { message: 1 << 24, handshake: 1 << 24 };
    const alice = await clientOf(connection, "alice", { limits });
    const bob = await clientOf(connection, "bob", { limits });
    await bob.publishKeyPackages([keyPackage("bob large")]);
    const [commit, groupInfo, welcome, large] = [3_000_000, 5_000_001, 1_048_577, 2_000_000].map(someBytes);
    if (!commit || !groupInfo || !welcome || !large) throw new Error("no bytes");
    const welcomes = [{ reference: keyPackage("bob large").reference, welcome }];
    await accepted(alice.submit(handshake("large", "", "", { message: commit, groupInfo, welcomes })));
    await alice.send(message("large", large));
    const entries = await first(bob.subscribe({ groupId: bytes("large"), after: "" }), 2);
    expect(
      entries.map((entry) => Buffer.compare(entry.message, entry.kind === "message" ? large : commit)),
    ).toEqual([0, 0]);
    const [invitation] = await first(bob.inbox(""), 1);
    expect(Buffer.compare(invitation?.welcome as Uint8Array, welcome)).toBe(0);
    expect(Buffer.compare((await bob.groupInfo(bytes("large")))?.groupInfo as Uint8Array, groupInfo)).toBe(0);
    const small = await clientOf(connection, "alice", { limits: { message: 1000 } });
    await expect(small.send(message("large", large))).rejects.toMatchObject({ code: "limit" });
  });

  test("each key package is handed out once, however many claim at once, and then that of last resort", async () => {
    const bob = await clientOf(connection, "bob");
    await bob.withdrawKeyPackages();
    const offered = Array.from({ length: 8 }, (_, index) => keyPackage(`claim ${index}`));
    const lastResort = keyPackage("claim last", { lastResort: true });
    const expired = keyPackage("claim expired", { notAfter: 1n });
    await bob.publishKeyPackages([expired, ...offered, lastResort]);
    expect(await bob.countKeyPackages(1)).toEqual({ single: 8, lastResort: 1 });
    const claimers = await Promise.all(["alice", "carol", "dave"].map((name) => clientOf(connection, name)));
    const claims = await Promise.all(
      Array.from({ length: 12 }, (_, index) => claimers[index % 3]?.claimKeyPackages("bob", 1)),
    );
    const names = claims.flatMap((found) => found?.map(text) ?? []).sort();
    const single = offered.map((one) => text(one.keyPackage));
    expect(names).toEqual([...single, ...Array(4).fill(text(lastResort.keyPackage))].sort());
    expect(await bob.countKeyPackages(1)).toEqual({ single: 0, lastResort: 1 });
    // What was handed out isn't offered again by the same call, made again.
    await bob.publishKeyPackages([...offered, lastResort]);
    expect(await bob.countKeyPackages(1)).toEqual({ single: 0, lastResort: 1 });
    const newer = keyPackage("claim newer", { lastResort: true });
    await bob.publishKeyPackages([newer]);
    expect((await claimers[0]?.claimKeyPackages("bob", 1))?.map(text)).toEqual([text(newer.keyPackage)]);
    await expect(claimers[0]?.publishKeyPackages([newer])).rejects.toMatchObject({ code: "invalid" });
    await bob.withdrawKeyPackages();
    expect(await claimers[0]?.claimKeyPackages("bob", 1)).toEqual([]);
    // Withdrawn is not handed out: it may be offered again.
    await bob.publishKeyPackages([newer]);
    expect((await claimers[0]?.claimKeyPackages("bob", 1))?.map(text)).toEqual([text(newer.keyPackage)]);
  });

  test("Welcomes come with an accepted handshake alone, and are there until they are cleared", async () => {
    const alice = await clientOf(connection, "alice");
    const dora = await clientOf(connection, "dora");
    const offered = [keyPackage("dora 1"), keyPackage("dora 2")];
    await dora.publishKeyPackages(offered);
    const welcomes = (name: string) =>
      offered.map(({ reference }) => ({ reference, welcome: bytes(`Welcome by ${name}`) }));
    // One that nobody can get is dropped: no handshake fails for it.
    const unknown = { reference: bytes("nobody's"), welcome: bytes("Welcome") };
    const start = await accepted(alice.submit(handshake("welcomes", "", "first", { welcomes: [unknown] })));
    const next = await accepted(
      alice.submit(handshake("welcomes", start, "second", { welcomes: [...welcomes("second"), unknown] })),
    );
    const stale = await alice.submit(handshake("welcomes", start, "stale", { welcomes: welcomes("stale") }));
    expect(stale.kind).toBe("stale");
    // Somebody may have claimed what is withdrawn, one of last resort for example.
    await dora.withdrawKeyPackages();
    await expect(alice.publishKeyPackages(offered)).rejects.toMatchObject({ code: "invalid" });
    const last = await accepted(
      alice.submit(handshake("welcomes", next, "third", { welcomes: welcomes("third").slice(1) })),
    );
    const found = await first(dora.inbox(""), 3);
    expect(
      found.map(({ welcome, handshake: cursor, groupId }) => [text(welcome), cursor, text(groupId)]),
    ).toEqual([
      ["Welcome by second", next, "welcomes"],
      ["Welcome by second", next, "welcomes"],
      ["Welcome by third", last, "welcomes"],
    ]);
    expect(
      found
        .map(({ reference }) => text(reference))
        .slice(0, 2)
        .sort(),
    ).toEqual(offered.map(({ reference }) => text(reference)));
    await dora.clearInbox(found[1]?.cursor ?? "");
    expect((await first(dora.inbox(""), 1)).map(({ cursor }) => cursor)).toEqual([found[2]?.cursor]);
  });

  test("what has expired is said to be, and handshakes of a group that was silent for long go on", async () => {
    const alice = await clientOf(connection, "alice");
    const start = await accepted(alice.submit(handshake("silent", "", "first")));
    const next = await accepted(alice.submit(handshake("silent", start, "second")));
    const jsm = await jetstreamManager(connection);
    for (const partition of [0, 1]) {
      // All but one of a stream, of another group.
      await connection.request(`copse.log.${partition}.other.m`, "other");
      for (const max_msgs of [1, -1]) await jsm.streams.update(`copse-log-${partition}`, { max_msgs });
    }
    const groupId = bytes("silent");
    await expect(first(alice.subscribe({ groupId, after: next }), 1)).rejects.toMatchObject({
      code: "expired",
    });
    expect(text((await alice.groupInfo(groupId))?.groupInfo)).toBe("GroupInfo of second");
    await expect(alice.submit(handshake("silent", start, "old"))).rejects.toMatchObject({ code: "expired" });
    await expect(alice.submit(handshake("silent", "", "new"))).rejects.toMatchObject({ code: "expired" });
    await expect(alice.submit(handshake("silent", "999999", "none"))).rejects.toMatchObject({
      code: "invalid",
    });
    const third = await accepted(alice.submit(handshake("silent", next, "third")));
    const stale = await alice.submit(handshake("silent", next, "stale"));
    expect(stale).toMatchObject({ kind: "stale", first: { cursor: third } });
    expect((await first(alice.subscribe({ groupId, after: "" }), 1)).map(({ cursor }) => cursor)).toEqual([
      third,
    ]);
  });

  test("a GroupInfo takes the place of the newest handshake's, and of no newer one's", async () => {
    const alice = await clientOf(connection, "alice");
    const groupId = bytes("infos");
    expect(await alice.groupInfo(groupId)).toBeUndefined();
    const start = await accepted(alice.submit(handshake("infos", "", "first")));
    const key = () => undefined;
    expect(await alice.publishGroupInfo(groupId, { groupInfo: bytes("other"), handshake: start }, key)).toBe(
      true,
    );
    expect(text((await alice.groupInfo(groupId))?.groupInfo)).toBe("other");
    const next = await accepted(alice.submit(handshake("infos", start, "second")));
    expect(await alice.publishGroupInfo(groupId, { groupInfo: bytes("late"), handshake: start }, key)).toBe(
      false,
    );
    expect(await alice.groupInfo(groupId)).toEqual({
      groupInfo: bytes("GroupInfo of second"),
      handshake: next,
    });
  });

  test("a service has one number of partitions for good", async () => {
    await prepareNats(connection, { partitions: 2, retention: 3_600_000 });
    await expect(prepareNats(connection, { partitions: 3 })).rejects.toMatchObject({ code: "invalid" });
    await expect(clientOf(connection, "alice", { prefix: "unknown" })).rejects.toMatchObject({
      code: "unavailable",
    });
  });

  test("a stream may have more consumers than servers of 2.15 let it have by themselves", async () => {
    const limits = async (prefix: string) => {
      const jsm = await jetstreamManager(connection);
      const all = ["log", "inbox"].map(
        async (kind) => (await jsm.streams.info(`${prefix}-${kind}-0`)).config,
      );
      return (await Promise.all(all)).map(({ max_consumers }) => max_consumers);
    };
    expect(await limits("copse")).toEqual([10_000_000, 10_000_000]);
    // One that was made with the server's own limit: it is prepared anew, though not all servers change that.
    const jsm = await jetstreamManager(connection);
    const { config } = await jsm.streams.info("copse-log-0");
    const subjects = ["made.log.0.>"];
    const description = config.description?.replace("partitions: 2", "partitions: 1") ?? "";
    await jsm.streams.add({ ...config, name: "made-log-0", subjects, description, max_consumers: 7 });
    await prepareNats(connection, { prefix: "made", retention: 3_600_000 });
    const made = (await jsm.streams.info("made-log-0")).config;
    expect(made.max_age).toBe(3_600_000 * 1e6);
    expect([7, 10_000_000]).toContain(made.max_consumers);
  });

  test("waiting ends by the signal, by return, and by closing", async () => {
    const alice = await clientOf(connection, "alice");
    await accepted(alice.submit(handshake("waiting", "", "first")));
    const groupId = bytes("waiting");
    const controller = new AbortController();
    const open = (signal?: AbortSignal) =>
      alice.subscribe({ groupId, after: "", signal })[Symbol.asyncIterator]();
    const [aborted, returned, closed] = [open(controller.signal), open(), open()];
    for (const one of [aborted, returned, closed]) expect((await one.next()).value?.behind).toBe(0);
    const pending = [aborted, returned, closed].map((one) => one.next());
    controller.abort(new Error("enough"));
    await expect(pending[0]).rejects.toThrow("enough");
    await returned.return?.();
    expect(await pending[1]).toEqual({ done: true, value: undefined });
    await alice.close();
    await expect(pending[2]).rejects.toMatchObject({ code: "closed" });
    await expect(alice.groupInfo(groupId)).rejects.toMatchObject({ code: "closed" });
    expect(await closed.next()).toEqual({ done: true, value: undefined });
  });
});
