// The server of HTTP, and how many connections it takes.
import type { IncomingMessage, Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import type { DeliveryCounters } from "./counters.js";
import type { Settings } from "./options.js";
import type { Sockets } from "./sockets.js";

/** How many connections each address has. */
export class Addresses {
  readonly #most: number;
  readonly #counts = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** @returns whether it may have this connection, which counts until it is closed */
  enter(address: string, connection: { once(event: "close", listener: () => void): unknown }): boolean {
    const count = this.#counts.get(address) ?? 0;
    if (count >= this.#most) return false;
    this.#counts.set(address, count + 1);
    connection.once("close", () => {
      const left = (this.#counts.get(address) ?? 1) - 1;
      if (left > 0) this.#counts.set(address, left);
      else this.#counts.delete(address);
    });
    return true;
  }
}

/** The address of a connection. One who has an address of IPv6 has 2^64 of them: those count as one. */
export function addressOfConnection(address: string | undefined): string {
  if (address === undefined) return "";
  if (!address.includes(":") || address.startsWith("::ffff:")) return address;
  const [before = "", after = ""] = address.split("::");
  const [left, right] = [before, after].map((part) => part.split(":").filter((one) => one !== ""));
  const zeros = new Array<string>(Math.max(0, 8 - left!.length - right!.length)).fill("0");
  return [...left!, ...zeros, ...right!].slice(0, 4).join(":");
}

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
    if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
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
