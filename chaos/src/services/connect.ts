// How a client's process reaches the service.
import type { StoredClient } from "@copse/core/storage";
import type { DeliveryService } from "@copse/delivery/service";
import { httpDelivery } from "@copse/delivery-http";
import { natsDelivery } from "@copse/delivery-nats";
import { connect } from "@nats-io/transport-node";
import type { Place } from "../clients/orders.js";
import type { Remote } from "./remote.js";

/** Milliseconds: nodes are away for seconds, and not for minutes. */
const TIMEOUT = 2000;

export async function connectTo(
  place: Place,
  name: string,
  client: StoredClient,
  remote: Remote,
): Promise<DeliveryService> {
  if (place.kind === "memory") return remote.service(name);
  if (place.kind === "http") return httpDelivery({ url: place.url, user: name, client });
  const connection = () =>
    connect({
      servers: [...place.servers],
      maxReconnectAttempts: -1,
      reconnectTimeWait: 200,
      timeout: TIMEOUT,
    });
  return natsDelivery({
    connection,
    user: name,
    client: client.signatureKey,
    timeout: TIMEOUT,
    heartbeat: 1000,
  });
}
