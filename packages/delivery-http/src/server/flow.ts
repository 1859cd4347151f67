// One WebSocket, of which no more is in memory than its window: it isn't read while its client takes nothing, or sends too fast.
import type { WebSocket } from "ws";
import type { Hold } from "./held.js";

interface FlowParts {
  readonly ws: WebSocket;
  /** Bytes that the socket hasn't sent, of which there is room for others below it. */
  readonly window: number;
  readonly hold: Hold;
  /** Takes bytes that have come from the client's rate. @returns how long the next ones have to wait, in milliseconds */
  pace(bytes: number): number;
}

export class Flow {
  readonly #parts: FlowParts;
  #pause: ReturnType<typeof setTimeout> | undefined;
  /** Called when there is room again. */
  onRoom: () => void = () => undefined;

  constructor(parts: FlowParts) {
    this.#parts = parts;
  }

  /** Whether the socket has as much to send as it may. */
  get isFull(): boolean {
    return this.#parts.hold.bytes >= this.#parts.window;
  }

  /** Whether it isn't read. Then it can't answer either. */
  get isPaused(): boolean {
    return this.#parts.ws.isPaused;
  }

  send(bytes: Uint8Array): void {
    this.#sent(bytes.length, (done) => this.#parts.ws.send(bytes, done));
  }

  pong(data: Uint8Array): void {
    // With what a frame takes in memory besides its bytes.
    this.#sent(data.length + 100, (done) => this.#parts.ws.pong(data, false, done));
  }

  #sent(bytes: number, send: (done: () => void) => void): void {
    const { hold, ws } = this.#parts;
    hold.add(bytes);
    if (this.isFull) ws.pause();
    send(() => {
      const wasFull = this.isFull;
      hold.remove(bytes);
      if (this.isFull || !wasFull) return;
      this.#resume();
      this.onRoom();
    });
  }

  /** Bytes have come from the client. */
  received(bytes: number): void {
    const { ws, pace } = this.#parts;
    const wait = pace(bytes);
    if (wait === 0) return;
    ws.pause();
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#resume();
    }, wait).unref();
  }

  #resume(): void {
    if (!this.isFull && this.#pause === undefined) this.#parts.ws.resume();
  }

  close(): void {
    clearTimeout(this.#pause);
    this.#parts.hold.close();
  }
}
