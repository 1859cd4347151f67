// Services with one fault each, in whom they let in, and in what is left of them when they have stopped.
import { DeliveryError, type DeliveryService, type EpochKeySource, memoryDelivery } from "@copse/delivery";
import { checking, crypto, type Fault, faulty, hex, note, of, reading, type Shared } from "./faulty.js";

const forbidden = () => new DeliveryError("forbidden", "this service lets nobody in");

/** A service that notes the newest key that anybody has shown to it. */
const noting = (
  subscribe: (inner: DeliveryService, newest: EpochKeySource) => DeliveryService["subscribe"],
) =>
  checking(({ inner, shared }) => {
    const noted = (key: EpochKeySource | undefined) => {
      if (key !== undefined) shared.notes.set("newest key", key);
    };
    return {
      async send(message, options) {
        const cursor = await inner.send(message, options);
        noted(message.key);
        return cursor;
      },
      subscribe: subscribe(inner, () => note<EpochKeySource>(shared, "newest key", () => undefined)()),
    };
  });

const REMOVED = "members: whom a commit removes reads up to it and no further";
const REFUSES = "members: whoever refuses a handshake that others have taken may submit the next";
const UNTAKEN = "members: a handshake that no other member has taken takes nothing from others";
const ADDED = "members: whoever was only added by a handshake isn't another member";
const JOINS = "members: whoever joins without a key waits for a member who takes it";
const REJOINS = "members: whoever was a member joins again without a key";

/**
 * A service for which a handshake is confirmed, and older keys end, when its key is proven by a client that `counts`.
 * @param keysOf the keys that a client has proven before
 */
const confirming = (
  counts: (user: string, submitter: string, keysOf: (user: string) => Set<string>) => boolean,
) =>
  checking(({ inner, shared, user }) => {
    const keysOf = (name: string) => note(shared, `keys of ${name}`, new Set<string>());
    const orderOf = (key: string) => note<number | undefined>(shared, `order ${key}`, undefined) ?? 0;
    const check = async (groupId: Uint8Array, key: EpochKeySource | undefined) => {
      const own = await key?.();
      if (own === undefined) return own;
      const name = hex(own.publicKey);
      const confirmed = `confirmed ${hex(groupId)}`;
      const submitter = note(shared, `submitter ${name}`, user);
      const before = note(shared, confirmed, 0);
      if (orderOf(name) < before) throw forbidden();
      if (orderOf(name) > 0 && counts(user, submitter, keysOf)) shared.notes.set(confirmed, orderOf(name));
      keysOf(user).add(name);
      return own;
    };
    return {
      async submit(handshake, options) {
        await check(handshake.groupId, handshake.key);
        const answer = await inner.submit(handshake, options);
        const name = hex(handshake.nextKey.publicKey);
        shared.notes.set(`submitter ${name}`, user);
        if (handshake.after !== "") shared.notes.set(`order ${name}`, note(shared, "orders", 0) + 1);
        shared.notes.set("orders", note(shared, "orders", 0) + 1);
        return answer;
      },
      async send(message, options) {
        await check(message.groupId, message.key);
        return inner.send(message, options);
      },
      subscribe: (what) => inner.subscribe({ ...what, key: () => check(what.groupId, what.key) }),
    };
  });

const RESTARTS = [
  "restart: the log is there, and goes on",
  "restart: one handshake follows, as before",
  "restart: the GroupInfo is there",
  "restart: key packages are there, and claimed ones aren't",
  "restart: the inbox is there, and what was cleared isn't",
];

export const FAULTS: readonly Fault[] = [
  of(
    "serves everybody",
    ["members: nobody without a key gets in", REMOVED],
    faulty(() => ({}), {}, { members: "checked", crypto }),
  ),
  of(
    "takes a public key for a proof",
    "members: nobody without a key gets in",
    checking(({ inner, shared }) => ({
      async send(message, options) {
        const key = await message.key?.();
        const name = key && hex(key.publicKey);
        const known = name && note<EpochKeySource | undefined>(shared, name, message.key);
        return inner.send({ ...message, key: known || message.key }, options);
      },
    })),
  ),
  of(
    "gives everybody the GroupInfo",
    ["members: nobody without a key gets in", REJOINS],
    checking(() => ({}), { openGroups: true }),
  ),
  of(
    "gives a reader nothing, as long as there is nothing that it may read",
    "members: a reader learns at once that there is more than it may read",
    checking(({ inner }) => ({
      subscribe: (what) =>
        reading(inner.subscribe(what), async (below) => {
          for (;;) {
            const step = await below();
            if (step.done || step.value.entries.length > 0 || step.value.behind === 0) return step;
          }
        }),
    })),
  ),
  of(
    "gives nothing to who has joined, before that is confirmed",
    "members: those who join one after the other read each other's handshakes",
    checking(({ inner, shared }) => ({
      submit(handshake, options) {
        const isJoin = handshake.key === undefined && handshake.after !== "";
        if (isJoin) shared.notes.set(`joined ${hex(handshake.nextKey.publicKey)}`, true);
        return inner.submit(handshake, options);
      },
      subscribe: (what) =>
        reading(inner.subscribe(what), async (below) => {
          const own = await what.key?.();
          if (own !== undefined && note(shared, `joined ${hex(own.publicKey)}`, false)) throw forbidden();
          return below();
        }),
    })),
  ),
  of(
    "serves the group's creator alone",
    "members: whoever has the key sends, reads and commits",
    checking(({ inner, shared, user }) => ({
      submit(handshake, options) {
        const creator = note(shared, hex(handshake.groupId), user);
        return creator === user ? inner.submit(handshake, options) : Promise.reject(forbidden());
      },
    })),
  ),
  of(
    "lets a removed member in",
    REMOVED,
    noting((inner, newest) => (what) => inner.subscribe({ ...what, key: newest })),
  ),
  of(
    "asks for a key when a reader begins, and never again",
    "members: whom a commit removes isn't kept by its connection",
    noting((inner, newest) => (what) => {
      let isLetIn = false;
      const key = () => (isLetIn ? newest() : what.key?.());
      return reading(inner.subscribe({ ...what, key }), async (below) => {
        const batch = await below();
        isLetIn = true;
        return batch;
      });
    }),
  ),
  of(
    "takes the key that a reader had when it began",
    [
      "members: with the next key a reader goes on",
      "members: whoever reads on with the next key has taken its handshake",
    ],
    checking(({ inner }) => ({
      subscribe(what) {
        const first = Promise.resolve(what.key?.());
        return inner.subscribe({ ...what, key: () => first });
      },
    })),
  ),
  of(
    "knows the newest key alone",
    ["members: whoever was away reads step by step", REFUSES],
    checking(({ inner, shared }) => {
      const name = (groupId: Uint8Array) => `newest ${hex(groupId)}`;
      const check = async (groupId: Uint8Array, key: EpochKeySource | undefined) => {
        const newest = note<string | undefined>(shared, name(groupId), undefined);
        const own = await key?.();
        if (own !== undefined && newest !== undefined && hex(own.publicKey) !== newest) throw forbidden();
        return own;
      };
      return {
        async submit(handshake, options) {
          await check(handshake.groupId, handshake.key);
          const answer = await inner.submit(handshake, options);
          if (answer.kind === "accepted")
            shared.notes.set(name(handshake.groupId), hex(handshake.nextKey.publicKey));
          return answer;
        },
        subscribe: (what) => inner.subscribe({ ...what, key: () => check(what.groupId, what.key) }),
      };
    }),
  ),
  of(
    "counts only what a reader may read",
    "members: whoever was away reads step by step",
    checking(({ inner }) => ({
      subscribe: (what) =>
        reading(inner.subscribe(what), async (below) => {
          const { done, value } = await below();
          return done === true ? { done, value } : { done: false, value: { ...value, behind: 0 } };
        }),
    })),
  ),
  of(
    "gives those who refuse a handshake no time",
    REFUSES,
    checking(() => ({}), { grace: -1 }),
  ),
  of(
    "forbids what comes too late",
    "members: a late one with a key is told what came first",
    checking(({ inner }) => ({
      async submit(handshake, options) {
        const answer = await inner.submit(handshake, options);
        if (answer.kind === "stale") throw forbidden();
        return answer;
      },
    })),
  ),
  of(
    "lets nobody join without a key",
    REJOINS,
    checking(({ inner }) => ({
      submit: (handshake, options) =>
        handshake.key === undefined && handshake.after !== ""
          ? Promise.reject(forbidden())
          : inner.submit(handshake, options),
    })),
  ),
  of(
    "takes the proof of whoever has submitted a handshake for that of another",
    UNTAKEN,
    confirming((user, submitter) => user === submitter),
  ),
  of(
    "takes anybody with a key for a member from before",
    ADDED,
    confirming((user, submitter) => user !== submitter),
  ),
  of(
    "takes the key of an unconfirmed handshake for one from before",
    ADDED,
    confirming((user, submitter, keysOf) => user !== submitter && keysOf(user).size > 0),
  ),
  of(
    "says that it has taken what who joins sends at once",
    JOINS,
    checking(({ inner }) => ({
      send: (message, options) =>
        inner.send(message, options).catch((error: DeliveryError) => {
          if (error.code === "limit") return message.id;
          throw error;
        }),
    })),
  ),
  of(
    "ends all keys when somebody joins",
    JOINS,
    checking(({ inner, shared }) => ({
      async submit(handshake, options) {
        const answer = await inner.submit(handshake, options);
        if (handshake.key === undefined) shared.notes.set("key", hex(handshake.nextKey.publicKey));
        return answer;
      },
      async send(message, options) {
        const key = await message.key?.();
        const last = note(shared, "key", "");
        if (key !== undefined && last !== "" && hex(key.publicKey) !== last) throw forbidden();
        return inner.send(message, options);
      },
    })),
  ),
  of(
    "never lets in who has joined without a key",
    REJOINS,
    checking(({ inner, shared, user }) => ({
      async submit(handshake, options) {
        const answer = await inner.submit(handshake, options);
        if (handshake.key === undefined && handshake.after !== "") shared.notes.set(`joined ${user}`, true);
        return answer;
      },
      send: (message, options) =>
        note(shared, `joined ${user}`, false) ? Promise.reject(forbidden()) : inner.send(message, options),
    })),
  ),
  of(
    "registers a key again",
    "members: no handshake registers a key that another one has",
    checking(({ inner }) => ({
      async submit(handshake, options) {
        try {
          return await inner.submit(handshake, options);
        } catch {
          const { publicKey } = await crypto.suite(handshake.nextKey.suite).hpke.generateKeyPair();
          return inner.submit({ ...handshake, nextKey: { ...handshake.nextKey, publicKey } }, options);
        }
      },
    })),
  ),
  of("has nothing when it has stopped", RESTARTS, {
    ...faulty(() => ({})),
    connect: (shared: Shared, user, client) =>
      note(shared, `service ${shared.restarts}`, memoryDelivery()).connect(user, client),
    restart(shared: Shared) {
      shared.restarts++;
    },
  }),
  of(
    "goes on with the end when it has stopped",
    "restart: a reader loses nothing, and gets nothing twice",
    faulty(({ inner, shared }) => ({
      async send(message, options) {
        const cursor = await inner.send(message, options);
        shared.notes.set("newest", cursor);
        return cursor;
      },
      subscribe(what) {
        const newest = note(shared, "newest", what.after);
        return inner.subscribe({ ...what, after: shared.restarts > 0 ? newest : what.after });
      },
    })),
  ),
  of(
    "begins anew when it has stopped",
    "restart: a reader loses nothing, and gets nothing twice",
    faulty(({ inner, shared }) => ({
      subscribe: (what) => inner.subscribe({ ...what, after: shared.restarts > 0 ? "" : what.after }),
    })),
  ),
];
