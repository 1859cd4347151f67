// How a worker reaches the delivery service.
import type { StoredClient } from "@copse/core/storage";
import { DeliveryError, type DeliveryService } from "@copse/delivery";
import { httpDelivery } from "@copse/delivery-http";
import { natsDelivery } from "@copse/delivery-nats";
import { wsconnect } from "@nats-io/nats-core";
import { readConfig } from "../shared/config.js";

async function byNats(servers: string, { user, client }: Caller): Promise<DeliveryService> {
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

/** What lets another client of the same user in. */
type Admit = (client: { readonly signatureKey: Uint8Array; readonly suite: number }) => Promise<Uint8Array>;

/** A service, of which some let clients in alone that a client of the user has admitted. */
export type Service = DeliveryService & { readonly admit?: Admit };

/** Who connects. */
export interface Caller {
  readonly user: string;
  readonly client: StoredClient;
  /** Asks another device of the user for an admission. @throws DeliveryError `forbidden` */
  knock(): Promise<Uint8Array>;
}

/** By its own key: the first client of a name has it, and lets others in. */
async function byHttp(url: string, { user, client, knock }: Caller): Promise<Service> {
  let service = httpDelivery({ url, user, client });
  try {
    await service.login();
    return service;
  } catch (error) {
    await service.close();
    if (!(error instanceof DeliveryError) || error.code !== "forbidden") throw error;
  }
  service = httpDelivery({ url, user, client, admission: await knock() });
  await service.login();
  return service;
}

/** Connects to the service that the page's server names. @throws DeliveryError `unavailable`, `forbidden` */
export async function connect(caller: Caller): Promise<Service> {
  const { delivery, url } = await readConfig();
  return delivery === "nats" ? byNats(url, caller) : byHttp(url, caller);
}
