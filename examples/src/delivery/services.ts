// Delivery services that examples start, and how a client on Node reaches them.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { StoredClient } from "@copse/core/storage";
import { type DeliveryService, memoryDelivery } from "@copse/delivery";
import { httpDelivery } from "@copse/delivery-http";
import { serveDelivery } from "@copse/delivery-http/server";
import { natsDelivery } from "@copse/delivery-nats";
import { connect } from "@nats-io/transport-node";
import { startNats } from "./nats.js";

export const DELIVERIES = ["memory", "http", "nats"] as const;
export type DeliveryName = (typeof DELIVERIES)[number];

/** A service that runs. */
export interface RunningService {
  /** In words. */
  readonly name: string;
  /** Where pages reach it; `""`: not at all. */
  readonly url: string;
  connect(user: string, client: StoredClient): Promise<DeliveryService>;
  close(): Promise<void>;
}

/** Within this process, and gone with it. */
function memoryService(): RunningService {
  const service = memoryDelivery();
  return {
    name: "in memory",
    url: "",
    connect: async (user, client) => service.connect(user, client.signatureKey),
    close: async () => undefined,
  };
}

/** In this process, with its data in SQLite. */
async function httpService(data: string): Promise<RunningService> {
  await mkdir(data, { recursive: true });
  const { url, close } = await serveDelivery({ data });
  return {
    name: "HTTP and WebSocket, with SQLite",
    url,
    connect: async (user, client) => httpDelivery({ url, user, client }),
    close,
  };
}

async function natsService(data: string): Promise<RunningService> {
  const { url, webUrl, close } = await startNats(data);
  return {
    name: "NATS JetStream",
    url: webUrl,
    async connect(user, { signatureKey }) {
      const connection = await connect({ servers: url, maxReconnectAttempts: -1 });
      const service = await natsDelivery({ connection, user, client: signatureKey });
      const end = service.close.bind(service);
      // The connection is this client's alone.
      service.close = async () => {
        await end();
        await connection.close();
      };
      return service;
    },
    close,
  };
}

/** @param data a folder, of which each service takes its own part */
export async function startService(name: DeliveryName, data: string): Promise<RunningService> {
  if (name === "memory") return memoryService();
  return name === "http" ? httpService(join(data, "http")) : natsService(join(data, "nats"));
}
