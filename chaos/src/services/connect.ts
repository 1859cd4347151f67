// How a client's process reaches the service.
import type { StoredClient } from "@copse/core/storage";
import type { DeliveryService } from "@copse/delivery/service";
import type { Place } from "../clients/orders.js";
import type { Remote } from "./remote.js";

export async function connectTo(
  place: Place,
  name: string,
  _client: StoredClient,
  remote: Remote,
): Promise<DeliveryService> {
  if (place.kind === "memory") return remote.service(name);
  throw new Error(`${place.kind} isn't there yet`);
}
