// Reading a log or the inbox over the socket: each batch is asked for when the one before has been worked on.
import { type AbortSignalLike, toHex } from "@copse/core";
import { type Batch, DeliveryError, type EpochKeySource } from "@copse/delivery/service";
import type { RequestFrame } from "../wire/structures.js";
import { keyOf, type Proofs } from "./keys.js";
import type { Life } from "./life.js";
import { ServiceError } from "./requests.js";
import type { SocketClient, StreamFrame } from "./socket.js";

/** What is read. */
export interface Reading<Entry> {
  readonly signal?: AbortSignalLike | undefined;
  /** Checks what was asked for, and makes the frame that asks for it. */
  open(): (stream: number) => RequestFrame;
  /** The entries of a frame. */
  entries(frame: StreamFrame): Batch<Entry> | undefined;
  /** Of a group whose members alone read it. */
  readonly groupId?: Uint8Array | undefined;
  readonly key?: EpochKeySource | undefined;
}

interface Parts {
  readonly life: Life;
  readonly socket: SocketClient;
  readonly proofs: Proofs;
}

export class Reader<Entry> implements AsyncIterableIterator<Batch<Entry>> {
  readonly #parts: Parts;
  readonly #reading: Reading<Entry>;
  #stream: number | undefined;
  #isOver = false;
  /** The newest frame that wasn't looked at. After a batch none comes before it is asked for. */
  #frame: StreamFrame | undefined;
  #wake: () => void = () => undefined;
  /** How many batches have come, and how often was asked for one. */
  #batches = 0;
  #asked = 0;
  /** Whether the caller has got one. */
  #isBegun = false;
  #tried: string | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: Parts, reading: Reading<Entry>) {
    this.#parts = parts;
    this.#reading = reading;
  }

  next(): Promise<IteratorResult<Batch<Entry>>> {
    const result = this.#turn.then(() => this.#step());
    this.#turn = result.catch(() => undefined);
    return result;
  }

  return(): Promise<IteratorResult<Batch<Entry>>> {
    this.#end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #end(): void {
    this.#isOver = true;
    if (this.#stream !== undefined) this.#parts.socket.end(this.#stream);
    this.#wake();
  }

  async #step(): Promise<IteratorResult<Batch<Entry>>> {
    if (this.#isOver) return { done: true, value: undefined };
    try {
      return await this.#parts.life.run(this.#reading.signal, () => this.#batch());
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  async #batch(): Promise<IteratorResult<Batch<Entry>>> {
    const { socket } = this.#parts;
    if (this.#stream === undefined) {
      const frame = this.#reading.open();
      this.#stream = await socket.subscribe(frame, (got) => {
        this.#frame = got;
        this.#wake();
      });
      // It was ended while the socket opened.
      if (this.#isOver) socket.end(this.#stream);
    } else {
      this.#ask(this.#stream);
    }
    while (!this.#isOver) {
      const frame = await this.#take();
      const value = frame && this.#reading.entries(frame);
      if (value !== undefined) {
        this.#batches += 1;
        this.#isBegun = true;
        return { done: false, value };
      }
      if (frame?.kind === "locked" && frame.turn === this.#asked) {
        // To whom it has something to say, it says first how much. Who is no member is told nothing.
        const isFinal = frame.isFinal && (this.#isBegun || frame.behind === 0);
        const isUnlocked = await this.#unlock(this.#stream, isFinal);
        if (!isUnlocked && !this.#isBegun) {
          // The first one comes at once: there is more, and it isn't for this client's keys.
          this.#isBegun = true;
          return { done: false, value: { entries: [], behind: frame.behind } };
        }
      }
      if (frame?.kind === "failed") throw new ServiceError(frame.failure);
      if (frame?.kind === "lost")
        throw new DeliveryError("unavailable", "the connection to the service was lost");
    }
    return { done: true, value: undefined };
  }

  #ask(stream: number): void {
    this.#asked += 1;
    this.#parts.socket.send({ kind: "next", stream, turn: this.#asked, batches: this.#batches });
  }

  async #take(): Promise<StreamFrame | undefined> {
    if (this.#frame === undefined && !this.#isOver)
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    const frame = this.#frame;
    this.#frame = undefined;
    return frame;
  }

  /**
   * Proves the key of the epoch in which the client is now. Before it is too late (`isFinal`), that may fail: it reads on by the
   * keys that it has proven before.
   * @returns whether it has proven another key, and asked once more
   * @throws DeliveryError `forbidden` if it has no other
   */
  async #unlock(stream: number, isFinal: boolean): Promise<boolean> {
    const { groupId, key: source } = this.#reading;
    const key = await keyOf(source);
    const name = key && toHex(key.publicKey);
    if (groupId === undefined || key === undefined || name === this.#tried) {
      if (!isFinal) return false;
      throw new DeliveryError("forbidden", "the client has no key with which it reads more of the group");
    }
    try {
      await this.#parts.proofs.prove(groupId, key);
    } catch (error) {
      const isRefused = error instanceof DeliveryError && error.code === "forbidden";
      if (isFinal || !isRefused) throw error;
      return false;
    }
    this.#tried = name;
    this.#ask(stream);
    return true;
  }
}
