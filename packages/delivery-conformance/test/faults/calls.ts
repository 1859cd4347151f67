// Services with one fault each, in how calls and readers end, and in what they make of their arguments.
import { DeliveryError, type DeliveryService, type LogEntry } from "@copse/delivery";
import { changing, type Fault, faulty, LIMITS, note, of, reading } from "./faulty.js";

const silent = <T extends object>(options: T | undefined): T => ({ ...(options as T), signal: undefined });

/** Malformed input as errors of the language. */
function otherErrors(error: unknown): never {
  throw error instanceof DeliveryError && error.code === "invalid" ? new TypeError(error.message) : error;
}

/** Passes arguments on a moment later, and copies nothing before. */
const later =
  <Arguments extends unknown[], Result>(call: (...arguments_: Arguments) => Promise<Result>) =>
  async (...arguments_: Arguments): Promise<Result> => {
    await Promise.resolve();
    return call(...arguments_);
  };

/** What no service can read the framing of. */
const unreadable = (message: Uint8Array) => Uint8Array.of(255, ...message);

const shown = (entry: LogEntry): LogEntry =>
  entry.message[0] === 255 ? { ...entry, message: entry.message.slice(1) } : entry;

/** A service that doesn't look at the framing of what it is given by one call. */
const careless = (call: "send" | "submit") =>
  faulty(({ inner }) => ({
    subscribe: (what) => changing(inner.subscribe(what), (entries) => entries.map(shown)),
    ...(call === "send"
      ? { send: (message) => inner.send({ ...message, message: unreadable(message.message) }) }
      : { submit: (handshake) => inner.submit({ ...handshake, message: unreadable(handshake.message) }) }),
  }));

/** The whole buffer that a view is of. */
const whole = (view: Uint8Array) => new Uint8Array(view.buffer);

const FRAMING = "input: a commit is no message, and nothing else is a handshake";
const WAITS = "ends: a reader that waits ends with its signal's reason";

export const FAULTS: readonly Fault[] = [
  of(
    "never ends an aborted reader",
    WAITS,
    faulty(({ inner }) => ({
      subscribe: (what) => inner.subscribe(silent(what)),
      inbox: (after) => inner.inbox(after),
    })),
  ),
  of(
    "ends an aborted reader as if all were read",
    WAITS,
    faulty(({ inner }) => ({
      subscribe: (what) =>
        reading(inner.subscribe(what), (below) =>
          below().catch((error: unknown) => {
            if (what.signal?.aborted === true) return { done: true, value: undefined };
            throw error;
          }),
        ),
    })),
  ),
  of(
    "hears a signal only while it waits",
    "ends: a reader that doesn't wait ends with its signal's reason",
    faulty(({ inner }) => ({
      subscribe: (what) =>
        reading(inner.subscribe(silent(what)), (below) => {
          const aborted = new Promise<never>((_, reject) =>
            what.signal?.addEventListener("abort", () => reject(what.signal?.reason)),
          );
          return Promise.race([below(), aborted]);
        }),
    })),
  ),
  of(
    "looks at no call's signal",
    "ends: a call whose signal is aborted rejects with its reason",
    faulty(({ inner }) => ({ send: (message) => inner.send(message) })),
  ),
  of(
    "ends a reader with the next entry",
    "ends: a reader ends when its caller returns",
    faulty(({ inner }) => ({
      async *subscribe(what) {
        yield* inner.subscribe(what);
      },
    })),
  ),
  of(
    "leaves readers open when the connection is closed",
    "ends: close() ends what waits",
    faulty(({ inner, shared, user, client }) => {
      const other = shared.memory.connect(user, client);
      return { subscribe: (what) => other.subscribe(what), close: () => inner.close() };
    }),
  ),
  of(
    "closes all connections of a client",
    "ends: close() ends what waits",
    faulty(({ inner, shared, user, client }) => {
      const all = note(shared, `${user} ${client}`, new Set<DeliveryService>());
      all.add(inner);
      return {
        async close() {
          for (const one of all) await one.close();
        },
      };
    }),
  ),
  of(
    "works on after its end",
    "ends: after close() calls are refused",
    faulty(() => ({ close: async () => undefined })),
  ),
  of(
    "throws other errors for malformed arguments",
    [
      "input: a malformed message is refused",
      "input: a malformed handshake is refused",
      "input: malformed key packages are refused",
    ],
    faulty(({ inner }) => ({
      send: (message) => inner.send(message).catch(otherErrors),
      submit: (handshake) => inner.submit(handshake).catch(otherErrors),
      publishKeyPackages: (some) => inner.publishKeyPackages(some).catch(otherErrors),
    })),
  ),
  of(
    "withdraws all for any references that it can't read",
    "input: malformed key packages are refused",
    faulty(({ inner }) => ({
      withdrawKeyPackages: (references) => inner.withdrawKeyPackages(references ?? undefined),
    })),
  ),
  of(
    "reads from the beginning for cursors that it can't read",
    "input: other malformed arguments are refused",
    faulty(({ inner }) => ({
      subscribe: (what) =>
        inner.subscribe(
          typeof what.after === "string" && what.after.length < 129 ? what : { ...what, after: "" },
        ),
    })),
  ),
  of("takes commits as messages", FRAMING, careless("send")),
  of("takes messages as handshakes", FRAMING, careless("submit")),
  of(
    "takes messages of any size",
    "input: what is too large is refused",
    faulty(() => ({}), { limits: { ...LIMITS, message: 1 << 20 } }),
  ),
  of(
    "takes any number of key packages",
    "key packages: so many of a client and no more",
    faulty(() => ({}), { limits: { ...LIMITS, keyPackages: 1000 } }),
  ),
  of(
    "shares its callers' bytes",
    "input: what the caller does with its bytes changes nothing",
    faulty(({ inner }) => ({
      send: later(inner.send.bind(inner)),
      submit: later(inner.submit.bind(inner)),
      publishKeyPackages: later(inner.publishKeyPackages.bind(inner)),
    })),
  ),
  of(
    "gives all readers the same bytes",
    "input: what readers do with their bytes changes nothing",
    faulty(({ inner, shared }) => ({
      subscribe: (what) =>
        changing(inner.subscribe(what), (entries) =>
          entries.map((entry) => note<LogEntry>(shared, entry.id, entry)),
        ),
    })),
  ),
  of(
    "sends the buffer behind a view",
    "input: a view of a larger buffer is sent as what it shows",
    faulty(({ inner }) => ({
      send: (message) => inner.send({ ...message, message: whole(message.message) }),
    })),
  ),
  of(
    "publishes the buffer behind a view",
    "key packages: they are what was published",
    faulty(({ inner }) => ({
      publishKeyPackages: (some) =>
        inner.publishKeyPackages(some.map((one) => ({ ...one, keyPackage: whole(one.keyPackage) }))),
    })),
  ),
];
