// The server of HTTP, and how many connections it takes.
import type { IncomingMessage, Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import type { DeliveryCounters } from "./counters.js";
import { refuseWith } from "./failures.js";
import type { Settings } from "./options.js";
import { type Addresses, addressOfConnection } from "./rates.js";
import type { Sockets } from "./sockets.js";

interface Parts {
  readonly fetch: Parameters<typeof createAdaptorServer>[0]["fetch"];
  readonly sockets: Sockets;
  readonly settings: Settings;
  readonly counters: DeliveryCounters;
  /** Where a proxy is before it, connections say nothing of who has opened them. */
  readonly isBehindProxy: boolean;
  readonly addresses: Addresses;
}

export function serverOf({ fetch, sockets, settings, counters, isBehindProxy, addresses }: Parts): Server {
  const { headers, request } = settings.times;
  const server = createAdaptorServer({
    fetch,
    serverOptions: {
      headersTimeout: headers,
      requestTimeout: request,
      keepAliveTimeout: 60_000,
      connectionsCheckingInterval: Math.min(headers, request, 30_000) / 2,
      maxHeaderSize: 8192,
    },
  }) as Server;
  server.maxConnections = settings.quotas.connections;
  server.on("connection", (socket: Socket) => {
    if (isBehindProxy || addresses.enter(addressOfConnection(socket.remoteAddress), socket)) return;
    counters.limited += 1;
    socket.destroy();
  });
  server.on("upgrade", (incoming: IncomingMessage, socket, head) => sockets.upgrade(incoming, socket, head));
  server.on("clientError", (error: { readonly code?: string }, socket) => {
    counters.invalid += 1;
    const status = error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? "408 Request Timeout" : "400 Bad Request";
    if (socket.writable) refuseWith(socket, status);
    else socket.destroy();
  });
  return server;
}

export function listen(server: Server, port: number, host: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve(server.address() as AddressInfo);
    });
  });
}
