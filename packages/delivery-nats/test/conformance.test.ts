import { checksForDelivery } from "@copse/delivery-conformance";
import { natsDelivery, prepareNats } from "@copse/delivery-nats";
import { HAS_NATS, type NatsServer, startNats } from "@copse/test-support/nats";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, test } from "vitest";
import { bytes } from "./support.js";

describe.skipIf(!HAS_NATS)(
  "the conformance checks, on one server that is killed where they restart it",
  () => {
    let server: NatsServer;

    /** A connection as soon as there is a server: the checks ask for some while it restarts. */
    const open = async (): Promise<NatsConnection> => {
      for (;;) {
        const connection = await connect({
          servers: server.url,
          reconnectTimeWait: 20,
          maxReconnectAttempts: -1,
        }).catch(() => new Promise<undefined>((resolve) => setTimeout(resolve, 20)));
        if (connection === undefined) continue;
        return connection;
      }
    };

    beforeAll(async () => {
      server = await startNats();
      const connection = await open();
      await prepareNats(connection, { partitions: 3 });
      await connection.close();
    });
    afterAll(async () => {
      await server?.stop();
    });

    const limits = { message: 100_000, keyPackages: 50 };
    const checks = checksForDelivery(
      {
        name: "nats",
        start: () => server,
        connect: (_, user, client) =>
          natsDelivery({
            connection: open,
            user,
            client: bytes(`${user} ${client}`),
            limits,
            heartbeat: 500,
          }),
        restart: async ({ kill, start }) => {
          await kill();
          await start();
        },
        limits,
      },
      { timeLimit: 20_000 },
    );
    for (const check of checks) test(check.name, () => check.run());
  },
);
