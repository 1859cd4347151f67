// A TCP proxy that delays what passes, and cuts connections.
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { sleep, type Weather } from "./weather.js";

/**
 * Takes bytes as they come, and gives what is to be sent on: whole pieces, in the order in which they are to be sent. `later`
 * sends one after so many milliseconds.
 */
export type Frames = (
  bytes: Buffer,
  later: (piece: Buffer, milliseconds: number) => void,
) => Iterable<Buffer>;

const whole: Frames = (bytes) => [bytes];

export interface PipeOptions {
  /** The port on this machine to which it goes. */
  readonly target: number;
  readonly weather: Weather;
  /** How what clients send is taken apart, for each connection. By default, as it comes. */
  readonly frames?: () => Frames;
}

/** Passes bytes on in their order, some late. */
async function pass(from: Socket, to: Socket, weather: Weather, frames: Frames): Promise<void> {
  const later = (piece: Buffer, milliseconds: number) =>
    void setTimeout(() => to.destroyed || to.write(piece), milliseconds);
  for await (const bytes of from as AsyncIterable<Buffer>) {
    await sleep(weather.delay());
    if (weather.strikes("cut")) break;
    for (const piece of frames(bytes, later))
      if (!to.write(piece)) await new Promise((resolve) => to.once("drain", resolve).once("close", resolve));
  }
  // Both ways end: half a connection is no connection.
  from.destroy();
  to.destroy();
}

/** Joins two sockets through the weather. */
export function join(client: Socket, service: Socket, weather: Weather, frames: Frames = whole): void {
  for (const [one, other] of [
    [client, service],
    [service, client],
  ] as const) {
    one.setNoDelay(true);
    one.on("error", () => other.destroy());
    one.on("close", () => other.destroy());
  }
  pass(client, service, weather, frames).catch(() => service.destroy());
  pass(service, client, weather, whole).catch(() => client.destroy());
}

/** A proxy on a port of its own. */
export class Pipe {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open({ target, weather, frames }: PipeOptions): Promise<Pipe> {
    const server = createServer();
    const pipe = new Pipe(server);
    server.on("connection", (client) => {
      const service = connect(target, "127.0.0.1");
      for (const socket of [client, service]) {
        pipe.#sockets.add(socket);
        socket.on("close", () => pipe.#sockets.delete(socket));
      }
      join(client, service, weather, frames?.());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return pipe;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Cuts all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }
}
