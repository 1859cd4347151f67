// The services that are measured, each started for it, and what a client has of them.
import type { DeliveryService } from "@copse/delivery/service";

/** A running service. */
export interface Station {
  readonly name: string;
  /** A client of a user of its own, or of the user with this number. */
  connect(n: number): Promise<DeliveryService>;
  /** Publishing beside the service, by the same client library: where there is such a thing. */
  readonly plain?: Plain;
  close(): Promise<void>;
}

/** What is below the service, without it. */
export interface Plain {
  readonly name: string;
  /** Resolves when the message is as safe as the service's. */
  publish(id: string, message: Uint8Array): Promise<void>;
  /** Calls for each message, as it comes. @returns what ends that */
  receive(listener: (id: string) => void): Promise<() => Promise<void>>;
}

/** Starts a service, or says why it can't be. */
export type Starter = () => Promise<Station>;
