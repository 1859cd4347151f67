// Lines to a service: whoever's log has expired joins again, what somebody sends can be held back, and what somebody reads comes in one batch.
import {
  type Batch,
  type Conversation,
  DeliveryError,
  type DeliveryService,
  type LogEntry,
} from "@copse/delivery";
import { problems, type Someone, until } from "./people.js";
import { changed } from "./unreliable.js";

export class Lines {
  /** Whom the service tells, once, that what followed isn't kept. */
  readonly expired = new Set<string>();
  /** Who isn't shown what comes, until it is let go: then it reads all of it at once. */
  readonly #held = new Map<string, Promise<void>>();
  /** What is sent by whom waits for this. */
  readonly sending = new Map<string, Promise<void>>();

  readonly wrap = (service: DeliveryService, name: string): DeliveryService =>
    changed(service, {
      send: async (...args) => {
        await this.sending.get(name);
        return service.send(...args);
      },
      subscribe: (options) => {
        if (this.expired.delete(name)) throw new DeliveryError("expired", "what followed isn't kept");
        return this.#shown(service.subscribe(options), name);
      },
    });

  /** @returns lets it go */
  hold(name: string): () => void {
    const { promise, resolve } = held();
    this.#held.set(name, promise);
    return () => {
      this.#held.delete(name);
      resolve();
    };
  }

  async *#shown(batches: AsyncIterable<Batch<LogEntry>>, name: string): AsyncGenerator<Batch<LogEntry>> {
    for await (const batch of batches) {
      const isHeld = this.#held.get(name);
      if (isHeld === undefined) {
        yield batch;
        continue;
      }
      await isHeld;
      throw new DeliveryError("unavailable", "the line is bad");
    }
  }

  /** Somebody comes back, whose log has expired, and joins again. */
  async again(one: Someone, { id }: Conversation): Promise<readonly [Someone, Conversation]> {
    await one.messenger.close();
    this.expired.add(one.name);
    const back = await one.reopen();
    await until([back], () => problems(back).join().includes("has joined the group again"));
    const conversation = back.messenger.conversation(id) as Conversation;
    await until([back], () => conversation.state === "active");
    return [back, conversation];
  }
}

export function held(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
