// Messages on their way: those that come while a request is under way go together in the next one.
import type { AbortSignalLike } from "@copse/core";
import { Ending } from "@copse/delivery/rules";
import type { WireMessage } from "../wire/structures.js";
import { type Requests, ServiceError } from "./requests.js";

/** The most of one request: messages, and bytes but for the first message. */
const MOST = { messages: 500, bytes: 1 << 20 } as const;

interface Waiting {
  readonly message: WireMessage;
  readonly signal: AbortSignalLike;
  resolve(cursor: string): void;
  reject(error: unknown): void;
}

export class Sender {
  readonly #requests: Requests;
  #waiting: Waiting[] = [];
  #isSending = false;

  constructor(requests: Requests) {
    this.#requests = requests;
  }

  /** @returns its cursor. @throws DeliveryError */
  send(message: WireMessage, signal: AbortSignalLike): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ message, signal, resolve, reject });
      if (this.#isSending) return;
      this.#isSending = true;
      // What is sent in the same turn goes with it.
      void Promise.resolve().then(() => this.#flush());
    });
  }

  async #flush(): Promise<void> {
    for (;;) {
      const batch = this.#next();
      if (batch.length === 0) break;
      await this.#post(batch);
    }
    this.#isSending = false;
  }

  #next(): Waiting[] {
    this.#waiting = this.#waiting.filter(({ signal }) => !signal.aborted);
    let size = 0;
    let count = 0;
    for (const { message } of this.#waiting) {
      size += message.message.length;
      if (count > 0 && (size > MOST.bytes || count === MOST.messages)) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #post(batch: readonly Waiting[]): Promise<void> {
    // It ends when nobody waits for it any more.
    const ending = new Ending();
    let left = batch.length;
    const end = () => {
      left--;
      if (left === 0) ending.abort();
    };
    for (const { signal } of batch) signal.addEventListener("abort", end);
    try {
      const messages = batch.map(({ message }) => message);
      const { answers } = await this.#requests.call("send", { messages }, ending);
      batch.forEach(({ resolve, reject }, i) => {
        const answer = answers[i];
        if (answer?.kind === "accepted") resolve(answer.cursor);
        else reject(new ServiceError(answer?.failure ?? { code: "unavailable", message: "no answer" }));
      });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      for (const { signal } of batch) signal.removeEventListener("abort", end);
    }
  }
}
