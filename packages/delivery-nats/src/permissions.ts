// What a client may do at NATS: the subjects that it publishes to and subscribes to.
import { takeBytes, takeUser } from "@copse/delivery/rules";
import { Names, type StreamKind, tokenOf } from "./names.js";
import { checkPrefix } from "./prepare.js";

/** Whose permissions they are, as the client says it to `natsDelivery`. */
export interface PermissionOptions {
  readonly user: string;
  readonly client: Uint8Array;
  /** Default: `copse`. */
  readonly prefix?: string;
  /** As `prepareNats` was told. Default: 1. */
  readonly partitions?: number;
  /** The client's own, as its connection has it: without, each client can read the answers to all others. Default: `_INBOX`. */
  readonly inboxPrefix?: string;
}

/** Subjects that are allowed, as they stand in a server's configuration or in a JWT. */
export interface NatsPermissions {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

/**
 * All permissions that a client needs, but no more. They are no boundary against a client that attacks: the README says what it can do.
 *
 * ```ts
 * const { publish, subscribe } = await natsPermissions({ user: "alice", client: signatureKey, partitions: 16 });
 * ```
 */
export async function natsPermissions(options: PermissionOptions): Promise<NatsPermissions> {
  const partitions = options.partitions ?? 1;
  const prefix = checkPrefix(options.prefix ?? "copse");
  const names = new Names(prefix, partitions);
  const user = await tokenOf(takeUser(options.user));
  const client = await tokenOf(takeBytes(options.client, "client", 1, 4096));
  const own = names.partitionOf(client);
  const inbox = names.stream("inbox", own);
  const api = "$JS.API";
  const each = (make: (partition: number) => readonly string[]) =>
    Array.from({ length: partitions }, (_, partition) => make(partition)).flat();
  return {
    publish: [
      // What it sends: handshakes and messages, what is too large for them, Welcomes, key packages, GroupInfos.
      `${prefix}.log.>`,
      `${prefix}.parcels.>`,
      `${prefix}.inbox.>`,
      `${prefix}.keys.>`,
      names.record("user", user),
      // What it reads, and its consumers.
      `${api}.CONSUMER.CREATE.${inbox}.*.${names.inbox(client)}.*`,
      ...onConsumers(inbox),
      // Asked where its consumer delivers nothing, though there should be more.
      `${api}.STREAM.MSG.GET.${inbox}`,
      // Inboxes are cleared.
      `${api}.STREAM.PURGE.${inbox}`,
      ...each((partition) => [
        `${prefix}.state.${partition}.group.*`,
        // Key packages are claimed by taking them off their client's shelf.
        `${prefix}.state.${partition}.shelf.*`,
        `${api}.CONSUMER.CREATE.${names.stream("log", partition)}.*.${names.pattern("log", partition)}`,
        ...onConsumers(names.stream("log", partition)),
        // Never DIRECT.GET: its answer is what the client has stored, on any subject that it says.
        ...READ.map((kind) => `${api}.STREAM.MSG.GET.${names.stream(kind, partition)}`),
      ]),
    ],
    subscribe: [`${options.inboxPrefix ?? "_INBOX"}.>`],
  };
}

const READ: readonly StreamKind[] = ["log", "parcels", "keys", "state"];

const onConsumers = (stream: string) => [
  `$JS.API.STREAM.INFO.${stream}`,
  `$JS.API.CONSUMER.INFO.${stream}.*`,
  `$JS.API.CONSUMER.MSG.NEXT.${stream}.*`,
  `$JS.API.CONSUMER.DELETE.${stream}.*`,
];
