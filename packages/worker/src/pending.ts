// RFC 9420 doesn't cover this: requests that were sent to the other thread and wait for their answers.
import { PackedError, unpackError } from "./errors.js";
import { object, ownValue, type Shape } from "./schema.js";

/** How a call ended: with a value or with an error. */
export type Outcome = { readonly value: unknown } | { readonly error: PackedError };
export const Outcome: Shape<Outcome> = (value): value is Outcome =>
  object(value) &&
  (Object.hasOwn(value, "error") ? PackedError(ownValue(value, "error")) : Object.hasOwn(value, "value"));

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** The requests of one side that have no answer yet, by number. */
export class PendingRequests {
  private readonly waiting = new Map<number, Waiting>();
  private next = 0;

  /**
   * Sends a request and waits for its answer.
   * @param send posts the request with this number; if it throws, the promise rejects with that error
   */
  request(send: (id: number) => void): Promise<unknown> {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      send(id);
      this.waiting.set(id, { resolve, reject });
    });
  }

  /** Ends a request. @returns whether it was waited for: an answer to none is ignored */
  settle(id: number, outcome: Outcome): boolean {
    const request = this.waiting.get(id);
    this.waiting.delete(id);
    if ("error" in outcome) request?.reject(unpackError(outcome.error));
    else request?.resolve(outcome.value);
    return request !== undefined;
  }

  reject(id: number, error: Error): void {
    this.waiting.get(id)?.reject(error);
    this.waiting.delete(id);
  }

  rejectAll(error: Error): void {
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}
