// The services by their names.
import type { ServiceName } from "../options.js";
import { memoryService } from "./memory.js";
import type { Service } from "./service.js";

export async function openService(name: ServiceName, _seed: number): Promise<Service> {
  if (name === "memory") return memoryService();
  throw new Error(`${name} isn't there yet`);
}
