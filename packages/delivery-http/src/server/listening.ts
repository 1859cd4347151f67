// The server of HTTP, and how many connections it takes.
import type { IncomingMessage, Server } from "node:http";
import { type AddressInfo, createServer, type Server as NetServer, type Socket } from "node:net";
import { DeliveryError } from "@copse/delivery/service";
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

/** @throws DeliveryError `invalid`, which names the option, if the system doesn't let it listen there */
export function listen(server: NetServer, port: number, host: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(refusalOf(error, port, host));
    server.once("error", fail);
    server.listen(port, host, () => {
      server.off("error", fail);
      resolve(server.address() as AddressInfo);
    });
  });
}

function refusalOf(error: NodeJS.ErrnoException, port: number, host: string): Error {
  const { code, syscall } = error;
  const refusal = (text: string) => new DeliveryError("invalid", `${text} (${code})`, { cause: error });
  if (code === "EADDRINUSE") return refusal(`port: expected one that is free at ${host}, got ${port}`);
  if (code === "EACCES") return refusal(`port: expected one that this user may have, got ${port}`);
  // Names are looked up first.
  return syscall === "listen" || syscall === "getaddrinfo"
    ? refusal(`host: expected an address or a name of this machine, got "${host}"`)
    : error;
}

/** Looks whether it could listen there, before anything is written. @throws DeliveryError as {@link listen} */
export async function checkPlace(port: number, host: string): Promise<void> {
  const server = createServer((socket) => socket.destroy());
  await listen(server, port, host);
  await new Promise((resolve) => server.close(resolve));
}
