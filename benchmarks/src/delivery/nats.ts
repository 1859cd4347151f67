// The service on NATS: three nodes on this machine that keep everything three times, and publishing to a stream beside it.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { natsDelivery, prepareNats } from "@copse/delivery-nats";
import { jetstream, jetstreamManager, StorageType } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { connect } from "@nats-io/transport-node";
import { Children, freePorts } from "./children.js";
import type { Plain, Station } from "./station.js";

const NODES = 3;
const SUBJECT = "plain.messages";
/** How long it may take until the nodes have found each other. */
const TRIES = 60;
const PAUSE = 250;

async function startNodes(children: Children): Promise<number[]> {
  const all = await freePorts(2 * NODES);
  const [ports, routes] = [all.slice(0, NODES), all.slice(NODES)];
  for (const [i, port] of ports.entries()) {
    const [store, config] = [join(children.folder, `${i}`), join(children.folder, `${i}.conf`)];
    await mkdir(store);
    const others = routes.map((route) => `"nats://127.0.0.1:${route}"`).join(", ");
    await writeFile(
      config,
      `server_name: node-${i}\nlisten: "127.0.0.1:${port}"\njetstream { store_dir: "${store}" }\n` +
        `cluster { name: bench, listen: "127.0.0.1:${routes[i]}", routes: [${others}] }\n`,
    );
    await children.start("nats-server", ["-c", config], port);
  }
  return ports;
}

/** Does something until it succeeds: the nodes choose a leader first. */
async function untilDone(work: () => Promise<unknown>): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await work();
      return;
    } catch (error) {
      if (tries === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}

/** Publishing to a stream with as many copies and the same acknowledgements, each with an ID. */
async function plainOf(connection: NatsConnection): Promise<Plain> {
  const manager = await jetstreamManager(connection, { checkAPI: false });
  const stream = { name: "plain", subjects: [SUBJECT], storage: StorageType.File, num_replicas: NODES };
  await untilDone(() => manager.streams.add(stream));
  const js = jetstream(connection);
  return {
    name: "plain NATS",
    async publish(msgID, message) {
      await js.publish(SUBJECT, message, { msgID });
    },
    async receive(listener) {
      const subscription = connection.subscribe(SUBJECT, {
        callback: (_, message) => listener(message.headers?.get("Nats-Msg-Id") ?? ""),
      });
      await connection.flush();
      return async () => subscription.unsubscribe();
    },
  };
}

export async function natsStation(): Promise<Station> {
  const children = await Children.in("nats");
  try {
    const servers = (await startNodes(children)).map((port) => `127.0.0.1:${port}`);
    const connection = await connect({ servers, maxReconnectAttempts: -1 });
    await untilDone(() => prepareNats(connection, { replicas: NODES }));
    return {
      name: "nats",
      connect: async (n) => {
        const client = new TextEncoder().encode(`client-${n}`);
        return natsDelivery({ connection, user: `user-${n}`, client });
      },
      plain: await plainOf(connection),
      async close() {
        await connection.close();
        await children.close();
      },
    };
  } catch (error) {
    await children.close();
    throw error;
  }
}
