// Whoever has sent a message, and waits until it stands in the log.
import { type Deferred, deferred } from "../messenger/platform.js";
import type { HistoryEntry, MessageEntry, Outgoing } from "../messenger/types.js";

interface Sender extends Deferred<MessageEntry> {
  /** That of the message. */
  readonly id: string;
  /** Whether it has asked for the answer. */
  isAsked: boolean;
}

export class Senders {
  /** By the numbers of their items. */
  readonly #all = new Map<number, Sender>();

  add(number: number, id: string): Outgoing {
    const sender: Sender = { ...deferred<MessageEntry>(), id, isAsked: false };
    this.#all.set(number, sender);
    return {
      id,
      get sent() {
        sender.isAsked = true;
        return sender.promise;
      },
    };
  }

  forget(number: number): void {
    this.#all.delete(number);
  }

  /** It stands in the log. */
  done(number: number, entry: MessageEntry): void {
    this.#all.get(number)?.resolve(entry);
    this.#all.delete(number);
  }

  /** After the storage was read again: entries of the history that weren't told. */
  found(entries: readonly HistoryEntry[]): void {
    const byId = new Map(entries.map((one) => [one.kind === "message" ? one.id : "", one]));
    for (const [number, { id }] of this.#all) {
      const entry = byId.get(id);
      if (entry?.kind === "message") this.done(number, entry);
    }
  }

  /** @returns whether somebody is told by that */
  reject(number: number, error: Error): boolean {
    const sender = this.#all.get(number);
    this.#all.delete(number);
    sender?.reject(error);
    return sender?.isAsked === true;
  }

  end(error: Error): void {
    for (const number of [...this.#all.keys()]) this.reject(number, error);
  }
}
