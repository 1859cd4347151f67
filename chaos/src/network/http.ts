// An HTTP proxy that makes requests late, twice or not at all, and loses answers; WebSockets pass as bytes, and are cut.
import {
  Agent,
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { join } from "./pipe.js";
import { sleep, type Weather } from "./weather.js";

export class HttpProxy {
  readonly #server: Server;
  readonly #weather: Weather;
  readonly #target: number;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #sockets = new Set<Socket>();

  private constructor(target: number, weather: Weather) {
    this.#target = target;
    this.#weather = weather;
    this.#server = createServer((request, response) => {
      this.#pass(request, response).catch(() => response.destroy());
    });
    this.#server.on("upgrade", (request, client, head) => this.#upgrade(request, client as Socket, head));
    this.#server.on("connection", (socket) => this.#keep(socket));
  }

  static async open(target: number, weather: Weather): Promise<HttpProxy> {
    const proxy = new HttpProxy(target, weather);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#sockets.delete(socket));
  }

  async #pass(from: IncomingMessage, to: ServerResponse): Promise<void> {
    const body = await buffer(from);
    await sleep(this.#weather.delay());
    if (this.#weather.strikes("lost")) return void to.destroy();
    const answer = this.#ask(from, body);
    if (this.#weather.strikes("duplicated")) this.#ask(from, body).catch(() => undefined);
    const { message, content } = await answer;
    if (this.#weather.strikes("unanswered")) return void to.destroy();
    to.writeHead(message.statusCode ?? 502, message.rawHeaders);
    to.end(content);
  }

  #ask(from: IncomingMessage, body: Buffer): Promise<{ message: IncomingMessage; content: Buffer }> {
    const { method, url: path, headers } = from;
    return new Promise((resolve, reject) => {
      const asked = request(
        { host: "127.0.0.1", port: this.#target, method, path, headers, agent: this.#agent },
        (message) => buffer(message).then((content) => resolve({ message, content }), reject),
      );
      asked.on("error", reject);
      asked.end(body);
    });
  }

  #upgrade({ method, url, rawHeaders }: IncomingMessage, client: Socket, head: Buffer): void {
    const service = connect(this.#target, "127.0.0.1");
    this.#keep(service);
    const lines = [`${method} ${url} HTTP/1.1`];
    for (let i = 0; i < rawHeaders.length; i += 2) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
    service.write(`${lines.join("\r\n")}\r\n\r\n`);
    service.write(head);
    join(client, service, this.#weather);
  }

  /** Cuts all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    this.#agent.destroy();
    await closed;
  }
}
