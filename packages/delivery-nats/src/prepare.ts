// Makes what a service needs on a NATS cluster: five streams for each partition.
import type { OptionShape } from "@copse/core/provider";
import { takeOptions } from "@copse/delivery/rules";
import { DeliveryError } from "@copse/delivery/service";
import {
  type JetStreamManager,
  jetstreamManager,
  type Placement,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import { type NatsConnection, nanos } from "@nats-io/nats-core";
import { asDeliveryError, isNameInUse, isRefusal } from "./errors.js";
import { Names, type StreamKind } from "./names.js";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
/** Servers count nanoseconds in 64 bits. */
const MAX_AGE = 100 * 365 * DAY;

/**
 * How many consumers a stream may have: one for each client and each conversation that it reads. Servers since 2.15 take a stream that
 * doesn't say it for one of 1,000.
 */
const MAX_CONSUMERS = 10_000_000;
/** The shortest time for which servers remember IDs, in milliseconds. */
const MIN_WINDOW = 100;
/** As many as the server and the account let a stream have. */
const ANY = -1;

/** The options of {@link prepareNats}. */
export interface PrepareOptions {
  /** What names of streams and subjects begin with: 1 to 32 of `0-9a-zA-Z_-`. Default: `copse`. */
  readonly prefix?: string;
  /**
   * How many parts groups and clients are dealt to, 1 to 1024: each has streams of its own, and leaders that may be on different
   * servers. It can't be changed afterwards. Default: 1.
   */
  readonly partitions?: number;
  /** How many servers keep each stream: 1, 3 or 5. Default: 1, which is for trying things out. */
  readonly replicas?: number;
  /** Default: `file`. */
  readonly storage?: "file" | "memory";
  /** For how long logs and Welcomes are kept, in milliseconds, at least a minute. Default: 30 days. */
  readonly retention?: number;
  /** For how long key packages are kept, in milliseconds: at least as long as they live. Default: 400 days. */
  readonly keyPackageRetention?: number;
  /**
   * For how long servers remember the IDs of what was published, in milliseconds, in their memory: about 150 bytes each. Default: 20
   * minutes.
   */
  readonly duplicates?: number;
  /** Where the streams of a partition are kept: a cluster, and servers with certain tags. Default: anywhere. */
  readonly placement?: (partition: number) => Placement | undefined;
}

const OPTIONS: OptionShape<PrepareOptions> = {
  prefix: "string",
  partitions: "number",
  replicas: "number",
  storage: ['"file"', '"memory"'],
  retention: "number",
  keyPackageRetention: "number",
  duplicates: "number",
  placement: "function",
};

type Filled = Required<PrepareOptions>;

/** What all clients of a service must agree on. It is the description of its streams, which no message can change. */
export interface Settings {
  readonly version: 1;
  readonly partitions: number;
}

const encodeSettings = ({ version, partitions }: Settings) =>
  `Copse delivery, version ${version}, partitions: ${partitions}`;

/** @returns `undefined` if they are those of no service, or of one of another version */
export function decodeSettings(description: string): Settings | undefined {
  const partitions = /^Copse delivery, version 1, partitions: ([0-9]{1,4})$/.exec(description)?.[1];
  return partitions === undefined ? undefined : { version: 1, partitions: Number(partitions) };
}

/** @throws DeliveryError `invalid` */
export function needConnection(connection: unknown): asserts connection is NatsConnection {
  if (typeof (connection as NatsConnection | undefined)?.request === "function") return;
  const got = connection instanceof Promise ? "a promise: await it first" : typeof connection;
  throw new DeliveryError(
    "invalid",
    `connection: expected what connect() of a client of NATS gives, got ${got}`,
  );
}

/** @throws DeliveryError `invalid` */
export function checkPrefix(prefix: string): string {
  if (/^[\w-]{1,32}$/.test(prefix)) return prefix;
  throw new DeliveryError("invalid", `prefix: expected 1 to 32 characters of 0-9a-zA-Z_-, got "${prefix}"`);
}

function fill(given: PrepareOptions): Filled {
  const options = takeOptions(given, OPTIONS);
  const filled: Filled = {
    prefix: checkPrefix(options.prefix ?? "copse"),
    partitions: options.partitions ?? 1,
    replicas: options.replicas ?? 1,
    storage: options.storage ?? "file",
    retention: options.retention ?? 30 * DAY,
    keyPackageRetention: options.keyPackageRetention ?? 400 * DAY,
    duplicates: options.duplicates ?? Math.min(20 * MINUTE, options.retention ?? 30 * DAY),
    placement: options.placement ?? (() => undefined),
  };
  const check = (
    name: "partitions" | "replicas" | "retention" | "keyPackageRetention" | "duplicates",
    min: number,
    max: number,
  ) => {
    const value = filled[name];
    if (Number.isInteger(value) && value >= min && value <= max) return;
    throw new DeliveryError("invalid", `${name}: expected an integer from ${min} to ${max}, got ${value}`);
  };
  check("partitions", 1, 1024);
  check("replicas", 1, 5);
  check("retention", MINUTE, MAX_AGE);
  check("keyPackageRetention", MINUTE, MAX_AGE);
  // Servers remember no ID for longer than they keep what has it.
  check("duplicates", MIN_WINDOW, filled.retention);
  return filled;
}

/**
 * Makes the streams of a service, or changes them to these options: it may be called again, with the same `partitions`. For whoever
 * runs the service: clients need no permission for it.
 *
 * ```ts
 * const connection = await connect({ servers: "nats://nats.example.com" });
 * await prepareNats(connection, { replicas: 3 });
 * ```
 * @throws DeliveryError `invalid`; `limit` if there aren't as many servers as replicas; `unavailable`
 */
export async function prepareNats(connection: NatsConnection, options: PrepareOptions = {}): Promise<void> {
  const filled = fill(options);
  needConnection(connection);
  const names = new Names(filled.prefix, filled.partitions);
  try {
    const jsm = await jetstreamManager(connection, { timeout: 30_000 });
    for (let partition = 0; partition < filled.partitions; partition++)
      for (const config of configs(names, partition, filled)) await put(jsm, config);
  } catch (error) {
    throw asDeliveryError(error);
  }
}

type Config = Partial<StreamConfig> & { readonly name: string; readonly description: string };

function configs(names: Names, partition: number, options: Filled): readonly Config[] {
  const placement = options.placement(partition);
  const named = (kind: StreamKind) => ({
    name: names.stream(kind, partition),
    subjects: [names.pattern(kind, partition)],
    description: encodeSettings({ version: 1, partitions: options.partitions }),
    retention: RetentionPolicy.Limits,
    duplicate_window: nanos(options.duplicates),
    num_replicas: options.replicas,
    storage: options.storage === "file" ? StorageType.File : StorageType.Memory,
    max_consumers: MAX_CONSUMERS,
    allow_direct: false,
    allow_rollup_hdrs: false,
    // Servers answer clients on any subject, those of these requests too.
    deny_delete: true,
    deny_purge: true,
    ...(placement && { placement }),
  });
  // What an entry refers to outlives it.
  const longer = nanos(options.retention + Math.min(DAY, options.retention));
  return [
    { ...named("log"), max_age: nanos(options.retention) },
    // Clients clear it.
    { ...named("inbox"), max_age: nanos(options.retention), deny_purge: false },
    // A chunk is under its hash: whoever has it has the right one.
    { ...named("parcels"), max_age: longer, max_msgs_per_subject: 1 },
    { ...named("keys"), max_age: nanos(options.keyPackageRetention) },
    { ...named("state"), max_msgs_per_subject: 1 },
  ];
}

/** @throws DeliveryError `invalid` if it is there with other settings */
async function put(jsm: JetStreamManager, config: Config): Promise<void> {
  try {
    await atMost(ANY, config, (one) => jsm.streams.add(one));
  } catch (error) {
    if (!isNameInUse(error)) throw error;
    const { description = "", max_consumers } = (await jsm.streams.info(config.name)).config;
    if (description !== config.description)
      throw new DeliveryError(
        "invalid",
        `partitions: the service is ${description}, which can't be changed to ${config.description}`,
      );
    await atMost(max_consumers, config, (one) => jsm.streams.update(config.name, one));
  }
}

/** Makes a request, and again with another number of consumers: an account may have a lower limit, and servers before 2.14 don't change it. */
async function atMost(
  maxConsumers: number,
  config: Config,
  request: (config: Config) => Promise<unknown>,
): Promise<void> {
  try {
    await request(config);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    await request({ ...config, max_consumers: maxConsumers });
  }
}
