// RFC 9420 doesn't cover this: the messages between a page and a worker. Each is declared once, and checked on arrival.
import type { Client, Group, Member, StagedCommit, StagedWelcome } from "@copse/core";
import { Credential, opaque, struct, uint32, vector } from "@copse/core/extension";
import { PackedError } from "./errors.js";
import { Reference } from "./pack.js";
import { Outcome } from "./pending.js";
import {
  anything,
  bigint,
  bytes,
  count,
  either,
  flag,
  list,
  literal,
  object,
  optional,
  ownValue,
  record,
  type Shape,
  type ShapeOf,
  text,
  tuple,
} from "./schema.js";
import type { CLIENT_GETTERS, GROUP_GETTERS, STAGED_GETTERS, WELCOME_GETTERS } from "./surface.js";

/** The members of a group, encoded as one byte array that is transferred and not copied. */
export const MemberList = /* @__PURE__ */ vector(
  /* @__PURE__ */ struct({ leafIndex: uint32, credential: Credential, signatureKey: opaque }),
);

// What a page gets is shown to its application as it is. So the types of all getters are checked.
export type ClientSnapshot = Pick<Client, (typeof CLIENT_GETTERS)[number]>;
const Suite = /* @__PURE__ */ record({ id: count, name: text });
const ClientSnapshot = /* @__PURE__ */ record({
  cipherSuite: Suite,
  credential: object,
  signatureKey: bytes,
}) as unknown as Shape<ClientSnapshot>;

/** In the place of a getter's value: what the getter throws, because it has no value any more. */
export const Refused = /* @__PURE__ */ record({ refused: PackedError });

const ShownMember = /* @__PURE__ */ record({
  leafIndex: count,
  credential: object,
  signatureKey: bytes,
}) as unknown as Shape<Member>;

const Extensions = /* @__PURE__ */ list(
  /* @__PURE__ */ record({ extensionType: count, extensionData: bytes }),
);

export type StagedSnapshot = Pick<StagedCommit, (typeof STAGED_GETTERS)[number]>;
const StagedSnapshot = /* @__PURE__ */ record({
  commit: bytes,
  welcome: /* @__PURE__ */ optional(bytes),
  ratchetTree: /* @__PURE__ */ optional(bytes),
  own: flag,
  external: flag,
  committer: ShownMember,
  epoch: bigint,
  path: flag,
  proposals: /* @__PURE__ */ list(
    /* @__PURE__ */ record({
      proposal: object,
      sender: object,
      proposer: object,
      reference: /* @__PURE__ */ optional(bytes),
    }),
  ),
  added: /* @__PURE__ */ list(ShownMember),
  removed: /* @__PURE__ */ list(ShownMember),
  updated: /* @__PURE__ */ list(ShownMember),
  custom: /* @__PURE__ */ list(object),
  reinit: /* @__PURE__ */ optional(object),
  extensions: Extensions,
  active: flag,
  authenticatedData: bytes,
  epochAuthenticator: /* @__PURE__ */ either(/* @__PURE__ */ optional(bytes), Refused),
}) as unknown as Shape<StagedSnapshot>;

/** A staged commit of a group: `id` is its number there. */
export const StagedMessage = /* @__PURE__ */ record({ id: count, snapshot: StagedSnapshot });
export type StagedMessage = ShapeOf<typeof StagedMessage>;
export const StagedMessages = /* @__PURE__ */ list(StagedMessage);

export type WelcomeSnapshot = Pick<StagedWelcome, (typeof WELCOME_GETTERS)[number]>;
const WelcomeSnapshot = /* @__PURE__ */ record({
  groupId: bytes,
  epoch: bigint,
  cipherSuite: Suite,
  ownLeafIndex: count,
  committer: ShownMember,
  keyPackage: /* @__PURE__ */ record({ reference: bytes, lastResort: flag }),
  resumes: /* @__PURE__ */ optional(object),
  extensions: Extensions,
  epochAuthenticator: /* @__PURE__ */ either(bytes, Refused),
  treeHash: bytes,
  confirmedTranscriptHash: bytes,
}) as unknown as Shape<WelcomeSnapshot>;

/** A staged Welcome, by a name that nobody can guess. */
export const WelcomeMessage = /* @__PURE__ */ record({ id: text, snapshot: WelcomeSnapshot });
export type WelcomeMessage = ShapeOf<typeof WelcomeMessage>;

export type GroupSnapshot = Pick<Group, (typeof GROUP_GETTERS)[number]>;
const GroupSnapshot = /* @__PURE__ */ record({
  groupId: bytes,
  epoch: bigint,
  cipherSuite: Suite,
  ownLeafIndex: count,
  extensions: Extensions,
  active: flag,
  hasPendingCommit: flag,
  proposals: /* @__PURE__ */ list(
    /* @__PURE__ */ record({ proposal: object, sender: object, reference: bytes }),
  ),
  epochAuthenticator: /* @__PURE__ */ either(bytes, Refused),
  treeHash: bytes,
  confirmedTranscriptHash: bytes,
}) as unknown as Shape<GroupSnapshot>;

/** A group that the page doesn't know yet. `members` is an encoded {@link MemberList}. */
export const NewGroupMessage = /* @__PURE__ */ record({ id: text, snapshot: GroupSnapshot, members: bytes });
export type NewGroupMessage = ShapeOf<typeof NewGroupMessage>;

/**
 * What has changed in a group since the last answer. `members` has the leaves that changed, each with the member who is
 * there now, or `undefined` for a blank leaf.
 */
const GroupChange = /* @__PURE__ */ record({
  snapshot: GroupSnapshot,
  members: /* @__PURE__ */ list(/* @__PURE__ */ tuple(count, /* @__PURE__ */ optional(ShownMember))),
});
export type GroupChange = ShapeOf<typeof GroupChange>;

/** A call of a function that the page gave, such as `validate`. */
const CallbackRequest = /* @__PURE__ */ record({ id: count, callback: count, args: list(anything) });
export type CallbackRequest = ShapeOf<typeof CallbackRequest>;

/** The answer to a {@link CallbackRequest}. */
const CallbackAnswer = /* @__PURE__ */ record({ id: count, outcome: Outcome });
export type CallbackAnswer = ShapeOf<typeof CallbackAnswer>;

/** The shapes of messages by their `copse`. Each is of one connection: a port may have been used by another before. */
type Messages = Readonly<Record<string, Shape<unknown>>>;
type MessageOf<M extends Messages> = {
  [K in keyof M & string]: { readonly copse: K; readonly connection: string } & ShapeOf<M[K]>;
}[keyof M & string];

const TO_WORKER = /* @__PURE__ */ {
  start: /* @__PURE__ */ record({ options: anything, references: list(Reference) }),
  /**
   * `group` names a group or a staged Welcome, and is `undefined` for a method of the client; `staged` is `undefined` for
   * one that isn't of a staged commit of the group.
   */
  call: /* @__PURE__ */ record({
    id: count,
    group: optional(text),
    staged: optional(count),
    method: text,
    args: list(anything),
    references: list(Reference),
  }),
  /** The signal of a call was aborted. */
  abort: /* @__PURE__ */ record({ id: count, reason: PackedError }),
  "callback-answers": /* @__PURE__ */ record({ answers: list(CallbackAnswer) }),
  /** The page no longer has a reference to this group or staged Welcome. */
  release: /* @__PURE__ */ record({ group: text }),
  /** `now`: without waiting for open calls. */
  close: /* @__PURE__ */ record({ now: flag }),
};
export type ToWorker = MessageOf<typeof TO_WORKER>;

const TO_PAGE = /* @__PURE__ */ {
  /** The name of the lock that the worker holds until it ends. */
  lock: /* @__PURE__ */ record({ name: text }),
  started: /* @__PURE__ */ record({ client: ClientSnapshot }),
  failed: /* @__PURE__ */ record({ error: PackedError }),
  answer: /* @__PURE__ */ record({ id: count, outcome: Outcome, change: optional(GroupChange) }),
  callbacks: /* @__PURE__ */ record({ requests: list(CallbackRequest) }),
  /** The worker has dropped these functions of the page. */
  forget: /* @__PURE__ */ record({ callbacks: list(count) }),
  closed: /* @__PURE__ */ record({}),
};
export type ToPage = MessageOf<typeof TO_PAGE>;

/**
 * Sent once when a worker starts to listen, to whoever listens then. Messages that were sent before may be lost.
 */
export const READY = { copse: "ready" } as const;
export const isReady = /* @__PURE__ */ record({ copse: literal("ready") });

/** What came is no message of this protocol, or one of another connection: it is ignored. */
type Foreign = undefined;

/**
 * A message to this side, checked.
 * @param connection `undefined` while there is none: each message is taken
 * @returns `undefined` for what isn't for this connection: an application may send its own by the same port;
 *   `"malformed"` for a message without the shape that it must have
 */
function messageFor<M extends Messages>(
  messages: M,
  message: unknown,
  connection: string | undefined,
): MessageOf<M> | Foreign | "malformed" {
  const kind = ownValue(message, "copse");
  const sender = ownValue(message, "connection");
  if (kind === undefined || typeof sender !== "string") return undefined;
  if (connection !== undefined && sender !== connection) return undefined;
  const shape = typeof kind === "string" && Object.hasOwn(messages, kind) ? messages[kind] : undefined;
  // The shape was found by `copse`, so the type is the one of that name.
  return shape?.(message) ? (message as MessageOf<M>) : "malformed";
}

export function messageToWorker(message: unknown, connection: string | undefined) {
  return messageFor(TO_WORKER, message, connection);
}

export function messageToPage(message: unknown, connection: string) {
  return messageFor(TO_PAGE, message, connection);
}
