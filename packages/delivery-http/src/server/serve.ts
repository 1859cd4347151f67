// A whole delivery service in one process.
import { mkdirSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import type { CryptoProvider } from "@copse/core/provider";
import type { DeliveryLimits } from "@copse/delivery/rules";
import { nodeProvider } from "@copse/provider-node";
import { Accounts } from "./accounts.js";
import { appOf } from "./app.js";
import { type DeliveryCounters, newCounters } from "./counters.js";
import { Doors } from "./doors.js";
import { EpochKeys } from "./groups/epoch-keys.js";
import { Followers, type PublicHandshakes } from "./groups/followers.js";
import { Groups } from "./groups/groups.js";
import { Retention } from "./groups/retention.js";
import { heldOf } from "./held.js";
import { KeyPackages } from "./key-packages.js";
import { listen, serverOf } from "./listening.js";
import {
  type AdmissionRequest,
  type DeliveryRates,
  type ServerQuotas,
  type ServerTimes,
  settingsOf,
} from "./options.js";
import { Addresses, addressOfConnection, Rates } from "./rates.js";
import { Sockets } from "./sockets.js";
import { Store } from "./store.js";

/** The options of {@link serveDelivery}. */
export interface ServeDeliveryOptions {
  /** A folder for the service's data, which is made if it isn't there. One service at a time may have it. */
  readonly data: string;
  /** Default: 0, any that is free. */
  readonly port?: number;
  /** The address at which it listens. Default: `127.0.0.1`, for this machine alone. */
  readonly host?: string;
  /**
   * The origins by which clients reach it, such as `https://chat.example`: clients sign them when they log in. Default: those
   * of this machine with the port.
   */
  readonly origins?: readonly string[];
  /**
   * The origins of further web pages that may call it, such as `https://app.example`, or `any`. Those of `origins` may, and if there
   * are none, all pages of this machine. Other pages are refused before anything is read; what isn't a page isn't asked. Default: none.
   */
  readonly pages?: readonly string[] | "any";
  /**
   * Whether a new client becomes one of a user. Default: if it is the user's first, or another client of the user has signed
   * its admission.
   */
  readonly admit?: (request: AdmissionRequest) => boolean | Promise<boolean>;
  /** `checked`: a group's members alone read it and write to it, by the keys of its epochs. Default: `checked`. */
  readonly members?: "checked" | "unchecked";
  /** Whether everybody gets a group's GroupInfo, and may join by it. Default: users who were members. */
  readonly openGroups?: boolean;
  /**
   * `private`: handshakes are ordered, and not read. Otherwise the groups that it names are followed, which need handshakes
   * as PublicMessages (`policy.handshake` of the members): a commit that no member would take is `refused`. Default: `private`.
   */
  readonly handshakes?: "private" | PublicHandshakes;
  readonly limits?: Partial<DeliveryLimits>;
  readonly rates?: Partial<DeliveryRates>;
  readonly quotas?: Partial<ServerQuotas>;
  readonly times?: Partial<ServerTimes>;
  /** Bytes that are kept of each group's log: of its messages, and 256 for each entry besides. Default: 64 MiB. */
  readonly groupBytes?: number;
  /** What verifies logins and seals to epochs' keys. Default: `nodeProvider()`. */
  readonly crypto?: CryptoProvider;
  /**
   * The address of a request's sender, for rates and quotas: behind a proxy, from its header. Then the proxy decides which names lead
   * here; else that is an address, a name of this machine, or one in `origins`. Default: that of the connection, of IPv6 its first half.
   */
  readonly addressOf?: (request: IncomingMessage) => string;
  /** Gets what failed inside. Default: `console.error`. */
  readonly onError?: (error: unknown) => void;
  /** The clock, in milliseconds since 1970. Default: `Date.now`. */
  readonly now?: () => number;
}

/** A running service. */
export interface DeliveryServer {
  /** Where clients on this machine reach it. */
  readonly url: string;
  readonly counters: Readonly<DeliveryCounters>;
  /** Ends all connections, and writes what was taken. */
  close(): Promise<void>;
}

/**
 * Runs a delivery service: HTTP and WebSocket, in one process, with its data in SQLite. What it answered outlasts a crash.
 * @throws MlsError `storage` if another service has the folder; the platform's error if it can't listen
 * @example
 * const server = await serveDelivery({ data: "./data", port: 8080 });
 * console.log(server.url);
 * await server.close();
 */
export async function serveDelivery(options: ServeDeliveryOptions): Promise<DeliveryServer> {
  const settings = settingsOf(options);
  const isBehindProxy = options.addressOf !== undefined;
  const doors = new Doors({ origins: options.origins, pages: options.pages ?? [], isBehindProxy });
  const counters = newCounters();
  const report = options.onError ?? ((error: unknown) => console.error(error));
  mkdirSync(options.data, { recursive: true, mode: 0o700 });
  const store = await Store.open(options.data, counters);
  const crypto = options.crypto ?? nodeProvider();
  const rates = new Rates(settings.rates, settings.now);
  const addressOf = options.addressOf ?? (({ socket }) => addressOfConnection(socket.remoteAddress));
  let origins: readonly string[] = options.origins ?? [];
  const admit = options.admit ?? (({ isFirst, isVouchedFor }) => isFirst || isVouchedFor);
  const accounts = new Accounts({ store, settings, counters, crypto, origins: () => origins, admit, rates });
  const keyPackages = new KeyPackages(store, settings, counters, rates);
  const { receiving, sending } = heldOf(settings, counters);
  const addresses = new Addresses(settings.quotas.connectionsOfAddress);
  const sockets = new Sockets({
    settings,
    counters,
    rates,
    report,
    accounts,
    doors,
    addressOf,
    sending,
    ...(isBehindProxy && { addresses }),
  });
  const { handshakes = "private" } = options;
  const followers = handshakes === "private" ? undefined : new Followers(handshakes, crypto, counters);
  const groups = new Groups({ store, settings, counters, crypto, keyPackages, listener: sockets, followers });
  followers?.use(groups);
  sockets.use(groups);
  const isRead = (group: number) => sockets.isRead(group);
  const retention = new Retention({ store, settings, counters, isRead, report });
  const epochKeys = new EpochKeys(store, groups.rows, settings, crypto, (group) => sockets.onEntries(group));
  const app = appOf({
    settings,
    counters,
    doors,
    rates,
    accounts,
    keyPackages,
    groups,
    epochKeys,
    sending,
    receiving,
    addressOf,
    report,
  });
  const server = serverOf({ fetch: app.fetch, sockets, settings, counters, isBehindProxy, addresses });
  const host = options.host ?? "127.0.0.1";
  let port: number;
  try {
    port = (await listen(server, options.port ?? 0, host)).port;
  } catch (error) {
    retention.close();
    sockets.close();
    store.close();
    throw error;
  }
  const named = host.includes(":") ? `[${host}]` : host;
  if (options.origins === undefined)
    origins = ["localhost", "127.0.0.1", "[::1]", named].map((name) => `http://${name}:${port}`);
  let closing: Promise<void> | undefined;
  return {
    url: `http://${["0.0.0.0", "::"].includes(host) ? "localhost" : named}:${port}`,
    counters,
    close: () => {
      closing ??= new Promise((resolve) => {
        retention.close();
        sockets.close();
        server.close(() => {
          store.close();
          resolve();
        });
        server.closeAllConnections();
      });
      return closing;
    },
  };
}
