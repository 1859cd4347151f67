// The sockets of all clients: who may open one, and which of them wait for what.
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import { SOCKET_PATH } from "../wire/routes.js";
import { decode } from "../wire/shape.js";
import { requestFrame } from "../wire/structures.js";
import type { Accounts } from "./accounts.js";
import type { Doors } from "./doors.js";
import { failureOf, refuse, refuseWith } from "./failures.js";
import { Flow } from "./flow.js";
import type { Groups, Listener } from "./groups/groups.js";
import type { Held } from "./held.js";
import { type Addresses, ownerOf } from "./rates.js";
import { closeCode, Socket, type SocketParts } from "./socket.js";

/** The largest frame that a client sends, in bytes. */
const MAX_FRAME = 4096;

interface SocketsOptions extends Pick<SocketParts, "settings" | "counters" | "rates" | "report"> {
  readonly accounts: Accounts;
  readonly doors: Doors;
  readonly sending: Held;
  /** Behind a proxy: of its connections the sockets count. */
  readonly addresses?: Addresses;
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
    // By hand: they count as what is sent.
    autoPong: false,
  });
  readonly #groups = new Map<number, Watching>();
  readonly #inboxes = new Map<number, Watching>();
  /** By client, the oldest first, with what ends them. */
  readonly #open = new Map<number, Map<Socket, () => void>>();
  readonly #alive = new WeakSet<WebSocket>();
  readonly #flows = new WeakMap<WebSocket, Flow>();
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

  /** Whether somebody is subscribed to a group. */
  isRead(group: number): boolean {
    return this.#groups.has(group);
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
    const { settings, rates, counters, doors, addresses, addressOf } = this.#options;
    const answer = (status: string): void => refuseWith(socket, status);
    const path = request.url?.split("?")[0];
    if (path !== SOCKET_PATH) {
      counters.invalid += 1;
      answer("404 Not Found");
      return;
    }
    try {
      doors.check(request.headers);
    } catch {
      counters.forbidden += 1;
      answer("403 Forbidden");
      return;
    }
    const address = addressOf(request);
    try {
      rates.take("login", address);
      if (this.#server.clients.size >= settings.quotas.connections) throw new Error("too many sockets");
      if (addresses?.enter(address, socket) === false) throw new Error("too many sockets of the address");
    } catch {
      counters.limited += 1;
      answer("503 Service Unavailable");
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (ws) => this.#accept(ws, socket, address));
  }

  #accept(ws: WebSocket, connection: Duplex, address: string): void {
    const { settings, counters, rates, report, sending } = this.#options;
    counters.sockets += 1;
    this.#alive.add(ws);
    let socket: Socket | undefined;
    const end = () => {
      counters.socketsEnded += 1;
      ws.terminate();
    };
    const owner = () => ownerOf(socket?.account.id, address);
    const flow = new Flow({
      ws,
      window: settings.quotas.window,
      hold: sending.hold(`socket of ${owner()}`, end),
      pace: (bytes) => rates.owe("frame", owner(), bytes),
    });
    this.#flows.set(ws, flow);
    const timer = setTimeout(end, settings.times.socketLogin);
    connection.on("data", (data: Buffer) => flow.received(data.length));
    ws.on("ping", (data) => flow.pong(data));
    ws.on("pong", () => this.#alive.add(ws));
    ws.on("error", () => ws.terminate());
    ws.on("close", () => {
      clearTimeout(timer);
      flow.close();
      if (socket !== undefined) this.#remove(socket);
    });
    ws.on("message", (data, isBinary) => {
      // What comes after the one that ended it.
      if (ws.readyState !== ws.OPEN) return;
      try {
        if (!isBinary) refuse("invalid", "expected a binary frame");
        if (socket !== undefined) return socket.receive(viewOf(data));
        socket = this.#login(flow, viewOf(data), () => ws.terminate());
        clearTimeout(timer);
      } catch (error) {
        counters.socketsEnded += 1;
        const failure = failureOf(error, counters, report);
        // Its length is limited to 123 bytes.
        ws.close(closeCode(error), `${failure.code}${failure.needs === "login" ? " login" : ""}`);
      }
    });
  }

  #login(flow: Flow, data: Uint8Array, end: () => void): Socket {
    const { accounts, rates, settings } = this.#options;
    const frame = decode(requestFrame, data);
    if (frame.kind !== "login") return refuse("invalid", "expected a login first");
    const account = accounts.accountOf(frame.token);
    rates.take("socket", account.id);
    const socket = new Socket(flow, account, this.#parts as SocketParts);
    const open = this.#open.get(account.id) ?? new Map<Socket, () => void>();
    this.#open.set(account.id, open.set(socket, end));
    for (const [oldest, endOldest] of open) {
      if (open.size <= settings.quotas.sockets) break;
      // At once: its peer may answer no close.
      open.delete(oldest);
      endOldest();
    }
    return socket;
  }

  #remove(socket: Socket): void {
    socket.end();
    const open = this.#open.get(socket.account.id);
    open?.delete(socket);
    if (open?.size === 0) this.#open.delete(socket.account.id);
  }

  #ping(): void {
    for (const open of this.#open.values()) for (const socket of open.keys()) socket.sayAlive();
    for (const ws of this.#server.clients) {
      // Of a socket that isn't read no answer comes: it is ended if it takes nothing.
      if (this.#alive.delete(ws) || this.#flows.get(ws)?.isPaused) {
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
