// The services by their names.
import type { ServiceName } from "../options.js";
import { httpService } from "./http.js";
import { memoryService } from "./memory.js";
import { natsService } from "./nats.js";
import type { Service } from "./service.js";

export async function openService(name: ServiceName, seed: number): Promise<Service> {
  if (name === "memory") return memoryService();
  return name === "http" ? httpService(seed) : natsService(seed);
}
