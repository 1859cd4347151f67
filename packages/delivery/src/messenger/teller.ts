// What the application is told: each thing once.
import { DeliveryError } from "../service.js";
import { MessengerError } from "./errors.js";
import type { Conversation, MessengerEvent } from "./types.js";

export class Teller {
  readonly #listeners = new Set<(event: MessengerEvent) => void>();
  /** Those that the application knows of. */
  readonly #announced = new WeakSet<Conversation>();
  /** Why the service refused this client last. */
  #refusal: string | undefined;
  /** What was told before anybody could listen. */
  #early: MessengerEvent[] | undefined = [];
  /** Whether the service is reached; `undefined` until that is known. */
  #connected: boolean | undefined;

  get connected(): boolean {
    return this.#connected === true;
  }

  /** @throws MessengerError `usage` */
  on(listener: (event: MessengerEvent) => void): () => void {
    if (typeof listener !== "function")
      throw new MessengerError(
        "usage",
        `expected a function that is called with events, got ${typeof listener}`,
      );
    const one = (event: MessengerEvent) => listener(event);
    this.#listeners.add(one);
    this.tellEarly();
    return () => void this.#listeners.delete(one);
  }

  /** Whoever has opened it has listeners by now. */
  tellEarly(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const event of early) this.#call(event);
  }

  /** One that was there at the start. */
  know(conversation: Conversation): void {
    this.#announced.add(conversation);
  }

  /** Tells of a conversation: before all that happens in it. */
  announce(conversation: Conversation): void {
    if (this.#announced.has(conversation)) return;
    this.#announced.add(conversation);
    this.tell({ kind: "conversation", conversation });
  }

  tell(event: MessengerEvent): void {
    // What is only tried yet may come to nothing.
    if (event.kind === "epoch" || event.kind === "members") this.announce(event.conversation);
    if (this.#early === undefined) this.#call(event);
    else this.#early.push(event);
  }

  #call(event: MessengerEvent): void {
    for (const listener of [...this.#listeners]) {
      try {
        // Listeners may be asynchronous.
        void Promise.resolve(listener(event)).catch((cause) => this.#thrown(event, cause));
      } catch (cause) {
        this.#thrown(event, cause);
      }
    }
  }

  /** A mistake of the application's isn't to be found by silence alone. */
  #thrown(event: MessengerEvent, cause: unknown): void {
    // It would go on for ever.
    if (event.kind === "problem") return;
    const message = `a listener threw at the event ${event.kind}`;
    const problem = { code: "application", message, who: undefined, retry: false, cause } as const;
    this.tell({ kind: "problem", conversation: undefined, problem });
  }

  reached(connected: boolean, cause?: unknown): void {
    if (connected) this.#refusal = undefined;
    if (connected === this.#connected) return;
    this.#connected = connected;
    this.tell({ kind: "connection", connected, cause: connected ? undefined : cause });
  }

  /** Tells once that the service can't be reached, or refuses this client, however many calls find that. */
  failed(message: string, cause: unknown, retry: boolean, conversation?: Conversation): void {
    if (cause instanceof DeliveryError && cause.code === "unavailable") {
      this.reached(false, cause);
      return;
    }
    const isOfClient = conversation === undefined && cause instanceof DeliveryError;
    // It is the client that is refused, by whatever call.
    if (isOfClient && cause.message === this.#refusal) return;
    if (isOfClient) this.#refusal = cause.message;
    const problem = { code: "delivery", message, who: undefined, retry, cause } as const;
    this.tell({ kind: "problem", conversation, problem });
  }

  end(): void {
    this.#connected = false;
    this.#listeners.clear();
  }
}
