// RFC 9420 has nothing of this: questions that were sent, and wait for their answers.
import { type PackedError, unpackError } from "./errors.js";
import type { Outcome } from "./protocol.js";

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** What one side has asked the other, by numbers. */
export class Pending {
  private readonly waiting = new Map<number, Waiting>();
  private next = 0;

  /** @param send posts the question; if it throws, there is none */
  ask(send: (id: number) => void): Promise<unknown> {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      send(id);
      this.waiting.set(id, { resolve, reject });
    });
  }

  settle(id: number, outcome: Outcome): void {
    const one = this.waiting.get(id);
    this.waiting.delete(id);
    if ("error" in outcome) one?.reject(unpackError(outcome.error as PackedError));
    else one?.resolve(outcome.value);
  }

  rejectAll(error: Error): void {
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}
