// RFC 9750 §5 has what a delivery service owes. This is what an application gets on top of it: conversations.
import type { Awaitable, Bytes, Credential, Group, OperationOptions } from "@copse/core";
import type { StoredClient, StoredClientOptions } from "@copse/core/storage";
import type { Settling } from "../conversation/settling.js";
import type { DeliveryService } from "../service.js";

/** A client of a user. */
export interface Person {
  /** As the delivery service names the user. By default the UTF-8 text of a basic credential. */
  readonly user: string;
  /** The client's signature key: `Npk` bytes. */
  readonly signatureKey: Bytes;
  /** Whether it is this client. */
  readonly own: boolean;
}

/** A member of a conversation. */
export interface Participant extends Person {
  readonly leafIndex: number;
  /** Since when this client knows it as a member, in milliseconds since 1970 by the service's clock. */
  readonly since: number;
}

/**
 * - `starting`: made here, and the service doesn't know it yet
 * - `joining`: this client joins, or rejoins after it lost the state or the group took another way
 * - `catching-up`: it reads what came while it was away, for a moment after `start` and `accept`, too. What is sent waits
 * - `active`
 * - `leaving`: it has asked to be removed
 * - `left`, `removed`: it is no member any more. The history stays
 */
export type ConversationState =
  | "starting"
  | "joining"
  | "catching-up"
  | "active"
  | "leaving"
  | "left"
  | "removed";

/** What was said. */
export interface MessageEntry {
  readonly kind: "message";
  /** Its place in the history. Later ones are greater numbers. `undefined` as long as it is only in the outbox. */
  readonly place: number | undefined;
  readonly id: string;
  /** In milliseconds since 1970: by the service's clock, or, in the outbox, by this client's. */
  readonly time: number;
  readonly sender: Person;
  /** The epoch in which it was encrypted; `undefined` if it isn't yet. */
  readonly epoch: bigint | undefined;
  readonly data: Bytes;
  /** The data as UTF-8. */
  readonly text: string;
}

/**
 * A commit, as far as it changed who is there. That of this client's own joining by an invitation has only this client in
 * `added`: who else came by the same commit, the invitation doesn't say.
 */
export interface MembersEntry {
  readonly kind: "members";
  readonly place: number;
  readonly time: number;
  /** The epoch that it started. */
  readonly epoch: bigint;
  /** Who made the commit. */
  readonly by: Person;
  readonly added: readonly Person[];
  readonly removed: readonly Person[];
  /** Those of `removed` who had asked for it. */
  readonly left: readonly Person[];
  /** Clients that lost their state, or took another way, and are there again. */
  readonly rejoined: readonly Person[];
}

export type HistoryEntry = MessageEntry | MembersEntry;

export interface HistoryOptions extends OperationOptions {
  /** Only entries after this place. Then the oldest of them come, otherwise the newest. */
  readonly after?: number;
  /** Only entries before this place. */
  readonly before?: number;
  /** 1 to 1,000. Default: 50. */
  readonly limit?: number;
}

/** A message that is safe in the outbox. */
export interface Outgoing {
  readonly id: string;
  /**
   * Resolves when it stands in the group's log, where all members find it, however often this client must try. That it is refused
   * is told here, or, if nobody has asked for this, by a {@link Problem}.
   * @throws MessengerError `refused`, also if it is too large for the service; `removed`, `left`: the others may show it all the same,
   *   if the service had it already; `gone` if the conversation was deleted, or never began; `closed` if the messenger is closed before:
   *   it is sent by the next one
   */
  readonly sent: Promise<MessageEntry>;
}

/** A group, as its members talk in it. */
export interface Conversation {
  /** The group ID in hexadecimal. */
  readonly id: string;
  readonly groupId: Bytes;
  /** Chosen when it was started. All members see it. */
  readonly name: string | undefined;
  readonly state: ConversationState;
  readonly epoch: bigint;
  /** After this client left or was removed: as of before that. */
  readonly members: readonly Participant[];
  /** The MLS group, to look at: don't change it. `undefined` while this client has none. */
  readonly group: Group | undefined;

  /**
   * Sends a message. It is in the history, and told by an event, when it stands in the log.
   * @param content a text, or bytes: at most `policy.maxApplicationSize` and what the service takes. What is too much for the service,
   *   {@link Outgoing.sent} tells
   * @param options `signal` gives it up as long as it isn't being written
   * @returns when it is safe in the storage
   * @throws MessengerError `removed`, `left`; `limit` if too much waits in the outbox; `usage` if it is larger than the policy allows;
   *   MlsError `storage`
   * @example
   * const { sent } = await conversation.send("Hello!");
   * await sent;
   */
  send(content: string | Uint8Array, options?: OperationOptions): Promise<Outgoing>;
  /** What isn't in the log yet. */
  outbox(): readonly MessageEntry[];
  /**
   * Adds all clients of users, as far as they aren't members. They are members from the commit on, whether they accept or not. So who has
   * declined, and was not removed since, gets no second invitation by this: remove them first.
   * @returns when they are members, at once if they are already. The wish outlives a restart; the `signal` withdraws it, unless it is
   *   too late
   * @throws MessengerError `unknown-user` if one of them has no key package left, `refused`, `removed`
   */
  invite(users: readonly string[], options?: OperationOptions): Promise<void>;
  /**
   * Removes members: all clients of users by their names, or single clients, as {@link members} has them.
   * @returns when they are no members any more
   * @throws MessengerError `unknown-user` if one of them is no member, as far as this client knows; otherwise as {@link invite}
   * @example
   * await conversation.remove(["mallory"]);
   * const lost = conversation.members.find(({ user, own }) => user === messenger.user && !own);
   * if (lost) await conversation.remove([lost]);
   */
  remove(who: readonly (string | Pick<Person, "signatureKey">)[], options?: OperationOptions): Promise<void>;
  /** Renews this client's keys. The schedule does it, too. */
  update(options?: OperationOptions): Promise<void>;
  /**
   * Asks the others to remove this client, in each epoch anew until one of them has done it.
   * @param options `signal` ends the asking. What was asked before may be out: the others can remove this client all the same as long
   *   as the epoch lasts, and then it has left
   * @returns when one of them has done it. The wish outlives a restart
   */
  leave(options?: OperationOptions): Promise<void>;
  /** Entries in their order. */
  history(options?: HistoryOptions): Promise<readonly HistoryEntry[]>;
  /**
   * 60 digits to compare with a person, aloud or by a picture: they depend on both names and both signature keys, and are
   * the same on both sides, at all times. Without a person: of the whole group in its present epoch, the same for all its members
   * in that epoch, and another one after each commit.
   */
  safetyNumber(person?: Pick<Person, "user" | "signatureKey">, options?: OperationOptions): Promise<string>;
  /**
   * Deletes all that is stored of a conversation that is over.
   * @throws MessengerError `usage` if it isn't; `gone` if it was deleted, or is another one since its group was joined again; `closed`
   */
  delete(options?: OperationOptions): Promise<void>;
}

/** A Welcome that waits for a decision. It outlives a restart. All that it shows is verified, as `Client.readWelcome` says. */
export interface Invitation {
  readonly id: string;
  /** That of the conversation that it leads to. */
  readonly conversationId: string;
  readonly name: string | undefined;
  readonly by: Person;
  readonly members: readonly Person[];
  /** In milliseconds since 1970. */
  readonly time: number;
  /** As {@link Conversation.safetyNumber}. `by` and this client compare that of `safetyNumber(invitation.by)`. */
  safetyNumber(person?: Pick<Person, "user" | "signatureKey">, options?: OperationOptions): Promise<string>;
  /**
   * Takes part. It is a member already, since the commit by which it was invited.
   * @throws MessengerError `gone` if it was answered already, `closed`; MlsError if the Welcome can't be used any more
   */
  accept(options?: OperationOptions): Promise<Conversation>;
  /**
   * Forgets the invitation. It leaves nothing and tells nobody: this client stays a member, in the others' lists too, until one of them
   * removes it. {@link Messenger.join} of the conversation still lets it in until then.
   * @throws MessengerError as {@link accept}
   */
  decline(options?: OperationOptions): Promise<void>;
}

/**
 * What went wrong, and what the engine did about it: nothing needs to be done.
 * - `junk`: a member's commit, message or Welcome that is refused, though the service took it
 * - `unreadable`: a message that this client can't read: it is too old, or not for it
 * - `dropped`: messages that came before their epoch, and for which there was no room, or no epoch; an invitation for a key package
 *   that this client hasn't any more: it is a member, and `Messenger.join` of that conversation lets it in
 * - `rejoined`: this client had another state than the group, or none, and has joined again
 * - `delivery`: the service refuses. `retry` says whether the engine goes on trying. That it can't be reached, the event
 *   `connection` tells
 * - `change`: a wish (invite, remove, update) of before a restart that can't be fulfilled any more
 * - `storage`: the storage failed, or another messenger has it now
 * - `application`: what the application has given failed, such as its authentication service or a provider; or a listener threw
 */
export interface Problem {
  readonly code:
    | "junk"
    | "unreadable"
    | "dropped"
    | "rejoined"
    | "delivery"
    | "change"
    | "storage"
    | "application";
  readonly message: string;
  /** Who caused it, where that can be told. */
  readonly who: Person | undefined;
  /** Whether the engine tries again. */
  readonly retry: boolean;
  readonly cause: unknown;
}

/**
 * What happens, each thing once. What is in the history is told by `message` and `members`, this client's own removal too. What a
 * call of the application was refused, that call tells.
 */
export type MessengerEvent =
  /** One that is new here: started, joined, or accepted. */
  | { readonly kind: "conversation"; readonly conversation: Conversation }
  /** One that waits to be answered: not if the option `accept` has decided. */
  | { readonly kind: "invitation"; readonly invitation: Invitation }
  | { readonly kind: "message"; readonly conversation: Conversation; readonly entry: MessageEntry }
  | { readonly kind: "members"; readonly conversation: Conversation; readonly entry: MembersEntry }
  | {
      readonly kind: "state";
      readonly conversation: Conversation;
      readonly state: ConversationState;
    }
  /** A commit is in force: another epoch. `by` made it; `bytes` is the size of its message. */
  | {
      readonly kind: "epoch";
      readonly conversation: Conversation;
      readonly epoch: bigint;
      readonly by: Person;
      readonly bytes: number;
    }
  /**
   * While it catches up: `done` entries of the log were read since that began, and `behind` are still to come, as far as the service
   * knows.
   */
  | {
      readonly kind: "progress";
      readonly conversation: Conversation;
      readonly done: number;
      readonly behind: number;
    }
  /** Whether the service is reached. `cause`: why not. */
  | { readonly kind: "connection"; readonly connected: boolean; readonly cause: unknown }
  | {
      readonly kind: "problem";
      readonly conversation: Conversation | undefined;
      readonly problem: Problem;
    };

/**
 * The options of {@link openMessenger}: those of `openClient`, and these. One messenger at a time may have a storage.
 *
 * Without `policy.authorize`, who isn't a member joins by a Welcome only: an external commit must take the place of a leaf; and
 * members keep their signature keys. With it, that is for it to say. It must give the same answer at all members.
 */
export interface MessengerOptions extends StoredClientOptions {
  /** The service, or what connects to it. One that a function made is closed with the messenger. */
  readonly delivery: DeliveryService | ((client: StoredClient) => Awaitable<DeliveryService>);
  /**
   * Decides about invitations: `true` accepts, `false` declines, `undefined` leaves it to {@link Invitation.accept}.
   * What declining means, {@link Invitation.decline} says. Default: all wait.
   */
  readonly accept?: (invitation: Invitation) => Awaitable<boolean | undefined>;
  /** The user that a credential names. Default: the UTF-8 text of a basic credential. @returns `undefined`: nobody */
  readonly userOf?: (credential: Credential) => string | undefined;
  /**
   * For a service with `ordering: "none"`, which needs it: how members agree on a commit. `settleBranches()` of
   * `@copse/delivery/unordered` makes it.
   */
  readonly settle?: Settling;
  readonly limits?: Partial<MessengerLimits>;
}

/** Every number has a default: {@link DEFAULT_LIMITS}. */
export interface MessengerLimits {
  /** How many key packages others should find at the service. */
  readonly keyPackages: number;
  /** After how many seconds, and after how many commits of others, this client renews its keys in a group. */
  readonly updateAfter: number;
  readonly updateAfterCommits: number;
  /** How many messages, and how many bytes, wait in the outbox of a conversation. */
  readonly outbox: number;
  readonly outboxBytes: number;
  /** How many messages, and how many bytes, are kept of a group whose epoch hasn't come. */
  readonly early: number;
  readonly earlyBytes: number;
  /** How many entries of the history are kept of a conversation. */
  readonly history: number;
  readonly conversations: number;
  /** How many wait. When it is half of them, a user whose invitations are a tenth of them has no room for more. */
  readonly invitations: number;
  /** How often a wish (invite, remove, update) is tried against commits of others. */
  readonly tries: number;
  /** Milliseconds: the first and the longest wait before a call is made again, and how long others' proposals may wait. */
  readonly firstWait: number;
  readonly longestWait: number;
  readonly proposalWait: number;
}

/** The conversations of one client of a user. */
export interface Messenger {
  readonly user: string;
  readonly client: StoredClient;
  /** All that are stored, those that are over too, in no particular order: an application sorts them itself. */
  readonly conversations: readonly Conversation[];
  readonly invitations: readonly Invitation[];
  /** Whether the service is reached. */
  readonly connected: boolean;
  conversation(id: string): Conversation | undefined;
  /**
   * Starts a conversation with all clients of these users; with this user's other ones if the own name is among them.
   * @param options `name`: at most 1,000 bytes of UTF-8, for all members. `signal` gives it up: soon after, nothing is left of it, nor of
   *   what was sent to it meanwhile
   * @returns when the service has it, and the others are members
   * @throws MessengerError as {@link Conversation.invite}, `limit`
   * @example
   * const conversation = await messenger.start(["bob", "carol"], { name: "Birds" });
   */
  start(
    users: readonly string[],
    options?: OperationOptions & { readonly name?: string },
  ): Promise<Conversation>;
  /**
   * Joins a group by an external commit, without an invitation: after this client's storage was lost, with its signer.
   * It takes the place of the client's former leaf. If that isn't there, `policy.authorize` of all members must let it in: by default it
   * doesn't.
   * @param id that of the conversation
   * @throws MessengerError `usage` if this client is in it already, `refused` if its own policy doesn't let it in
   */
  join(id: string, options?: OperationOptions): Promise<Conversation>;
  /**
   * Calls `listener` for each event. Who listens as soon as `openMessenger` has answered misses none. What it throws is told by a
   * {@link Problem} `application`, but for what it throws at a problem.
   * @returns what ends that
   */
  on(listener: (event: MessengerEvent) => void): () => void;
  /**
   * Resolves when all that the service has now is read, the outboxes are empty, wishes have come true (but for
   * {@link Conversation.leave}), and others find this client's key packages. It waits for as long as the service can't be reached.
   * @throws MessengerError `refused` if the service refuses this client; `cause` says why
   */
  settled(options?: OperationOptions): Promise<void>;
  /**
   * Ends it, when what is being written is written. Calls that wait reject with `closed`.
   * @param options `signal` ends the waiting; the messenger ends all the same
   */
  close(options?: OperationOptions): Promise<void>;
}
