// Services with one fault each, in whom they wake, and in which of their calls never answer.
import type { Batch, DeliveryService } from "@copse/delivery";
import { checking, type Fault, faulty, note, of, reading } from "./faulty.js";

export const never = <T>(): Promise<T> => new Promise(() => undefined);

/** What gives no batch, not even a first one. */
export const neverRead = { [Symbol.asyncIterator]: () => ({ next: never<IteratorResult<never>> }) };

/** A service of which this call never answers. */
export const silentIn = (call: keyof DeliveryService) =>
  faulty(() => ({ [call]: call === "subscribe" || call === "inbox" ? () => neverRead : never }));

/** Reads what is there when it is asked. What comes later doesn't wake it, if it is deaf then. */
const unwoken = <E>(iterable: AsyncIterable<Batch<E>>, isDeaf: () => boolean = () => true) =>
  reading(iterable, async (below) => {
    const found = below();
    const atOnce = found.then(() => true);
    const later = new Promise<boolean>((resolve) => setImmediate(resolve, false));
    if (await Promise.race([atOnce, later])) return found;
    const result = await found;
    return result.done === true || !isDeaf() ? result : never();
  });

/** A service that wakes no reader of a log once it is deaf. */
const deafened = (make: (deafen: () => void, inner: DeliveryService) => Partial<DeliveryService>) =>
  faulty(({ inner, shared }) => {
    const subscribe: DeliveryService["subscribe"] = (what) =>
      unwoken(inner.subscribe(what), () => note(shared, "deaf", false));
    return {
      subscribe,
      ...make(() => shared.notes.set("deaf", true), { ...inner, subscribe, close: () => inner.close() }),
    };
  });

const LOG = "log: a reader that waits gets what comes";
const INBOX = "inbox: it goes on from each place, and with what comes";

export const FAULTS: readonly Fault[] = [
  of(
    "never wakes a reader of a log",
    LOG,
    faulty(({ inner }) => ({ subscribe: (what) => unwoken(inner.subscribe(what)) })),
  ),
  of(
    "never wakes a reader of an inbox",
    INBOX,
    faulty(({ inner }) => ({ inbox: (after, options) => unwoken(inner.inbox(after, options)) })),
  ),
  of(
    "never wakes a member",
    "members: with the next key a reader goes on",
    checking(({ inner }) => ({ subscribe: (what) => unwoken(inner.subscribe(what)) })),
  ),
  of(
    "wakes nobody when another reader has ended",
    "log: readers of one client read on their own",
    deafened((deafen, { subscribe }) => ({
      subscribe(what) {
        const iterator = subscribe(what)[Symbol.asyncIterator]();
        const ends = async () => {
          deafen();
          return (await iterator.return?.()) ?? { done: true as const, value: undefined };
        };
        return { [Symbol.asyncIterator]: () => ({ next: () => iterator.next(), return: ends }) };
      },
    })),
  ),
  of(
    "wakes nobody when another connection was closed",
    "ends: close() ends what waits",
    deafened((deafen, { close }) => ({
      close() {
        deafen();
        return close();
      },
    })),
  ),
  of(
    "forgets who waits when it is restarted",
    "restart: a reader loses nothing, and gets nothing twice",
    faulty(({ inner, shared }) => ({
      subscribe: (what) =>
        reading(inner.subscribe(what), (below) => {
          const { restarts } = shared;
          return below().catch((error: unknown) =>
            shared.restarts === restarts ? Promise.reject(error) : never(),
          );
        }),
    })),
  ),
  of("never answers send", "log: a reader that waits gets what comes", silentIn("send")),
  of("never answers subscribe", "log: an entry is what was sent", silentIn("subscribe")),
  of("never answers submit", "log: groups are apart", silentIn("submit")),
  of("never answers close", "log: a reader is told that there is nothing", silentIn("close")),
];
