// A whole delivery service in one process.
import { nodeProvider } from "@copse/provider-node";
import { Accounts } from "./accounts.js";
import { appOf } from "./app.js";
import { type DeliveryCounters, newCounters } from "./counters.js";
import { Doors } from "./doors.js";
import { EpochKeys } from "./groups/epoch-keys.js";
import { Followers } from "./groups/followers.js";
import { Groups } from "./groups/groups.js";
import { Retention } from "./groups/retention.js";
import { heldOf } from "./held.js";
import { KeyPackages } from "./key-packages.js";
import { checkPlace, listen, serverOf } from "./listening.js";
import { type ServeDeliveryOptions, settingsOf } from "./options.js";
import { Addresses, addressOfConnection, Rates } from "./rates.js";
import { Sockets } from "./sockets.js";
import { Store } from "./store.js";

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
 * @throws DeliveryError `invalid` for wrong options, also for a port that isn't free; MlsError `storage` if another service has the
 *   folder, or it has other databases
 * @example
 * const server = await serveDelivery({ data: "./data", port: 8080 });
 * console.log(server.url);
 * await server.close();
 */
export async function serveDelivery(options: ServeDeliveryOptions): Promise<DeliveryServer> {
  const settings = settingsOf(options);
  const isBehindProxy = options.addressOf !== undefined;
  const { handshakes = "private", pages = [] } = options;
  const doors = new Doors({ origins: options.origins, pages, isBehindProxy });
  const counters = newCounters();
  const report = options.onError ?? ((error: unknown) => console.error(error));
  const { port: chosen = 0, host = "127.0.0.1" } = options;
  await checkPlace(chosen, host);
  const store = await Store.open(options.data, counters);
  const crypto = options.crypto ?? nodeProvider();
  const rates = new Rates(settings.rates, settings.now);
  const addressOf = options.addressOf ?? (({ socket }) => addressOfConnection(socket.remoteAddress));
  let origins = doors.origins ?? [];
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
  let port: number;
  try {
    port = (await listen(server, chosen, host)).port;
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
