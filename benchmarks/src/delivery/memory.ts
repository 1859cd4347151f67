// The service in memory: in this process, and nothing of it outlasts it.
import { memoryDelivery } from "@copse/delivery";
import type { Station } from "./station.js";

export async function memoryStation(): Promise<Station> {
  const memory = memoryDelivery();
  return {
    name: "memory",
    connect: async (n) => memory.connect(`user-${n}`, `client-${n}`),
    close: async () => memory.pause(),
  };
}
