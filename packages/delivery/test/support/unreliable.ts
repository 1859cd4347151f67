// A service at the end of a bad line: calls fail before or after they are made, subscriptions break, entries come twice and
// messages before the commits that they follow.
import { type Batch, DeliveryError, type DeliveryService, type LogEntry } from "@copse/delivery";

/** A number from 0 to 1, the same ones for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export interface Line {
  /** How often a call fails, or a subscription breaks. */
  readonly breaks: number;
  /** How often the entries of a batch are repeated, or change their order. */
  readonly mixes: number;
}

/** Messages before handshakes, with the cursors in their order, as if they had come so. */
function mixed(entries: readonly LogEntry[], random: () => number): LogEntry[] {
  const [first, ...others] = entries;
  if (first === undefined) return [];
  const messages = others.filter(({ kind }) => kind === "message");
  const handshakes = others.filter(({ kind }) => kind === "handshake");
  // Which of the two is first is nobody's promise: each kind has its order.
  return random() < 0.5 ? [...entries, ...entries] : [first, ...messages, ...handshakes];
}

export function unreliable(
  service: DeliveryService,
  { breaks, mixes }: Line,
  random: () => number,
): DeliveryService {
  const broken = () => new DeliveryError("unavailable", "the line is bad");
  const calls = new Set([
    "submit",
    "send",
    "claimKeyPackages",
    "publishKeyPackages",
    "groupInfo",
    "publishGroupInfo",
  ]);
  async function* entries(batches: AsyncIterable<Batch<LogEntry>>): AsyncGenerator<Batch<LogEntry>> {
    for await (const batch of batches) {
      if (random() < breaks) throw broken();
      const order = random() < mixes ? mixed(batch.entries, random) : batch.entries;
      yield { ...batch, entries: order };
    }
  }
  return new Proxy(service, {
    get(target, name: keyof DeliveryService) {
      const value: unknown = target[name];
      if (typeof value !== "function") return value;
      const call = value.bind(target) as (...args: readonly unknown[]) => unknown;
      if (name === "subscribe") return (...args: readonly unknown[]) => entries(call(...args) as never);
      if (!calls.has(name)) return call;
      return async (...args: readonly unknown[]) => {
        if (random() < breaks) throw broken();
        const answer = await call(...args);
        // Made, and nobody learns it.
        if (random() < breaks) throw broken();
        return answer;
      };
    },
  });
}

/** A service with some methods of another one. */
export const changed = (service: DeliveryService, how: Partial<DeliveryService>): DeliveryService =>
  new Proxy(service, {
    get: (target, name: keyof DeliveryService) => {
      const value: unknown = how[name] ?? target[name];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });

/** A service that calls `before` when a method is called, and waits for it; a subscription waits at each batch. */
export function watching(
  service: DeliveryService,
  method: "submit" | "subscribe" | "groupInfo",
  before: () => unknown,
): DeliveryService {
  async function* waiting(batches: AsyncIterable<unknown>, signal: Aborted): AsyncGenerator<unknown> {
    for await (const batch of batches) {
      await Promise.race([before(), aborted(signal)]);
      yield batch;
    }
  }
  return new Proxy(service, {
    get(target, name: keyof DeliveryService) {
      const value: unknown = target[name];
      if (typeof value !== "function") return value;
      const call = value.bind(target) as (...args: readonly unknown[]) => unknown;
      if (name !== method) return call;
      if (name === "subscribe")
        return (options: { signal: Aborted }) => waiting(call(options) as never, options.signal);
      return async (...args: readonly unknown[]) => {
        await before();
        return call(...args);
      };
    },
  });
}

type Aborted = AbortSignal | undefined;
const aborted = (signal: Aborted): Promise<never> =>
  new Promise((_, reject) => {
    if (signal?.aborted) reject(signal.reason);
    signal?.addEventListener("abort", () => reject(signal.reason));
  });
