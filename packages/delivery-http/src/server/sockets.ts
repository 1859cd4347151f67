// The sockets of all clients: who may open one, and which of them wait for what.
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import { SOCKET_PATH } from "../wire/routes.js";
import { decode } from "../wire/shape.js";
import { requestFrame } from "../wire/structures.js";
import type { Accounts } from "./accounts.js";
import { failureOf, refuse } from "./failures.js";
import type { Groups, Listener } from "./groups/groups.js";
import { closeCode, Socket, type SocketParts } from "./socket.js";

/** The largest frame that a client sends, in bytes. */
const MAX_FRAME = 4096;

interface SocketsOptions extends Pick<SocketParts, "settings" | "counters" | "rates" | "report"> {
  readonly accounts: Accounts;
  addressOf(request: IncomingMessage): string;
}

type Watching = Map<Socket, Set<number>>;

export class Sockets implements Listener {
  readonly #options: SocketsOptions;
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_FRAME,
    perMessageDeflate: false,
    clientTracking: true,
  });
  readonly #groups = new Map<number, Watching>();
  readonly #inboxes = new Map<number, Watching>();
  /** By client, the oldest first. */
  readonly #open = new Map<number, Set<Socket>>();
  readonly #alive = new WeakSet<WebSocket>();
  readonly #timer: ReturnType<typeof setInterval>;
  #parts: SocketParts | undefined;

  constructor(options: SocketsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#ping(), options.settings.times.ping);
    this.#timer.unref();
  }

  /** Groups tell sockets what has come, and sockets read from groups. */
  use(groups: Groups): void {
    const { settings, counters, rates, report } = this.#options;
    this.#parts = {
      groups,
      settings,
      counters,
      rates,
      report,
      watch: (socket, group, stream) => {
        const [all, key] = this.#watching(socket, group);
        const watching: Watching = all.get(key) ?? new Map();
        all.set(key, watching);
        watching.set(socket, (watching.get(socket) ?? new Set()).add(stream));
      },
      unwatch: (socket, group, stream) => {
        const [all, key] = this.#watching(socket, group);
        const streams = all.get(key)?.get(socket);
        streams?.delete(stream);
        if (streams?.size === 0) all.get(key)?.delete(socket);
        if (all.get(key)?.size === 0) all.delete(key);
      },
    };
  }

  #watching(socket: Socket, group: number | undefined): [Map<number, Watching>, number] {
    return group === undefined ? [this.#inboxes, socket.account.id] : [this.#groups, group];
  }

  onEntries(group: number): void {
    for (const [socket, streams] of [...(this.#groups.get(group) ?? [])])
      for (const stream of [...streams]) socket.wake(stream);
  }

  onWelcomes(client: number): void {
    for (const [socket, streams] of [...(this.#inboxes.get(client) ?? [])])
      for (const stream of [...streams]) socket.wake(stream);
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    const { settings, rates, counters, addressOf } = this.#options;
    const answer = (status: string): void => {
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    };
    const path = request.url?.split("?")[0];
    if (path !== SOCKET_PATH) {
      counters.invalid += 1;
      answer("404 Not Found");
      return;
    }
    try {
      rates.take("login", addressOf(request));
      if (this.#server.clients.size >= settings.quotas.connections) throw new Error("too many sockets");
    } catch {
      counters.limited += 1;
      answer("503 Service Unavailable");
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (ws) => this.#accept(ws));
  }

  #accept(ws: WebSocket): void {
    const { settings, counters, report } = this.#options;
    counters.sockets += 1;
    this.#alive.add(ws);
    let socket: Socket | undefined;
    const timer = setTimeout(() => {
      counters.socketsEnded += 1;
      ws.terminate();
    }, settings.times.socketLogin);
    ws.on("pong", () => this.#alive.add(ws));
    ws.on("error", () => ws.terminate());
    ws.on("close", () => {
      clearTimeout(timer);
      if (socket !== undefined) this.#remove(socket);
    });
    ws.on("message", (data, isBinary) => {
      try {
        if (!isBinary) refuse("invalid", "expected a binary frame");
        if (socket !== undefined) return socket.receive(viewOf(data));
        socket = this.#login(ws, viewOf(data));
        clearTimeout(timer);
      } catch (error) {
        counters.socketsEnded += 1;
        const failure = failureOf(error, counters, report);
        // Its length is limited to 123 bytes.
        ws.close(closeCode(error), `${failure.code}${failure.needs === "login" ? " login" : ""}`);
      }
    });
  }

  #login(ws: WebSocket, data: Uint8Array): Socket {
    const { accounts, rates, settings } = this.#options;
    const frame = decode(requestFrame, data);
    if (frame.kind !== "login") return refuse("invalid", "expected a login first");
    const account = accounts.accountOf(frame.token);
    rates.take("socket", account.id);
    const socket = new Socket(ws, account, this.#parts as SocketParts);
    const open = this.#open.get(account.id) ?? new Set();
    this.#open.set(account.id, open.add(socket));
    const [oldest] = open;
    if (open.size > settings.quotas.sockets) oldest?.close();
    return socket;
  }

  #remove(socket: Socket): void {
    socket.end();
    const open = this.#open.get(socket.account.id);
    open?.delete(socket);
    if (open?.size === 0) this.#open.delete(socket.account.id);
  }

  #ping(): void {
    for (const open of this.#open.values()) for (const socket of open) socket.sayAlive();
    for (const ws of this.#server.clients) {
      if (this.#alive.delete(ws)) {
        ws.ping();
        continue;
      }
      this.#options.counters.socketsEnded += 1;
      ws.terminate();
    }
  }

  close(): void {
    clearInterval(this.#timer);
    for (const ws of this.#server.clients) ws.terminate();
    this.#server.close();
  }
}

function viewOf(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data);
  return new Uint8Array(data as Buffer);
}
