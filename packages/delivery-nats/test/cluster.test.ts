import type { Cursor, DeliveryService, LogEntry } from "@copse/delivery/service";
import { checksForDelivery } from "@copse/delivery-conformance";
import { natsDelivery, prepareNats } from "@copse/delivery-nats";
import { HAS_NATS, type NatsServer, startNatsCluster } from "@copse/test-support/nats";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { accepted, bytes, first, handshake, keyPackage, message, newId, text } from "./support.js";

/** All checks, and each server killed, take two minutes here: other runs have a part of them. */
const WHOLE = process.env.COPSE_NATS_CLUSTER === "1";

describe.skipIf(!HAS_NATS)("three servers that keep everything three times", () => {
  let servers: readonly NatsServer[] = [];
  const opened: DeliveryService[] = [];

  /** A connection that begins with one of the servers, and goes on with any. */
  const open = async (index: number): Promise<NatsConnection> => {
    const urls = servers.map(({ url }) => url);
    for (;;) {
      const connection = await connect({
        servers: [...urls.slice(index), ...urls.slice(0, index)],
        noRandomize: true,
        reconnectTimeWait: 50,
        maxReconnectAttempts: -1,
        timeout: 2000,
      }).catch(() => new Promise<undefined>((resolve) => setTimeout(resolve, 50)));
      if (connection !== undefined) return connection;
    }
  };

  const client = async (name: string, index: number, limits = {}): Promise<DeliveryService> => {
    const connection = () => open(index);
    const service = await again(() =>
      natsDelivery({
        connection,
        user: name,
        client: bytes(`key of ${name}`),
        heartbeat: 500,
        timeout: 1000,
        limits,
      }),
    );
    opened.push(service);
    return service;
  };

  /** Does something until it is done, as clients do. */
  async function again<T>(work: () => Promise<T>): Promise<T> {
    for (;;)
      try {
        return await work();
      } catch (error) {
        if ((error as { retry?: string }).retry !== "later") throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
  }

  beforeAll(async () => {
    servers = await startNatsCluster(3);
    const admin = await open(0);
    // The servers have to choose their leader first.
    while ((await jetstreamManager(admin, { timeout: 500 }).catch(() => undefined)) === undefined);
    // And to find each other.
    await again(() => prepareNats(admin, { replicas: 3 }));
    await admin.close();
  });
  afterAll(async () => {
    await Promise.all(opened.map((service) => service.close()));
    await Promise.all(servers.map((server) => server.stop()));
  });

  test("of handshakes that come by all of them at once, one is accepted; each key package is handed out once", async () => {
    const clients = await Promise.all([0, 1, 2].map((index) => client(`c${index}`, index)));
    const [alice, bob] = clients;
    if (!alice || !bob) throw new Error("no clients");
    const cursors: Cursor[] = [await again(() => accepted(alice.submit(handshake("race", "", "first"))))];
    for (let round = 0; round < 5; round++) {
      const after = cursors.at(-1) as Cursor;
      const submissions = Array.from({ length: 9 }, (_, index) => ({
        service: clients[index % 3] as DeliveryService,
        submission: handshake("race", after, `${round} ${index}`),
      }));
      const answers = await Promise.all(
        submissions.map(({ service, submission }) => again(() => service.submit(submission))),
      );
      const winners = answers.flatMap((answer) => (answer.kind === "accepted" ? [answer.cursor] : []));
      expect(winners).toHaveLength(1);
      for (const answer of answers) if (answer.kind === "stale") expect(answer.first.cursor).toBe(winners[0]);
      cursors.push(winners[0] as Cursor);
    }
    for (const service of clients) {
      const entries = await first(service.subscribe({ groupId: bytes("race"), after: "" }), cursors.length);
      expect(entries.map(({ cursor }) => cursor)).toEqual(cursors);
    }
    const offered = Array.from({ length: 9 }, (_, index) => keyPackage(`cluster ${index}`));
    await again(() => bob.publishKeyPackages(offered));
    const claims = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        again(() => (clients[index % 3] as DeliveryService).claimKeyPackages("c1", 1)),
      ),
    );
    expect(claims.flat().map(text).sort()).toEqual(offered.map((one) => text(one.keyPackage)).sort());
  });

  test("while the log's leader is killed and brought back, all that was acknowledged is read once and in order", async () => {
    const groupId = bytes("killed");
    const sender = await client("sender", 0);
    const committer = await client("committer", 1);
    const reader = await client("reader", 2);
    let last = await again(() => accepted(sender.submit(handshake("killed", "", "first"))));
    const acknowledged: string[] = [];
    let isOver = false;
    const sending = (async () => {
      for (let count = 0; !isOver; count++) {
        const one = message("killed", `message ${count}`, newId());
        await again(() => sender.send(one));
        acknowledged.push(one.id);
      }
    })();
    const committing = (async () => {
      while (!isOver) {
        const one = handshake("killed", last, "commit");
        last = await again(() => accepted(committer.submit(one)));
        acknowledged.push(one.id);
      }
    })();
    const read: LogEntry[] = [];
    const reading = (async () => {
      let after = "";
      const isDone = () => isOver && acknowledged.every((id) => read.some((entry) => entry.id === id));
      while (!isDone())
        await again(async () => {
          for await (const { entries } of reader.subscribe({ groupId, after })) {
            read.push(...entries);
            after = entries.at(-1)?.cursor ?? after;
            if (isDone()) return;
          }
        });
    })();
    const more = async () => {
      const wanted = acknowledged.length + 20;
      while (acknowledged.length < wanted) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    for (const index of (await leaderFirst()).slice(0, WHOLE ? 3 : 1)) {
      await more();
      await servers[index]?.kill();
      // Two of three go on.
      await more();
      await servers[index]?.start();
      await current(index);
    }
    isOver = true;
    // The reader may wait for what has come already.
    await Promise.all([sending, committing]);
    await again(() => sender.send(message("killed", "end")));
    await reading;
    const ids = read.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const sequences = read.map(({ cursor }) => Number(cursor));
    expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
    const messages = read.filter(({ kind }) => kind === "message").map((entry) => text(entry.message));
    const wanted = messages.filter((one) => one !== "end").map((_, index) => `message ${index}`);
    expect(messages.filter((one) => one !== "end")).toEqual(wanted);
  });

  test("what is sent again while it is on its way gets the place that it will have", async () => {
    const [leader = 0, ...others] = await leaderFirst();
    const hasty = await client("hasty", leader);
    await again(() => accepted(hasty.submit(handshake("hasty", "", "first"))));
    await again(() => hasty.send(message("hasty", "before")));
    const signal = (name: NodeJS.Signals) => {
      for (const index of others) process.kill(servers[index]?.pid() as number, name);
    };
    const one = message("hasty", "sent twice");
    let sent: readonly Promise<Cursor>[];
    // Without the others there is no majority: nothing can be stored.
    signal("SIGSTOP");
    try {
      sent = [hasty.send(one), hasty.send(one)];
      await new Promise((resolve) => setTimeout(resolve, 300));
    } finally {
      signal("SIGCONT");
    }
    const [cursor, same] = await Promise.all(sent);
    expect(same).toBe(cursor);
    const entries = await again(() => first(hasty.subscribe({ groupId: bytes("hasty"), after: "" }), 3));
    expect(entries.map(({ id }) => id).slice(2)).toEqual([one.id]);
    expect(entries.at(-1)?.cursor).toBe(cursor);
  });

  /** The servers by index, the leader of the log first. */
  async function leaderFirst(): Promise<number[]> {
    const admin = await open(0);
    const jsm = await jetstreamManager(admin);
    const leader = (await jsm.streams.info("copse-log-0")).cluster?.leader ?? "n0";
    await admin.close();
    const index = Number(leader.slice(1));
    return [index, (index + 1) % 3, (index + 2) % 3];
  }

  /** Waits until a server has caught up: else the next one that is killed leaves no majority. */
  async function current(index: number): Promise<void> {
    const admin = await open((index + 1) % 3);
    const jsm = await jetstreamManager(admin, { checkAPI: false });
    for (const stream of ["copse-log-0", "copse-parcels-0", "copse-keys-0", "copse-inbox-0", "copse-state-0"])
      for (;;) {
        const info = await jsm.streams.info(stream).catch(() => undefined);
        const { leader, replicas = [] } = info?.cluster ?? {};
        const others = replicas.filter((peer) => peer.current && !peer.offline);
        if (leader !== undefined && others.length === 2) break;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    await admin.close();
  }

  if (WHOLE) {
    const limits = { message: 100_000, keyPackages: 50 };
    let killed = 0;
    const checks = checksForDelivery(
      {
        name: "nats cluster",
        start: () => servers,
        connect: (_, user, device) =>
          again(() =>
            natsDelivery({
              connection: () => open(0),
              user,
              client: bytes(`${user} ${device}`),
              limits,
              heartbeat: 500,
            }),
          ),
        restart: async () => {
          const index = killed++ % 3;
          await servers[index]?.kill();
          await servers[index]?.start();
          await current(index);
        },
        limits,
      },
      { timeLimit: 60_000 },
    );
    for (const check of checks) test(check.name, () => check.run());
  }
});
