// What the chat's server tells its pages and their workers.
import { DeliveryError } from "@copse/delivery/service";

export interface Config {
  /** That of the service's data: people of other data are others, though their names are the same. */
  readonly id: string;
  readonly delivery: "http" | "nats";
  /** Where the service is. */
  readonly url: string;
}

/** @throws DeliveryError `unavailable` */
export async function readConfig(): Promise<Config> {
  const unreachable = (cause?: unknown) =>
    new DeliveryError("unavailable", "the server doesn't answer", { cause });
  const answer = await fetch("/config.json").catch((error: unknown) => {
    throw unreachable(error);
  });
  if (!answer.ok) throw unreachable();
  return (await answer.json()) as Config;
}
