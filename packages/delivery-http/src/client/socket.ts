// The client's one socket, over which all of its subscriptions go.
import type { Bytes } from "@copse/core";
import { DeliveryError } from "@copse/delivery/service";
import { SOCKET_PATH } from "../wire/routes.js";
import { decode, encode } from "../wire/shape.js";
import { type AnswerFrame, answerFrame, type RequestFrame, requestFrame } from "../wire/structures.js";
import type { Requests } from "./requests.js";

/** An event of a WebSocket. */
export interface WebSocketEvent {
  readonly data?: unknown;
  readonly reason?: string;
}

/** What the client uses of a WebSocket. */
export interface WebSocketLike {
  binaryType: string;
  send(data: Bytes): void;
  close(): void;
  addEventListener(
    type: "open" | "message" | "close" | "error",
    listener: (event: WebSocketEvent) => void,
  ): void;
}

export type WebSocketClass = new (url: string) => WebSocketLike;

/** The frames of one subscription. */
export type StreamFrame = Extract<AnswerFrame, { readonly stream: number }> | { readonly kind: "lost" };

const unavailable = (what: string) => new DeliveryError("unavailable", what);

/** Node 20 has none of its own. */
async function webSocketOfPlatform(): Promise<WebSocketClass> {
  const own = (globalThis as { WebSocket?: WebSocketClass }).WebSocket;
  if (own !== undefined) return own;
  // The name is in a variable, so that bundlers for browsers don't resolve it.
  const name = "ws";
  return ((await import(/* @vite-ignore */ name)) as { default: WebSocketClass }).default;
}

/** A socket that is open. `lost` resolves when it isn't any more. */
interface Open {
  readonly lost: Promise<void>;
}

export class SocketClient {
  readonly #requests: Requests;
  readonly #class: WebSocketClass | undefined;
  readonly #timeout: number;
  readonly #streams = new Map<number, (frame: StreamFrame) => void>();
  #open: Promise<Open> | undefined;
  #current: WebSocketLike | undefined;
  #next = 1;
  #isClosed = false;

  constructor(requests: Requests, webSocket: WebSocketClass | undefined, timeout: number) {
    this.#requests = requests;
    this.#class = webSocket;
    this.#timeout = timeout;
  }

  /** Begins a subscription. @returns its number. @throws DeliveryError `unavailable` */
  async subscribe(
    frame: (stream: number) => RequestFrame,
    onFrame: (frame: StreamFrame) => void,
  ): Promise<number> {
    await this.#connect();
    const stream = this.#next++;
    this.#streams.set(stream, onFrame);
    this.send(frame(stream));
    return stream;
  }

  send(frame: RequestFrame): void {
    try {
      this.#current?.send(encode(requestFrame, frame));
    } catch {
      // It is closing: its subscriptions learn that they are lost.
    }
  }

  end(stream: number): void {
    if (this.#streams.delete(stream)) this.send({ kind: "end", stream });
  }

  #connect(): Promise<Open> {
    if (this.#open === undefined) {
      const open = this.#login();
      this.#open = open;
      const forget = () => {
        if (this.#open === open) this.#open = undefined;
      };
      open.then(({ lost }) => lost.then(forget), forget);
    }
    return this.#open;
  }

  async #login(): Promise<Open> {
    const first = this.#requests.token();
    const outcome = await this.#try(await first);
    if (outcome !== "login") return outcome;
    this.#requests.forget(first);
    const again = await this.#try(await this.#requests.token());
    if (again === "login") throw unavailable("the service takes no login for a socket");
    return again;
  }

  /** @returns `login` if the token isn't taken */
  async #try(token: string): Promise<Open | "login"> {
    const Class = this.#class ?? (await webSocketOfPlatform());
    if (this.#isClosed) throw unavailable("the connection was closed");
    const ws = new Class(this.#requests.urlOf(SOCKET_PATH).replace(/^http/, "ws"));
    ws.binaryType = "arraybuffer";
    this.#current = ws;
    return new Promise((resolve, reject) => {
      let lose: () => void = () => undefined;
      const lost = new Promise<void>((done) => {
        lose = done;
      });
      const isDead = () => {
        reject(unavailable(`${this.#requests.named} hasn't answered in time over its socket`));
        this.#lose(ws, lose);
      };
      let silence = this.#timeout;
      let timer = setTimeout(isDead, silence);
      ws.addEventListener("open", () => ws.send(encode(requestFrame, { kind: "login", token })));
      ws.addEventListener("error", () => undefined);
      ws.addEventListener("message", ({ data }) => {
        const frame = frameOf(data);
        if (frame === undefined) return isDead();
        if (frame.kind === "ready") {
          silence = 3 * frame.every;
          resolve({ lost });
        } else if (frame.kind !== "alive") this.#streams.get(frame.stream)?.(frame);
        // A connection may be dead without its end being told.
        clearTimeout(timer);
        timer = setTimeout(isDead, silence);
      });
      ws.addEventListener("close", ({ reason }) => {
        clearTimeout(timer);
        if (reason?.endsWith(" login")) resolve("login");
        else
          reject(unavailable(`${this.#requests.named} has closed its socket${reason ? `: ${reason}` : ""}`));
        this.#lose(ws, lose);
      });
    });
  }

  #lose(ws: WebSocketLike, lose: () => void): void {
    lose();
    ws.close();
    if (this.#current !== ws) return;
    this.#current = undefined;
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    for (const onFrame of streams) onFrame({ kind: "lost" });
  }

  close(): void {
    this.#isClosed = true;
    this.#current?.close();
  }
}

function frameOf(data: unknown): AnswerFrame | undefined {
  try {
    return decode(answerFrame, new Uint8Array(data as ArrayBuffer));
  } catch {
    return undefined;
  }
}
