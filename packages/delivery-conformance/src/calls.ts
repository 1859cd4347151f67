// Which call of a service has thrown an error, so that a report can say it.
import { type Batch, DELIVERY_METHODS, type DeliveryService } from "@copse/delivery/service";

const thrown = new WeakMap<object, string>();

/** @returns the name of the call; `undefined` for an error that no call has thrown */
export const callOf = (error: unknown): string | undefined =>
  typeof error === "object" && error !== null ? thrown.get(error) : undefined;

/** Makes a call, and remembers what it throws or rejects with. What it returns is left as it is. */
function noted<T>(call: string, make: () => T): T {
  const note = (error: unknown) => {
    if (typeof error === "object" && error !== null && !thrown.has(error)) thrown.set(error, call);
  };
  try {
    const result = make();
    if (result instanceof Promise) result.catch(note);
    return result;
  } catch (error) {
    note(error);
    throw error;
  }
}

function notedReader<E>(call: string, iterable: AsyncIterable<Batch<E>>): AsyncIterable<Batch<E>> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = iterable[Symbol.asyncIterator]();
      const end = iterator.return?.bind(iterator);
      return {
        next: () => noted(call, () => iterator.next()),
        ...(end && { return: () => noted(call, () => end()) }),
      };
    },
  };
}

/** The same service, of whose errors {@link callOf} knows the call. */
export function noting(service: DeliveryService): DeliveryService {
  const calls = DELIVERY_METHODS.map((name) => {
    const call = service[name].bind(service) as (...args: unknown[]) => unknown;
    return [name, (...args: unknown[]) => noted(name, () => call(...args))];
  });
  return {
    ...(Object.fromEntries(calls) as DeliveryService),
    ordering: service.ordering,
    subscribe: (subscription) =>
      notedReader(
        "subscribe",
        noted("subscribe", () => service.subscribe(subscription)),
      ),
    inbox: (after, options) =>
      notedReader(
        "inbox",
        noted("inbox", () => service.inbox(after, options)),
      ),
  };
}
