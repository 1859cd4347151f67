// A delivery service of the run: clients reach it through the network, and it is killed and started again.
import type { Place } from "../clients/orders.js";
import type { Answer, Request } from "./remote.js";

/** What one process of clients has of a service that is in the conductor's process. */
export interface Wire {
  take(request: Request): void;
  close(): void;
}

export interface Service {
  /** Where clients find it, by way of the network. */
  readonly place: Place;
  /** Kills it, or one of its nodes, and starts it again after so many milliseconds. */
  strike(milliseconds: number): Promise<void>;
  /** Cuts all connections. */
  cut(): void;
  /** From now on the network is good. */
  calm(): void;
  /** For a service in this process. */
  wire?(post: (answer: Answer) => void): Wire;
  /** Where the entries of a group's log stand, by their IDs. Where nobody but members may read it, it isn't there. */
  logOf?(group: string): Promise<ReadonlyMap<string, string>>;
  /** What the network did. */
  readonly counts: Readonly<Record<string, number>>;
  close(): Promise<void>;
}
