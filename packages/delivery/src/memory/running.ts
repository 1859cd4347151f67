// The running of a service: it stops, and goes on.
import { Calls } from "../rules.js";
import { DeliveryError } from "../service.js";

const unavailable = () => new DeliveryError("unavailable", "the service has stopped");

export class Running {
  #isStopped = false;
  readonly #connections = new Set<Calls>();

  /** The calls of a new connection. */
  connect(): Calls {
    const calls = new Calls(() => {
      if (this.#isStopped) throw unavailable();
    });
    this.#connections.add(calls);
    return calls;
  }

  disconnect(calls: Calls): void {
    calls.close();
    this.#connections.delete(calls);
  }

  stop(): void {
    this.#isStopped = true;
    for (const calls of this.#connections) calls.interrupt(unavailable());
  }

  start(): void {
    this.#isStopped = false;
  }
}
