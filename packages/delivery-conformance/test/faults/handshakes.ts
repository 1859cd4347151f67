// Services with one fault each, in which handshakes they accept, and in what they know of IDs.
import {
  DeliveryError,
  type DeliveryService,
  type Handshake,
  type LogEntry,
  type Submitted,
} from "@copse/delivery";
import { changing, type Fault, faulty, freshId, hex, note, of, turns } from "./faulty.js";

/** What a service that compares by itself knows of a group. */
interface Chain {
  last: string;
  readonly followers: Map<string, LogEntry>;
}

/** A service that orders by itself, over one that doesn't. @param compares what an `after` must be */
const ordering = (
  compare: (chain: Chain, handshake: Handshake) => boolean | Promise<boolean>,
  first: (chain: Chain, handshake: Handshake) => LogEntry | undefined = ({ followers }, { after }) =>
    followers.get(after),
  nameOf: (groupId: Uint8Array) => string = hex,
) =>
  faulty(
    ({ inner, shared }) => ({
      ordering: "service",
      async submit(handshake): Promise<Submitted> {
        const chain = note<Chain>(shared, nameOf(handshake.groupId), { last: "", followers: new Map() });
        if (!(await compare(chain, handshake)))
          return { kind: "stale", first: first(chain, handshake) as LogEntry };
        const answer = await inner.submit(handshake);
        if (answer.kind !== "accepted") return answer;
        const { id, epoch, message } = handshake;
        const { cursor } = answer;
        chain.followers.set(handshake.after, {
          cursor,
          kind: "handshake",
          id,
          epoch,
          message,
          time: Date.now(),
        });
        chain.last = cursor;
        return answer;
      },
    }),
    { ordering: "none" },
  );

const isNext = ({ last }: Chain, { after }: Handshake) => after === last;

/** A service that gives what it gets IDs of its own, and so doesn't know them again. */
const forgetting = (isForgotten: (restarts: number) => boolean) =>
  faulty(({ inner, shared }) => {
    const originals = note(shared, "originals", new Map<string, string>());
    const renamed = <T extends { readonly id: string }>(what: T): T => {
      if (!isForgotten(shared.restarts)) return what;
      const id = freshId();
      originals.set(id, what.id);
      return { ...what, id };
    };
    const original = (entry: LogEntry) => ({ ...entry, id: originals.get(entry.id) ?? entry.id });
    return {
      send: async (message, options) => inner.send(renamed(message), options),
      submit: async (handshake, options) => {
        const answer = await inner.submit(renamed(handshake), options);
        return answer.kind === "stale" ? { ...answer, first: original(answer.first) } : answer;
      },
      subscribe: (what) => changing(inner.subscribe(what), (entries) => entries.map(original)),
    };
  });

const ONE = "handshakes: of many at once one is accepted";
const orders = (submit: (inner: DeliveryService, handshake: Handshake) => Promise<Submitted>) =>
  faulty(({ inner }) => ({ submit: (handshake) => submit(inner, handshake) }));

export const FAULTS: readonly Fault[] = [
  of(
    "compares first, and accepts later",
    [ONE, "handshakes: of many at once one makes a group"],
    ordering(async (chain, handshake) => {
      const isLate = !isNext(chain, handshake);
      await turns(5);
      return !isLate;
    }),
  ),
  of(
    "says stale without what came first",
    [ONE, "ids: a late handshake that is sent again is late again"],
    orders(async (inner, handshake) => {
      const answer = await inner.submit(handshake);
      return answer.kind === "stale" ? ({ kind: "stale" } as Submitted) : answer;
    }),
  ),
  of(
    "tells what came last",
    "handshakes: a late one is told what came first, not what came last",
    ordering(isNext, ({ followers }) => [...followers.values()].at(-1)),
  ),
  of(
    "has messages in the chain",
    "handshakes: messages make none late",
    faulty(({ inner, shared }) => ({
      async send(message, options) {
        const cursor = await inner.send(message, options);
        shared.notes.set("message", { cursor, kind: "message", time: 0, ...message });
        return cursor;
      },
      async submit(handshake, options) {
        const first = note<LogEntry | undefined>(shared, "message", undefined);
        return first === undefined ? inner.submit(handshake, options) : { kind: "stale", first };
      },
    })),
  ),
  of(
    "accepts one handshake for each epoch",
    "handshakes: the next one may end the same epoch once more",
    faulty(({ inner, shared }) => ({
      async submit(handshake, options) {
        const epochs = note(shared, hex(handshake.groupId), new Set<bigint>());
        if (epochs.has(handshake.epoch)) return { kind: "refused", reason: "the epoch has ended" };
        const answer = await inner.submit(handshake, options);
        if (answer.kind === "accepted") epochs.add(handshake.epoch);
        return answer;
      },
    })),
  ),
  of(
    "has one chain for all groups",
    "handshakes: groups have chains of their own",
    ordering(isNext, undefined, () => "all"),
  ),
  of(
    "takes what it doesn't know for the newest",
    "handshakes: none follows what is no handshake",
    ordering(({ last, followers }, { after }) => after === last || !followers.has(after)),
  ),
  of(
    "orders though it says that it doesn't",
    "none: every handshake is accepted",
    faulty(() => ({ ordering: "none" }), {}, { ordering: "none" }),
  ),
  of(
    "doesn't say that it orders",
    "handshakes: the service says that it orders",
    faulty(() => ({ ordering: "none" })),
  ),
  of(
    "forgets IDs",
    [
      "ids: a message that is sent again gets the same answer",
      "ids: a handshake that is sent again gets the same answer",
    ],
    forgetting(() => true),
  ),
  of(
    "forgets IDs when it stops",
    "restart: IDs are known",
    forgetting((restarts) => restarts > 0),
  ),
  of(
    "puts a late handshake that is sent again in the newest one's place",
    "ids: a late handshake that is sent again is late again",
    faulty(({ inner, shared }) => ({
      async submit(handshake, options) {
        const late = note(shared, "late", new Set<string>());
        const newest = await inner.groupInfo(handshake.groupId);
        const isAgain = late.has(handshake.id) && newest !== undefined;
        const answer = await inner.submit(
          isAgain ? { ...handshake, after: newest.handshake } : handshake,
          options,
        );
        if (answer.kind === "stale") late.add(handshake.id);
        return answer;
      },
    })),
  ),
  of(
    "takes what another client sends under a known ID for the same",
    "ids: another client's is refused with other content",
    faulty(({ inner, shared }) => ({
      async send(message, options) {
        const known = note(shared, "cursors", new Map<string, string>());
        const cursor = known.get(message.id) ?? (await inner.send(message, options));
        known.set(message.id, cursor);
        return cursor;
      },
    })),
  ),
  of(
    "takes other content under a known ID for another message",
    "ids: the same client's with other content makes no second entry",
    faulty(({ inner }) => ({
      send: (message, options) =>
        inner.send(message, options).catch((error: unknown) => {
          if (error instanceof DeliveryError && error.code === "invalid")
            return inner.send({ ...message, id: freshId() }, options);
          throw error;
        }),
    })),
  ),
  of(
    "knows IDs of all groups together",
    "ids: they are a group's own",
    faulty(({ inner, shared }) => ({
      async send(message, options) {
        const known = note(shared, "cursors", new Map<string, string>());
        const cursor = known.get(message.id) ?? (await inner.send(message, options));
        known.set(message.id, cursor);
        return cursor;
      },
    })),
  ),
];
