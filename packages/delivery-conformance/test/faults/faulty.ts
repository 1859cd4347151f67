// What faulty services are made of: the service in memory, with something between it and its clients.
import {
  type Batch,
  type DeliveryService,
  type MemoryDelivery,
  type MemoryDeliveryOptions,
  memoryDelivery,
} from "@copse/delivery";
import { DELIVERY_METHODS } from "@copse/delivery/service";
import type { DeliveryUnderTest } from "@copse/delivery-conformance";
import { nodeProvider } from "@copse/provider-node";

export const LIMITS = { message: 50_000, keyPackages: 20 };

/** What the connections to a faulty service share. */
export interface Shared {
  readonly memory: MemoryDelivery;
  readonly notes: Map<string, unknown>;
  restarts: number;
}

/** One connection to a good service, and whose it is. */
export interface Inner {
  readonly inner: DeliveryService;
  readonly shared: Shared;
  readonly user: string;
  readonly client: string;
}

type Making = (inner: Inner) => Partial<DeliveryService>;

/** All that a service does, as functions of their own. */
function methodsOf(inner: DeliveryService): DeliveryService {
  const methods = DELIVERY_METHODS.map((name) => [name, inner[name].bind(inner)]);
  return { ordering: inner.ordering, ...Object.fromEntries(methods) };
}

/** A service with a fault. @param fault what is different for one connection */
export function faulty(
  fault: Making,
  options: MemoryDeliveryOptions = {},
  under: Partial<DeliveryUnderTest<Shared>> = {},
): DeliveryUnderTest<Shared> {
  return {
    name: "faulty",
    start: () => ({ memory: memoryDelivery({ limits: LIMITS, ...options }), notes: new Map(), restarts: 0 }),
    connect(shared, user, client) {
      const inner = shared.memory.connect(user, client);
      return { ...methodsOf(inner), ...fault({ inner, shared, user, client }) };
    },
    restart(shared) {
      shared.restarts++;
      shared.memory.restart();
    },
    limits: LIMITS,
    ...under,
  };
}

export const crypto = nodeProvider();

/** A service that checks membership, with a fault. */
export const checking = (fault: Making, options: MemoryDeliveryOptions = {}) =>
  faulty(fault, { members: "checked", crypto, ...options }, { members: "checked", crypto });

/** What is read, with something between. `next` gets what the reader below has for it. */
export function reading<E>(
  iterable: AsyncIterable<Batch<E>>,
  next: (below: () => Promise<IteratorResult<Batch<E>>>) => Promise<IteratorResult<Batch<E>>>,
): AsyncIterable<Batch<E>> {
  const iterator = iterable[Symbol.asyncIterator]();
  const made: AsyncIterableIterator<Batch<E>> = {
    next: () => next(() => iterator.next()),
    return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
    [Symbol.asyncIterator]: () => made,
  };
  return made;
}

/** What is read, with other entries in its batches. */
export const changing = <E>(
  iterable: AsyncIterable<Batch<E>>,
  change: (entries: readonly E[]) => readonly E[],
): AsyncIterable<Batch<E>> =>
  reading(iterable, async (below) => {
    const { done, value } = await below();
    return done === true
      ? { done, value }
      : { done: false, value: { ...value, entries: change(value.entries) } };
  });

/** Lets others go on, so many turns. */
export async function turns(many: number): Promise<void> {
  for (let i = 0; i < many; i++) await Promise.resolve();
}

export const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** A note that all connections share, with its value when nobody has made it. */
export function note<T>(shared: Shared, name: string, initial: T): T {
  if (!shared.notes.has(name)) shared.notes.set(name, initial);
  return shared.notes.get(name) as T;
}

let count = 0;
export const freshId = () => `fault-${String(++count).padStart(20, "0")}`;

/** A service with a fault, and the checks that must catch it. */
export interface Fault {
  readonly fault: string;
  readonly caughtBy: readonly string[];
  readonly service: DeliveryUnderTest<Shared>;
}

export const of = (
  fault: string,
  caughtBy: string | readonly string[],
  service: DeliveryUnderTest<Shared>,
): Fault => ({
  fault,
  caughtBy: [caughtBy].flat(),
  service,
});
