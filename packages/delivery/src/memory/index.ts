// A whole delivery service in memory: for tests, for one process, and as what other services are compared with.
import type { CryptoProvider } from "@copse/core";
import type { OptionShape } from "@copse/core/provider";
import {
  checkNumbers,
  DEFAULT_DELIVERY_LIMITS,
  DEFAULT_GRACE,
  type DeliveryLimits,
  numbersOf,
  takeBytes,
  takeOptions,
  takeUser,
} from "../rules.js";
import { DeliveryError, type DeliveryService } from "../service.js";
import { Connection } from "./connection.js";
import { Hub } from "./hub.js";
import { DEFAULT_RETENTION, type Retention } from "./log.js";
import { Members } from "./members.js";

export type { Retention } from "./log.js";

export interface MemoryDeliveryOptions {
  /** Whether the service orders handshakes. Default: `service`. */
  readonly ordering?: "service" | "none";
  /** Whether it serves members alone, whom it knows by the keys of their epochs. Default: `unchecked`. */
  readonly members?: "checked" | "unchecked";
  /** Seals to those keys: needed if members are checked. */
  readonly crypto?: CryptoProvider;
  /** For how long the holders of a key may still write when a later handshake is confirmed, in milliseconds. Default: 60,000. */
  readonly grace?: number;
  /** If members are checked: whether everybody may get the GroupInfo, and join by it. Default: those who were members. */
  readonly openGroups?: boolean;
  readonly limits?: Partial<DeliveryLimits>;
  readonly retention?: Partial<Retention>;
  /** The most entries of a batch. Default: 100. */
  readonly batch?: number;
  /** The most bytes of messages of a batch that has several entries. Default: 1 MiB. */
  readonly batchBytes?: number;
  /** The clock, in milliseconds since 1970. Default: `Date.now`. */
  readonly now?: () => number;
}

const OPTIONS: OptionShape<MemoryDeliveryOptions> = {
  ordering: ['"service"', '"none"'],
  members: ['"checked"', '"unchecked"'],
  crypto: "object",
  grace: "number",
  openGroups: "boolean",
  limits: numbersOf(DEFAULT_DELIVERY_LIMITS),
  retention: numbersOf(DEFAULT_RETENTION),
  batch: "number",
  batchBytes: "number",
  now: "function",
};

/** A copy of the options. @throws DeliveryError `invalid` */
function checked(given: MemoryDeliveryOptions): MemoryDeliveryOptions {
  const options = takeOptions(given, OPTIONS);
  const { grace, limits, retention, batch = 1, batchBytes } = options;
  checkNumbers({ grace, limits, retention, batchBytes });
  if (!(batch >= 1)) throw new DeliveryError("invalid", `batch: expected 1 or more, got ${batch}`);
  return options;
}

/** A delivery service in memory. */
export interface MemoryDelivery {
  /**
   * Connects a client. The same user and key again: another connection of the same client.
   * @param user 1 to 255 bytes of UTF-8, without control characters
   * @param clientKey names the client among those of the user: 1 to 255 bytes or characters
   * @throws DeliveryError `invalid`, `limit`
   */
  connect(user: string, clientKey: Uint8Array | string): DeliveryService;
  /** Stops the service: calls and subscriptions reject with `unavailable`. */
  pause(): void;
  /** Stops it, if it runs, and starts it again, with all that it has: connections can be used again. */
  restart(): void;
}

/**
 * Makes a delivery service in memory: everything that {@link DeliveryService} asks for, within one process. What it has is gone
 * with the process.
 * @throws DeliveryError `invalid` for wrong options, and if members are to be checked without `crypto`, or where nobody orders
 * @example
 * const service = memoryDelivery();
 * const alice = service.connect("alice", "phone");
 * const bob = service.connect("bob", "laptop");
 */
export function memoryDelivery(options: MemoryDeliveryOptions = {}): MemoryDelivery {
  const taken = checked(options);
  const { crypto, members = "unchecked" } = taken;
  if (members === "checked" && crypto === undefined)
    throw new DeliveryError("invalid", "crypto: to check members, a provider is needed");
  if (members === "checked" && taken.ordering === "none")
    throw new DeliveryError("invalid", "members: to check them, handshakes must be ordered");
  const hub = new Hub(
    {
      ordering: taken.ordering ?? "service",
      grace: taken.grace ?? DEFAULT_GRACE,
      openGroups: taken.openGroups ?? false,
      limits: { ...DEFAULT_DELIVERY_LIMITS, ...taken.limits },
      retention: { ...DEFAULT_RETENTION, ...taken.retention },
      batch: taken.batch ?? 100,
      batchBytes: taken.batchBytes ?? 1 << 20,
      now: taken.now ?? Date.now,
    },
    members === "checked" && crypto !== undefined ? new Members(crypto) : undefined,
  );
  return {
    connect: (user, clientKey) => new Connection(hub, takeUser(user), takeClientKey(clientKey)),
    pause: () => hub.running.stop(),
    restart: () => {
      hub.running.stop();
      hub.running.start();
    },
  };
}

/** A client's key as the key of a map: bytes and text never meet. */
function takeClientKey(value: Uint8Array | string): string {
  if (typeof value === "string") {
    if (value.length >= 1 && value.length <= 255) return `text ${value}`;
    throw new DeliveryError("invalid", `clientKey: expected 1 to 255 characters, got ${value.length}`);
  }
  return `bytes ${Array.from(takeBytes(value, "clientKey", 1, 255)).join(" ")}`;
}
