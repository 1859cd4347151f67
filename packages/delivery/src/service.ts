// RFC 9750 §5: what a delivery service does for one client.
import type { AbortSignalLike, Awaitable, Retry } from "@copse/core";

/**
 * A place in a log that a service keeps. Opaque: only the service that gave it can read it. `""` is the place before the
 * first entry. At most 128 characters.
 */
export type Cursor = string;

/** The options of all calls. */
export interface CallOptions {
  /** Gives the call up: it rejects with the signal's reason. What was sent may arrive all the same. */
  readonly signal?: AbortSignalLike | undefined;
}

/**
 * The key of an epoch at a service that serves members alone. All members of the epoch derive it from the epoch's exporter;
 * the service knows its public half from the handshake that starts the epoch, and asks for a proof. A proof by another client than
 * the one that has submitted the handshake, which was a member before, confirms it: older keys are good for a grace time more. Until then it
 * takes nothing from them. A service that doesn't check membership ignores all this.
 */
export interface EpochKey {
  readonly epoch: bigint;
  /** The group's cipher suite, whose KEM the key belongs to. */
  readonly suite: number;
  /** `Npk` bytes. */
  readonly publicKey: Uint8Array;
  /**
   * Opens what the service has sealed to the public half (RFC 9180, base mode).
   * @returns what proves to the service that the caller is a member
   * @throws MlsError if it can't be opened; `try-again` if that isn't known now: whoever asked for something gets that, as it is
   */
  open(kemOutput: Uint8Array, ciphertext: Uint8Array): Awaitable<Uint8Array>;
}

/** The public half of an {@link EpochKey}, as it is registered. */
export type PublicEpochKey = Pick<EpochKey, "epoch" | "suite" | "publicKey">;

/** Gives the key of the epoch in which the client is now. */
export type EpochKeySource = () => Awaitable<EpochKey | undefined>;

/** A Welcome, for the client that has published the key package with this reference. */
export interface AddressedWelcome {
  /** The KeyPackageRef: `Nh` bytes. */
  readonly reference: Uint8Array;
  readonly welcome: Uint8Array;
}

/** A commit for a group. */
export interface Handshake {
  /** Chosen by the client, 16 to 64 characters of `0-9a-z-`: the same submission again has the same one, and the same answer. */
  readonly id: string;
  /** 1 to 255 bytes. */
  readonly groupId: Uint8Array;
  /** The epoch that the commit ends. */
  readonly epoch: bigint;
  /**
   * The group's last handshake that the client knows of, whether it took or refused it; `""` if there is none: then
   * this one makes the service know the group.
   */
  readonly after: Cursor;
  /** An MLSMessage with the commit. */
  readonly message: Uint8Array;
  /** The GroupInfo of the epoch that it starts, as an MLSMessage, with the ratchet tree. */
  readonly groupInfo: Uint8Array;
  /**
   * They are delivered if the handshake is accepted: each to the client that has published the key package. One for a reference that the
   * service doesn't know, or for an inbox that is full, is dropped, and the handshake taken: whatever a proposal adds, a service can't judge it.
   */
  readonly welcomes: readonly AddressedWelcome[];
  /** Of the epoch that it starts. One that no other handshake of the group has registered. */
  readonly nextKey: PublicEpochKey;
  /** Of the epoch that it ends. Whoever joins by this commit has none. */
  readonly key?: EpochKeySource | undefined;
}

/** What became of a handshake. */
export type Submitted =
  /** It is the one that follows `after`, and no other will be. */
  | { readonly kind: "accepted"; readonly cursor: Cursor }
  /** `first` is the handshake that follows `after`: it came first. Nothing of the submission is delivered. */
  | { readonly kind: "stale"; readonly first: LogEntry }
  /** The service reads handshakes, and no member would take this one. */
  | { readonly kind: "refused"; readonly reason: string };

/** A message for a group that ends no epoch: an application message or a proposal. */
export interface OutgoingMessage {
  /** As that of a {@link Handshake}. */
  readonly id: string;
  readonly groupId: Uint8Array;
  readonly epoch: bigint;
  /** An MLSMessage. */
  readonly message: Uint8Array;
  readonly key?: EpochKeySource | undefined;
}

/** An entry in the log of a group. */
export interface LogEntry {
  readonly cursor: Cursor;
  readonly kind: "handshake" | "message";
  readonly id: string;
  /** As its sender says. Nobody has verified it. */
  readonly epoch: bigint;
  readonly message: Uint8Array;
  /** When the service took it, in milliseconds since 1970 by its clock. */
  readonly time: number;
}

/** Some entries of a log, in order. */
export interface Batch<Entry> {
  readonly entries: readonly Entry[];
  /**
   * How many more the service has now, as far as it knows: 0 when the reader has caught up. Also those that it can't read
   * before it proves another key.
   */
  readonly behind: number;
}

/** What is read of a group's log. */
export interface Subscription extends CallOptions {
  readonly groupId: Uint8Array;
  /** The entry after which it begins; `""`: with the first one that the service still has. */
  readonly after: Cursor;
  readonly key?: EpochKeySource | undefined;
}

/** A Welcome in a client's inbox. */
export interface InboxEntry {
  readonly cursor: Cursor;
  /** The KeyPackageRef. */
  readonly reference: Uint8Array;
  readonly groupId: Uint8Array;
  readonly welcome: Uint8Array;
  /** The handshake by which the client was added: the group's log goes on after it. */
  readonly handshake: Cursor;
  readonly time: number;
}

/** A key package to publish. */
export interface OfferedKeyPackage {
  /** The KeyPackageRef: `Nh` bytes. */
  readonly reference: Uint8Array;
  /** An MLSMessage. */
  readonly keyPackage: Uint8Array;
  readonly suite: number;
  /** Until when it can be added, in seconds since 1970. The service hands it out no longer. */
  readonly notAfter: bigint;
  /** It is handed out only when all others are, and again and again. A newer one takes its place. */
  readonly lastResort: boolean;
}

/** How many key packages a service can still hand out for a client. */
export interface KeyPackageCount {
  /** Without those of last resort, and without those that have expired. */
  readonly single: number;
  readonly lastResort: number;
}

/** The newest GroupInfo of a group. */
export interface PublishedGroupInfo {
  /** An MLSMessage. Whoever uses it verifies it: a service that can't read handshakes may have one by a dishonest member. */
  readonly groupInfo: Uint8Array;
  /** The handshake that started its epoch. */
  readonly handshake: Cursor;
}

/**
 * A delivery service, as one client sees it. The client is the one whose key the connection has proven, where the service
 * checks that; a user is named by a string, and may have several clients.
 *
 * Who has handed a service a message knows that it is safe when the call has resolved. A call that rejects with a
 * {@link DeliveryError} whose `retry` is `later` may be made again as it was, with the same ID: nothing is delivered twice by it.
 *
 * The service orders the handshakes of a group: of all that name the same `after` it accepts one. It needn't understand them.
 * If members refuse one that it has accepted, the next handshake names that one as `after`, and ends the same epoch once more.
 */
export interface DeliveryService {
  /**
   * `service`: as above. `none`: nobody orders. `submit` accepts every handshake, entries may come to each reader in another
   * order, and members agree on the commit that counts. The same commit comes again under another ID then, with its Welcomes.
   */
  readonly ordering: "service" | "none";
  /** The user whose client this is. Where it is said, a messenger whose credential names another one doesn't open. */
  readonly user?: string;

  /**
   * Publishes key packages of this client: all or none. One with a reference that is there is left as it is.
   * @throws DeliveryError `limit` if the service keeps no more of this client
   */
  publishKeyPackages(keyPackages: readonly OfferedKeyPackage[], options?: CallOptions): Promise<void>;
  /** @param suite the cipher suite's number */
  countKeyPackages(suite: number, options?: CallOptions): Promise<KeyPackageCount>;
  /** Withdraws all key packages of this client, or those with these references. */
  withdrawKeyPackages(references?: readonly Uint8Array[], options?: CallOptions): Promise<void>;
  /**
   * Takes one key package of each client of a user: each is handed out once, except those of last resort.
   * @param user 1 to 255 bytes of UTF-8, without control characters
   * @returns MLSMessages, one for each client that has any left for the suite: none for an unknown user
   */
  claimKeyPackages(user: string, suite: number, options?: CallOptions): Promise<readonly Uint8Array[]>;

  /**
   * Submits a commit.
   * @throws DeliveryError `forbidden` if the key isn't that of a member; `limit` if it is that of a handshake without a key, by
   *   which the client has joined, and no other member has taken that one yet. `send` and `publishGroupInfo` as well
   */
  submit(handshake: Handshake, options?: CallOptions): Promise<Submitted>;
  /** Sends a message to a group. @returns its place in the log. @throws DeliveryError `forbidden`, `not-found` */
  send(message: OutgoingMessage, options?: CallOptions): Promise<Cursor>;
  /**
   * Reads a group's log from a place, and goes on with what comes. It ends when the caller stops or aborts it; each batch is asked for
   * when the one before has been worked on. The first one comes at once: an empty one if there is nothing that the client can
   * read now, with the count of what it can't read. A service that serves members alone gives what one of the keys reads that the
   * client has proven.
   * @throws DeliveryError while it is read: `unavailable` if the connection is lost (subscribe again, from the last entry);
   *   `expired` if the service has no longer what follows the cursor; `forbidden` if the client is no member there
   */
  subscribe(subscription: Subscription): AsyncIterable<Batch<LogEntry>>;

  /** Reads this client's inbox from a place, and goes on with what comes, like {@link subscribe}. */
  inbox(after: Cursor, options?: CallOptions): AsyncIterable<Batch<InboxEntry>>;
  /** Says that the entries of the inbox up to this one aren't needed any more. */
  clearInbox(upTo: Cursor, options?: CallOptions): Promise<void>;

  /** The GroupInfo that came with the newest handshake. @returns `undefined` for an unknown group */
  groupInfo(groupId: Uint8Array, options?: CallOptions): Promise<PublishedGroupInfo | undefined>;
  /**
   * Puts another GroupInfo in the place of the newest one: after a handshake that members have refused, or if it came with
   * a wrong one.
   * @param published `handshake` is the group's last handshake that the caller knows
   * @param key that of the epoch of the GroupInfo
   * @returns whether it was taken: not if another handshake has come
   * @throws DeliveryError `forbidden`
   */
  publishGroupInfo(
    groupId: Uint8Array,
    published: PublishedGroupInfo,
    key: EpochKeySource,
    options?: CallOptions,
  ): Promise<boolean>;

  /** Ends the connection. Calls that wait reject with `closed`. */
  close(): Promise<void>;
}

/** The compiler compares the names with those of the interface. */
const METHODS: Readonly<Record<Exclude<keyof DeliveryService, "ordering" | "user">, true>> = {
  publishKeyPackages: true,
  countKeyPackages: true,
  withdrawKeyPackages: true,
  claimKeyPackages: true,
  submit: true,
  send: true,
  subscribe: true,
  inbox: true,
  clearInbox: true,
  groupInfo: true,
  publishGroupInfo: true,
  close: true,
};

/** The names of a service's methods. */
export const DELIVERY_METHODS = /* @__PURE__ */ Object.keys(METHODS) as readonly Exclude<
  keyof DeliveryService,
  "ordering" | "user"
>[];

/** The names of the methods that a value lacks to be a delivery service. */
export function missingMethods(value: unknown): readonly string[] {
  const service = value as Partial<DeliveryService> | null | undefined;
  return DELIVERY_METHODS.filter((name) => typeof service?.[name] !== "function");
}

/**
 * - `unavailable`: the service can't be reached, is restarting, or hasn't answered in time. Try again
 * - `limit`: too much or too many. Try again after `retryAfter`, if there is one
 * - `forbidden`: the service doesn't let this client do this
 * - `not-found`: the service doesn't know the group
 * - `expired`: what follows a cursor isn't kept any more
 * - `invalid`: what was passed is malformed, or was sent by another client under this ID
 * - `closed`: the connection was closed here
 */
export type DeliveryErrorCode =
  | "unavailable"
  | "limit"
  | "forbidden"
  | "not-found"
  | "expired"
  | "invalid"
  | "closed";

/** What a delivery service answers with when it doesn't do what it was asked to. */
export class DeliveryError extends Error {
  override name = "DeliveryError";
  readonly code: DeliveryErrorCode;
  /** Milliseconds to wait before the call is made again, if the service says so. */
  readonly retryAfter: number | undefined;

  constructor(
    code: DeliveryErrorCode,
    message: string,
    options: { readonly retryAfter?: number; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.retryAfter = options.retryAfter;
  }

  /** Whether the same call may succeed, as of an `MlsError`, by the code: `later`, after a while; `never`. */
  get retry(): Extract<Retry, "later" | "never"> {
    const { code, retryAfter } = this;
    return code === "unavailable" || (code === "limit" && retryAfter !== undefined) ? "later" : "never";
  }
}
