// The service as one client sees it: what it is passed is checked and copied, before anything waits.
import type { OptionShape } from "@copse/core/provider";
import {
  checkNumbers,
  DEFAULT_DELIVERY_LIMITS,
  type DeliveryLimits,
  Ending,
  numbersOf,
  takeBytes,
  takeCursor,
  takeGroupId,
  takeHandshake,
  takeKeyPackages,
  takeMessage,
  takeOptions,
  takeReferences,
  takeSubscription,
  takeSuite,
  takeUser,
  takeWait,
} from "@copse/delivery/rules";
import {
  type Batch,
  type CallOptions,
  type Cursor,
  DeliveryError,
  type DeliveryService,
  type EpochKeySource,
  type Handshake,
  type InboxEntry,
  type KeyPackageCount,
  type LogEntry,
  type OfferedKeyPackage,
  type OutgoingMessage,
  type PublishedGroupInfo,
  type Submitted,
  type Subscription,
} from "@copse/delivery/service";
import type { NatsConnection } from "@nats-io/nats-core";
import { asDeliveryError } from "./errors.js";
import { Groups } from "./groups.js";
import { Heads } from "./heads.js";
import { KeyPackages } from "./key-packages.js";
import { Link } from "./link.js";
import { Names, tokenOf } from "./names.js";
import { Parcels } from "./parcels.js";
import { checkPrefix, decodeSettings, needConnection } from "./prepare.js";
import { Records } from "./records.js";
import { Welcomes } from "./welcomes.js";

/** The options of {@link natsDelivery}. */
export interface NatsDeliveryOptions {
  /**
   * From `connect` of `@nats-io/transport-node`, or in a browser from `wsconnect` of `@nats-io/nats-core`; with
   * `maxReconnectAttempts: -1` it doesn't give up. It may serve several clients, and stays the caller's, who closes it. What a function
   * returns is this client's, and is closed with it.
   */
  readonly connection: NatsConnection | (() => Promise<NatsConnection>);
  /** Whose client it is: 1 to 255 bytes of UTF-8, without control characters. */
  readonly user: string;
  /** What tells this client from all others, 1 to 4096 bytes: its public signature key, for example. */
  readonly client: Uint8Array;
  /** As that of `prepareNats`. Default: `copse`. */
  readonly prefix?: string;
  /** What this client sends. `inbox`, `users` and `groups` are of no use here. */
  readonly limits?: Partial<DeliveryLimits>;
  /** How long each answer of a server may take, in milliseconds. Default: 5000. */
  readonly timeout?: number;
  /**
   * How often servers say that a subscription lives, in milliseconds: if two don't come, it ends with `unavailable`. Default:
   * 5000.
   */
  readonly heartbeat?: number;
}

const OPTIONS: OptionShape<NatsDeliveryOptions> = {
  // What isn't a type's name here is checked by a rule of its own.
  connection: "unknown",
  user: "unknown",
  client: "unknown",
  prefix: "string",
  limits: numbersOf(DEFAULT_DELIVERY_LIMITS),
  timeout: "number",
  heartbeat: "number",
};

/**
 * A delivery service on a NATS JetStream cluster, for one client.
 *
 * ```ts
 * const connection = () => connect({ servers: "nats://nats.example.com", maxReconnectAttempts: -1 });
 * const delivery = await natsDelivery({ connection, user: "alice", client: signatureKey });
 * ```
 * @throws DeliveryError `invalid` for wrong options; `unavailable` if no server answers, or if `prepareNats` has never been called
 */
export async function natsDelivery(options: NatsDeliveryOptions): Promise<DeliveryService> {
  const taken = takeOptions(options, OPTIONS);
  const prefix = checkPrefix(taken.prefix ?? "copse");
  const user = takeUser(taken.user);
  const client = takeBytes(taken.client, "client", 1, 4096);
  const { connection, limits, timeout = 5000, heartbeat = 5000 } = taken;
  checkNumbers({ limits });
  takeWait(timeout, "timeout");
  takeWait(heartbeat, "heartbeat");
  const isOwn = typeof connection === "function";
  const open = isOwn ? await opened(connection) : connection;
  needConnection(open);
  const link = await Link.open(open, isOwn, timeout);
  try {
    const partitions = await link.run(undefined, () => partitionsOf(link, prefix));
    const own = { user: await tokenOf(user), client: await tokenOf(client), name: user };
    return new NatsDelivery(link, new Names(prefix, partitions), own, { ...taken, heartbeat });
  } catch (error) {
    await link.close();
    throw error;
  }
}

async function opened(connect: () => Promise<NatsConnection>): Promise<NatsConnection> {
  try {
    return await connect();
  } catch (error) {
    throw asDeliveryError(error);
  }
}

async function partitionsOf(link: Link, prefix: string): Promise<number> {
  const settings = decodeSettings(await link.description(new Names(prefix, 1).stream("log", 0)));
  if (settings !== undefined) return settings.partitions;
  throw new DeliveryError(
    "unavailable",
    `NATS has no service "${prefix}" of this version: prepareNats makes it`,
  );
}

class NatsDelivery implements DeliveryService {
  readonly ordering = "service";
  readonly user: string;
  readonly #link: Link;
  readonly #limits: DeliveryLimits;
  readonly #heartbeat: number;
  readonly #client: string;
  readonly #groups: Groups;
  readonly #keyPackages: KeyPackages;
  readonly #welcomes: Welcomes;

  constructor(
    link: Link,
    names: Names,
    own: { readonly user: string; readonly client: string; readonly name: string },
    options: Pick<NatsDeliveryOptions, "limits"> & { readonly heartbeat: number },
  ) {
    this.#link = link;
    this.user = own.name;
    this.#limits = { ...DEFAULT_DELIVERY_LIMITS, ...options.limits };
    this.#heartbeat = options.heartbeat;
    this.#client = own.client;
    const { message, handshake, welcomes: count } = this.#limits;
    // The list of Welcomes is a parcel too: a line of it has less than 512 characters.
    const parcels = new Parcels(link, names, Math.max(message, handshake, 512 * count));
    const records = new Records(link, names);
    const heads = new Heads(records, parcels);
    this.#keyPackages = new KeyPackages(link, names, records, this.#limits, own);
    this.#welcomes = new Welcomes(link, names, parcels, this.#keyPackages);
    this.#groups = new Groups({ link, names, parcels, heads, welcomes: this.#welcomes }, own.client);
  }

  async #call<In, Out>(
    options: CallOptions | undefined,
    take: () => In,
    work: (taken: In) => Promise<Out>,
  ): Promise<Out> {
    const taken = take();
    return this.#link.run(options, () => work(taken));
  }

  publishKeyPackages(keyPackages: readonly OfferedKeyPackage[], options?: CallOptions): Promise<void> {
    return this.#call(
      options,
      () => takeKeyPackages(keyPackages, this.#limits),
      (taken) => this.#keyPackages.publish(taken),
    );
  }

  countKeyPackages(suite: number, options?: CallOptions): Promise<KeyPackageCount> {
    return this.#call(
      options,
      () => takeSuite(suite),
      (taken) => this.#keyPackages.count(taken),
    );
  }

  withdrawKeyPackages(references?: readonly Uint8Array[], options?: CallOptions): Promise<void> {
    return this.#call(
      options,
      () => (references === undefined ? undefined : takeReferences(references, this.#limits)),
      (taken) => this.#keyPackages.withdraw(taken),
    );
  }

  claimKeyPackages(user: string, suite: number, options?: CallOptions): Promise<readonly Uint8Array[]> {
    return this.#call(
      options,
      () => ({ user: takeUser(user), suite: takeSuite(suite) }),
      (taken) => this.#keyPackages.claim(taken.user, taken.suite),
    );
  }

  submit(handshake: Handshake, options?: CallOptions): Promise<Submitted> {
    return this.#call(
      options,
      () => takeHandshake(handshake, this.#limits),
      (taken) => this.#groups.submit(taken),
    );
  }

  send(message: OutgoingMessage, options?: CallOptions): Promise<Cursor> {
    return this.#call(
      options,
      () => takeMessage(message, this.#limits),
      (taken) => this.#groups.send(taken),
    );
  }

  subscribe(subscription: Subscription): AsyncIterable<Batch<LogEntry>> {
    return readable(
      subscription,
      () => takeSubscription(subscription),
      ({ groupId, after }, options) => this.#groups.read(groupId, after, this.#heartbeat, options),
    );
  }

  inbox(after: Cursor, options: CallOptions = {}): AsyncIterable<Batch<InboxEntry>> {
    return readable(
      options,
      () => takeCursor(after, "after"),
      (taken, call) => this.#welcomes.read(this.#client, taken, this.#heartbeat, call),
    );
  }

  clearInbox(upTo: Cursor, options?: CallOptions): Promise<void> {
    return this.#call(
      options,
      () => takeCursor(upTo, "upTo"),
      (taken) => this.#welcomes.clear(this.#client, taken),
    );
  }

  groupInfo(groupId: Uint8Array, options?: CallOptions): Promise<PublishedGroupInfo | undefined> {
    return this.#call(
      options,
      () => takeGroupId(groupId),
      (taken) => this.#groups.groupInfo(taken),
    );
  }

  publishGroupInfo(
    groupId: Uint8Array,
    published: PublishedGroupInfo,
    _key: EpochKeySource,
    options?: CallOptions,
  ): Promise<boolean> {
    return this.#call(
      options,
      () => ({
        groupId: takeGroupId(groupId),
        groupInfo: takeBytes(published?.groupInfo, "groupInfo", 1, this.#limits.handshake),
        handshake: takeCursor(published?.handshake, "handshake"),
      }),
      ({ groupId: id, ...taken }) => this.#groups.publishGroupInfo(id, taken),
    );
  }

  close(): Promise<void> {
    return this.#link.close();
  }
}

/**
 * What is read as often as it is asked for. Unlike a generator's own, `return` ends what waits.
 * @param take checks and copies, when this is called
 */
function readable<In, Entry>(
  { signal }: CallOptions,
  take: () => In,
  start: (taken: In, options: CallOptions) => AsyncGenerator<Batch<Entry>>,
): AsyncIterable<Batch<Entry>> {
  let taken: { readonly value: In } | { readonly error: unknown };
  try {
    taken = { value: take() };
  } catch (error) {
    taken = { error };
  }
  async function* begin(stop: Ending) {
    if ("error" in taken) throw taken.error;
    yield* start(taken.value, { signal: stop });
  }
  return {
    [Symbol.asyncIterator]() {
      const stop = new Ending();
      const onAbort = () => stop.abort(signal?.reason);
      if (signal?.aborted === true) onAbort();
      signal?.addEventListener("abort", onAbort);
      const batches = begin(stop);
      const end = () => signal?.removeEventListener("abort", onAbort);
      let isReturned = false;
      const done = { done: true, value: undefined } as const;
      return {
        async next() {
          if (isReturned) return done;
          try {
            const next = await batches.next();
            return isReturned ? done : next;
          } catch (error) {
            end();
            if (isReturned) return done;
            throw error;
          }
        },
        async return() {
          isReturned = true;
          end();
          stop.abort();
          await batches.return(undefined).catch(() => undefined);
          return done;
        },
      };
    },
  };
}
