// How a worker reaches the delivery service.
import type { StoredClient } from "@copse/core/storage";
import type { DeliveryService } from "@copse/delivery";
import { httpDelivery } from "@copse/delivery-http";
import { natsDelivery } from "@copse/delivery-nats";
import { wsconnect } from "@nats-io/nats-core";
import { readConfig } from "../shared/config.js";

async function byNats(servers: string, user: string, client: StoredClient): Promise<DeliveryService> {
  const connection = await wsconnect({ servers, maxReconnectAttempts: -1 });
  const service = await natsDelivery({ connection, user, client: client.signatureKey });
  const close = service.close.bind(service);
  // The connection is this client's alone.
  service.close = async () => {
    await close();
    await connection.close();
  };
  return service;
}

/** By its own key: the first client of a name has it. */
async function byHttp(url: string, user: string, client: StoredClient): Promise<DeliveryService> {
  const service = httpDelivery({ url, user, client });
  try {
    await service.login();
    return service;
  } catch (error) {
    await service.close();
    throw error;
  }
}

/** Connects a user's client to the service that the page's server names. @throws DeliveryError `unavailable` */
export async function connect(user: string, client: StoredClient): Promise<DeliveryService> {
  const { delivery, url } = await readConfig();
  return delivery === "nats" ? byNats(url, user, client) : byHttp(url, user, client);
}
