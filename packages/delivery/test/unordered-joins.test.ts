// Where nobody orders, what is said in the epoch that a client starts when it joins again may come to it before its own commit.
import { type ClientStorage, memoryStorage } from "@copse/core/storage";
import {
  type Batch,
  type Conversation,
  DeliveryError,
  type DeliveryService,
  type LogEntry,
  memoryDelivery,
  type Subscription,
} from "@copse/delivery";
import { settleBranches } from "@copse/delivery/unordered";
import { expect, it } from "vitest";
import { said, together, until, World } from "./support/people.js";
import { changed } from "./support/unreliable.js";

/** Bob's log: once it has expired, the next handshake comes after the first message behind it. */
class Log {
  readonly #entries: LogEntry[] = [];
  readonly #waiting = new Set<() => void>();
  #held: LogEntry | undefined;
  #isPumped = false;
  isExpired = false;
  #isHolding = false;
  onSwapped: () => void = () => undefined;

  readonly wrap = (service: DeliveryService, observer: DeliveryService): DeliveryService =>
    changed(service, {
      subscribe: (what: Subscription) => {
        if (this.isExpired) {
          this.isExpired = false;
          this.#isHolding = true;
          throw new DeliveryError("expired", "what followed isn't kept");
        }
        if (!this.#isPumped) void this.#pump(observer.subscribe({ groupId: what.groupId, after: "" }));
        return this.#read(what);
      },
    });

  async #pump(batches: AsyncIterable<Batch<LogEntry>>): Promise<void> {
    this.#isPumped = true;
    for await (const { entries } of batches)
      for (const one of entries) {
        if (this.#isHolding && one.kind === "handshake" && this.#held === undefined) {
          this.#held = one;
          continue;
        }
        const held = one.kind === "message" ? this.#held : undefined;
        if (held === undefined) {
          this.#push(one);
          continue;
        }
        this.#isHolding = false;
        this.#held = undefined;
        this.onSwapped();
        this.#push(one);
        this.#push(held);
      }
  }

  #push(entry: LogEntry): void {
    this.#entries.push({ ...entry, cursor: `read-${this.#entries.length + 1}` });
    for (const wake of [...this.#waiting]) wake();
  }

  async *#read({ after, signal }: Subscription): AsyncGenerator<Batch<LogEntry>> {
    let place = after.startsWith("read-") ? Number(after.slice(5)) : 0;
    for (let isFirst = true; signal?.aborted !== true; ) {
      if (isFirst || place < this.#entries.length) {
        isFirst = false;
        const entries = this.#entries.slice(place);
        place = this.#entries.length;
        yield { entries, behind: 0 };
        continue;
      }
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
        signal?.addEventListener("abort", resolve);
      });
    }
  }
}

it.each([0, 1, 2, 3, 4])("hears it, though write %i after that fails", async (n) => {
  const world = new World();
  const delivery = memoryDelivery({ ordering: "none" });
  const observer = delivery.connect("observer", new Uint8Array(32));
  const log = new Log();
  const inner = memoryStorage();
  let left = 0;
  const storage: ClientStorage = {
    get: (key) => inner.get(key),
    list: (prefix) => inner.list(prefix),
    write: async (...write) => {
      if (left > 0 && --left === 0) throw new Error("not written");
      return inner.write(...write);
    },
  };
  const options = { settle: settleBranches({ after: 60, patience: 300 }), limits: { proposalWait: 600_000 } };
  const alice = await world.person("alice", {
    ...options,
    delivery: ({ signatureKey }) => delivery.connect("alice", signatureKey),
  });
  const bob = await world.person("bob", {
    ...options,
    storage,
    delivery: ({ signatureKey }) => log.wrap(delivery.connect("bob", signatureKey), observer),
  });
  for (const { messenger } of [alice, bob]) await messenger.settled();
  const [a, before] = (await together([alice, bob])) as [Conversation, Conversation];
  for (const { messenger } of [alice, bob]) await messenger.settled();
  await bob.messenger.close();
  const { epoch } = a;
  log.isExpired = true;
  log.onSwapped = () => {
    left = n;
  };
  const again = await bob.reopen();
  const b = again.messenger.conversation(before.id) as Conversation;
  await until([alice], () => a.epoch > epoch && a.state === "active");
  await (await a.send("hello Bob")).sent;
  await until([again], () => b.state === "active");
  await (await a.send("second")).sent;
  const hasHeard = (text: string) =>
    again.events.some((one) => one.kind === "message" && one.entry.text === text);
  await until([again], () => hasHeard("hello Bob") && hasHeard("second"));
  expect(await said(b)).toEqual(["alice: hello Bob", "alice: second"]);
});
