// The service in memory, in the conductor's process. When it is "killed" it keeps what it has: nothing else would.
import { memoryDelivery } from "@copse/delivery";
import type { DeliveryService } from "@copse/delivery/service";
import { sleep } from "../network/weather.js";
import { Served } from "./remote.js";
import type { Service } from "./service.js";

export function memoryService(): Service {
  const memory = memoryDelivery();
  const clients = new Map<string, DeliveryService>();
  const of = (name: string) => {
    const client = clients.get(name) ?? memory.connect(name, name);
    clients.set(name, client);
    return client;
  };
  return {
    place: { kind: "memory" },
    async strike(milliseconds) {
      memory.pause();
      await sleep(milliseconds);
      memory.restart();
    },
    cut: () => memory.restart(),
    calm: () => {},
    wire(post) {
      const served = new Served(of, post);
      return {
        take: (request) => void served.take(request),
        close: () => served.close(),
      };
    },
    counts: {},
    close: async () => memory.pause(),
  };
}
