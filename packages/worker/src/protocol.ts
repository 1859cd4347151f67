// RFC 9420 doesn't cover this: the messages between a page and a worker. Each is declared once, and checked on arrival.
import {
  type Client,
  type Credential,
  CredentialType,
  type Group,
  type Member,
  type StagedCommit,
  type StagedWelcome,
} from "@copse/core";
import { Credential as EncodedCredential, opaque, struct, uint32, vector } from "@copse/core/extension";
import { PackedError } from "./errors.js";
import { Reference } from "./pack.js";
import { Outcome } from "./pending.js";
import {
  anything,
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
  uint64,
} from "./schema.js";
import type { CLIENT_GETTERS, GROUP_GETTERS, STAGED_GETTERS, WELCOME_GETTERS } from "./surface.js";

/** The members of a group, encoded as one byte array that is transferred and not copied. */
export const MemberList = /* @__PURE__ */ vector(
  /* @__PURE__ */ struct({ leafIndex: uint32, credential: EncodedCredential, signatureKey: opaque }),
);

// What a page gets is shown to its application as it is. So the types of all getters are checked.
export type ClientSnapshot = Pick<Client, (typeof CLIENT_GETTERS)[number]>;
const Suite = /* @__PURE__ */ record({ id: count, name: text });
const AnyCredential = /* @__PURE__ */ record({ credentialType: count });
const Basic = /* @__PURE__ */ record({ identity: bytes });
const X509 = /* @__PURE__ */ record({ certificates: list(bytes) });
const Other = /* @__PURE__ */ record({ data: bytes });
const ShownCredential: Shape<Credential> = (value): value is Credential => {
  if (!AnyCredential(value)) return false;
  if (value.credentialType === CredentialType.basic) return Basic(value);
  return value.credentialType === CredentialType.x509 ? X509(value) : Other(value);
};

const ClientSnapshot = /* @__PURE__ */ record({
  cipherSuite: Suite,
  credential: ShownCredential,
  signatureKey: bytes,
}) as unknown as Shape<ClientSnapshot>;

/** In the place of a getter's value: what the getter throws, because it has no value any more. */
export const Refused = /* @__PURE__ */ record({ refused: PackedError });

const ShownMember = /* @__PURE__ */ record({
  leafIndex: count,
  credential: ShownCredential,
  signatureKey: bytes,
}) as unknown as Shape<Member>;

/** A `Party`, the same as `Party` of the core. */
const ShownParty = /* @__PURE__ */ either(
  /* @__PURE__ */ record({ kind: literal("member"), member: ShownMember }),
  /* @__PURE__ */ either(
    /* @__PURE__ */ record({
      kind: literal("external"),
      senderIndex: count,
      credential: ShownCredential,
      signatureKey: bytes,
    }),
    /* @__PURE__ */ record({ kind: literal("new-member") }),
  ),
);

/** A proposal of any list. Its own fields depend on its type, which may be one of an extension. */
const SHOWN_PROPOSAL = /* @__PURE__ */ {
  proposal: /* @__PURE__ */ record({ proposalType: count }),
  sender: /* @__PURE__ */ record({ senderType: count }),
  proposer: ShownParty,
};

const Extensions = /* @__PURE__ */ list(
  /* @__PURE__ */ record({ extensionType: count, extensionData: bytes }),
);

const Resumes = /* @__PURE__ */ optional(
  /* @__PURE__ */ record({
    by: /* @__PURE__ */ either(literal("branch"), literal("reinit")),
    groupId: bytes,
    epoch: uint64,
  }),
);

export type StagedSnapshot = Pick<StagedCommit, (typeof STAGED_GETTERS)[number]>;
const StagedSnapshot = /* @__PURE__ */ record({
  commit: bytes,
  welcome: /* @__PURE__ */ optional(bytes),
  ratchetTree: /* @__PURE__ */ optional(bytes),
  own: flag,
  external: flag,
  committer: ShownMember,
  epoch: uint64,
  path: flag,
  proposals: /* @__PURE__ */ list(
    /* @__PURE__ */ record({ ...SHOWN_PROPOSAL, reference: /* @__PURE__ */ optional(bytes) }),
  ),
  added: /* @__PURE__ */ list(ShownMember),
  removed: /* @__PURE__ */ list(ShownMember),
  updated: /* @__PURE__ */ list(ShownMember),
  custom: /* @__PURE__ */ list(object),
  reinit: /* @__PURE__ */ optional(object),
  extensions: Extensions,
  active: flag,
  authenticatedData: bytes,
  confirmedTranscriptHash: bytes,
  epochAuthenticator: /* @__PURE__ */ either(/* @__PURE__ */ optional(bytes), Refused),
}) as unknown as Shape<StagedSnapshot>;

/** A staged commit of a group: `id` is its number there. */
export const StagedMessage = /* @__PURE__ */ record({ id: count, snapshot: StagedSnapshot });
export type StagedMessage = ShapeOf<typeof StagedMessage>;
export const StagedMessages = /* @__PURE__ */ list(StagedMessage);

export type WelcomeSnapshot = Pick<StagedWelcome, (typeof WELCOME_GETTERS)[number]>;
const WelcomeSnapshot = /* @__PURE__ */ record({
  groupId: bytes,
  epoch: uint64,
  cipherSuite: Suite,
  ownLeafIndex: count,
  committer: ShownMember,
  keyPackage: /* @__PURE__ */ record({ reference: bytes, lastResort: flag }),
  resumes: Resumes,
  extensions: Extensions,
  epochAuthenticator: /* @__PURE__ */ either(bytes, Refused),
  treeHash: bytes,
  confirmedTranscriptHash: bytes,
}) as unknown as Shape<WelcomeSnapshot>;

/** A staged Welcome, by a name that nobody can guess. */
export const WelcomeMessage = /* @__PURE__ */ record({ id: text, snapshot: WelcomeSnapshot });
export type WelcomeMessage = ShapeOf<typeof WelcomeMessage>;

export type GroupSnapshot = Pick<Group, (typeof GROUP_GETTERS)[number]>;
type Waiting = GroupSnapshot["proposals"][number];
const Waiting = /* @__PURE__ */ record({
  ...SHOWN_PROPOSAL,
  reference: bytes,
  willCommit: flag,
  message: /* @__PURE__ */ optional(bytes),
}) as unknown as Shape<Waiting>;
const SNAPSHOT = /* @__PURE__ */ {
  groupId: bytes,
  epoch: uint64,
  cipherSuite: Suite,
  ownLeafIndex: count,
  extensions: Extensions,
  active: flag,
  hasPendingCommit: flag,
  resumes: Resumes,
  epochAuthenticator: /* @__PURE__ */ either(bytes, Refused),
  treeHash: bytes,
  confirmedTranscriptHash: bytes,
};
const GroupSnapshot = /* @__PURE__ */ record({
  ...SNAPSHOT,
  proposals: /* @__PURE__ */ list(Waiting),
}) as unknown as Shape<GroupSnapshot>;

/** A proposal that the page has already: its index in the list that it got last. Proposals may be many and large. */
const KnownProposal = /* @__PURE__ */ record({ at: count, willCommit: flag });

/** A group that the page doesn't know yet. `members` is an encoded {@link MemberList}. */
export const NewGroupMessage = /* @__PURE__ */ record({ id: text, snapshot: GroupSnapshot, members: bytes });
export type NewGroupMessage = ShapeOf<typeof NewGroupMessage>;

/**
 * What has changed in a group since the last answer. `members` has the leaves that changed, each with the member who is
 * there now, or `undefined` for a blank leaf. `all` is an encoded {@link MemberList}, if anybody may be another one.
 */
const GroupChange = /* @__PURE__ */ record({
  snapshot: /* @__PURE__ */ record(SNAPSHOT) as unknown as Shape<Omit<GroupSnapshot, "proposals">>,
  proposals: /* @__PURE__ */ list(/* @__PURE__ */ either(KnownProposal, Waiting)),
  members: /* @__PURE__ */ list(/* @__PURE__ */ tuple(count, /* @__PURE__ */ optional(ShownMember))),
  all: /* @__PURE__ */ optional(bytes),
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
  /**
   * The page no longer has a reference to this group or staged Welcome, which it got so many times: one that is on its way
   * is another reference.
   */
  release: /* @__PURE__ */ record({ group: text, times: count }),
  /** `now`: without waiting for open calls. */
  close: /* @__PURE__ */ record({ now: flag }),
};
export type ToWorker = MessageOf<typeof TO_WORKER>;

const TO_PAGE = /* @__PURE__ */ {
  /** The name of the lock that the worker holds until it ends. */
  lock: /* @__PURE__ */ record({ name: text }),
  /** `stored`: whether the client has a storage. */
  started: /* @__PURE__ */ record({ client: ClientSnapshot, stored: flag }),
  failed: /* @__PURE__ */ record({ error: PackedError }),
  /** `client` if it has another identity than the page knows. */
  answer: /* @__PURE__ */ record({
    id: count,
    outcome: Outcome,
    change: optional(GroupChange),
    client: optional(ClientSnapshot),
  }),
  callbacks: /* @__PURE__ */ record({ requests: list(CallbackRequest) }),
  /** The worker has dropped these functions of the page. */
  forget: /* @__PURE__ */ record({ callbacks: list(count) }),
  /** What another opener of the client's storage has changed, in those groups that the page has. */
  changed: /* @__PURE__ */ record({
    groups: list(/* @__PURE__ */ record({ id: text, change: GroupChange })),
    client: optional(ClientSnapshot),
  }),
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
