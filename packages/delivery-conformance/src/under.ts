// What an author says of the service that is to be checked.
import type { DeliveryService } from "@copse/delivery/service";
import type { KeyMaker } from "./keys.js";

/** How to reach the service that is checked. `Service` is what its author needs to know one that runs. */
export interface DeliveryUnderTest<Service = unknown> {
  /** For people, such as `nats`. */
  readonly name: string;
  /** Starts a service, for one check. It may be one that others use too: no two checks have a user or a group in common. */
  start(): Service | Promise<Service>;
  /**
   * Connects a client. The same names again: another connection of the same client.
   * @param user a user's name, of `a-z0-9-`
   * @param client names one of the user's clients, in the same characters
   */
  connect(service: Service, user: string, client: string): DeliveryService | Promise<DeliveryService>;
  /** Stops the service, in the hardest way that its data has to outlast, and starts it again with them. */
  restart?(service: Service): unknown;
  /** Stops the service for good. All connections are closed before. Default: nothing. */
  stop?(service: Service): unknown;
  /** What its clients have as `ordering`. Default: `service`. */
  readonly ordering?: DeliveryService["ordering"];
  /** Whether it serves members alone, whom it knows by the keys of their epochs: needs `crypto`. Default: `unchecked`. */
  readonly members?: "checked" | "unchecked";
  /** Makes the keys of epochs: any `CryptoProvider`. */
  readonly crypto?: KeyMaker;
  /** What the service takes at most; only those limits are checked that are here. */
  readonly limits?: DeliveryLimitsUnderTest;
}

/** Limits that a service has: sizes are in bytes. */
export interface DeliveryLimitsUnderTest {
  /** Of a message that is sent: 1024 or more, which the checks need. */
  readonly message?: number;
  /** Key packages of one client: 20 or more. */
  readonly keyPackages?: number;
}
