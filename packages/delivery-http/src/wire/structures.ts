// What goes over the wire, besides the routes themselves.
import { USER_NAME } from "@copse/delivery/rules";
import { ShapeError } from "./cbor.js";
import {
  bytes,
  choice,
  decode,
  flag,
  integer,
  list,
  object,
  optional,
  type TypeOf,
  text,
  uint64,
} from "./shape.js";

/** The largest MLSMessage that any service takes, in bytes. Options of a service make it smaller. */
export const MAX_MESSAGE = 16 * 1024 * 1024;
/** The most items in one request or answer. */
export const MAX_ITEMS = 1000;

export const groupIdShape = bytes(1, 255, "The group's ID.");
export const cursorShape = text(0, 128, "A place in a log; empty: before the first entry.");
const referenceShape = bytes(1, 64, "A KeyPackageRef.");
const messageShape = bytes(1, MAX_MESSAGE, "An MLSMessage.");
const idShape = text(16, 64, "Chosen at random by the client.", /^[0-9a-z-]+$/);
const epochKeyShape = bytes(1, 4096, "The public half of the epoch's key, by which the client is a member.");
const timeShape = integer(Number.MAX_SAFE_INTEGER, "In milliseconds since 1970.");
const suiteShape = integer(0xffff, "The cipher suite.");
export const userShape = text(1, 255, "The user's name, without control characters.", USER_NAME);
export const signatureKeyShape = bytes(1, 4096, "The client's public signature key.");
const signatureShape = bytes(1, 8192, "SignWithLabel by the client's key.");

/** Every answer that isn't 200. */
export const failureShape = object({
  code: text(1, 32, "The code of a DeliveryError."),
  message: text(0, 1000),
  retryAfter: optional(integer(Number.MAX_SAFE_INTEGER, "In milliseconds.")),
  needs: optional(
    text(
      1,
      16,
      "`login`: a login, or another one; `proof`: of the epoch's key. Then the same call again.",
      /^(login|proof)$/,
    ),
  ),
});
export type Failure = TypeOf<typeof failureShape>;

/** What a client signs, under the label "Copse delivery login", to log in. */
export const loginStatement = object({
  origin: text(1, 255, "The service's origin, as the client knows it: https://example.org"),
  challenge: bytes(1, 128),
  user: userShape,
  suite: suiteShape,
  signatureKey: signatureKeyShape,
});

/** What a client signs, under the label "Copse delivery admission", to let another client of its user in. */
export const admissionStatement = object({
  origin: text(1, 255, "The service's origin."),
  user: userShape,
  suite: suiteShape,
  signatureKey: bytes(1, 4096, "The new client's."),
  until: integer(Number.MAX_SAFE_INTEGER, "In milliseconds since 1970."),
});

/** What {@link admissionStatement} became: what the new client is given. */
export const admissionShape = object({
  by: bytes(1, 4096, "The signature key of the client that lets the new one in."),
  until: integer(Number.MAX_SAFE_INTEGER, "In milliseconds since 1970."),
  signature: signatureShape,
});
export type Admission = TypeOf<typeof admissionShape>;

/** @throws ShapeError, which says what it is of */
export function readAdmission(encoded: Uint8Array): Admission {
  try {
    return decode(admissionShape, encoded);
  } catch (error) {
    throw new ShapeError(`expected what admit() gave (${(error as Error).message})`).within("admission");
  }
}

export const loginShape = object({
  origin: text(1, 255),
  challenge: bytes(1, 128),
  user: userShape,
  suite: suiteShape,
  signatureKey: signatureKeyShape,
  signature: signatureShape,
  admission: optional(bytes(1, 16_384, "The encoded admission, by a client of the user that is registered.")),
});
export type Login = TypeOf<typeof loginShape>;

export const keyPackagesShape = object({
  keyPackages: list(
    object({
      reference: referenceShape,
      keyPackage: bytes(1, 65_536, "An MLSMessage."),
      suite: suiteShape,
      notAfter: uint64("In seconds since 1970."),
      lastResort: flag(),
    }),
    0,
    MAX_ITEMS,
  ),
});

export const referencesShape = object({ references: optional(list(referenceShape, 0, MAX_ITEMS)) });

export const handshakeShape = object({
  id: idShape,
  groupId: groupIdShape,
  epoch: uint64("The epoch that it ends."),
  after: cursorShape,
  message: messageShape,
  groupInfo: messageShape,
  welcomes: list(
    object({ welcome: messageShape, references: list(referenceShape, 1, MAX_ITEMS) }),
    0,
    MAX_ITEMS,
  ),
  nextKey: object({ epoch: uint64(), suite: suiteShape, publicKey: epochKeyShape }),
  key: optional(epochKeyShape),
});
export type WireHandshake = TypeOf<typeof handshakeShape>;

export const messagesShape = object({
  messages: list(
    object({
      id: idShape,
      groupId: groupIdShape,
      epoch: uint64(),
      message: messageShape,
      key: optional(epochKeyShape),
    }),
    1,
    MAX_ITEMS,
  ),
});
export type WireMessage = TypeOf<typeof messagesShape>["messages"][number];

const entryFields = {
  cursor: cursorShape,
  kind: text(1, 16, undefined, /^(handshake|message)$/),
  id: idShape,
  epoch: uint64("As its sender says."),
  message: messageShape,
  time: timeShape,
};
export const entryShape = object(entryFields);
export type WireEntry = TypeOf<typeof entryShape>;

export const submittedShape = choice({
  accepted: { cursor: cursorShape },
  stale: { first: entryShape },
  refused: { reason: text(0, 1000) },
});
export type WireSubmitted = TypeOf<typeof submittedShape>;

export const sentShape = object({
  answers: list(
    choice({
      accepted: { cursor: cursorShape },
      failed: { failure: failureShape },
    }),
    1,
    MAX_ITEMS,
  ),
});
export type WireSent = TypeOf<typeof sentShape>["answers"][number];

export const publishedShape = object({ groupInfo: messageShape, handshake: cursorShape });

export const republishShape = object({
  groupId: groupIdShape,
  groupInfo: messageShape,
  handshake: cursorShape,
  key: optional(epochKeyShape),
});

export const inboxEntryShape = object({
  cursor: cursorShape,
  reference: referenceShape,
  groupId: groupIdShape,
  welcome: messageShape,
  handshake: cursorShape,
  time: timeShape,
});
export type WireInboxEntry = TypeOf<typeof inboxEntryShape>;

export const epochKey = epochKeyShape;
export const suite = suiteShape;

const stream = integer(0xffffffff, "Chosen by the client: one number for each subscription of a socket.");
const behind = integer(Number.MAX_SAFE_INTEGER, "How many more there are.");

/** What the client sends over its socket. The first one is `login`. */
export const requestFrame = choice({
  login: { token: text(1, 128) },
  subscribe: { stream, groupId: groupIdShape, after: cursorShape },
  inbox: { stream, after: cursorShape },
  /** Asks for the next batch, when the one before has been worked on, or the client has proven another key. */
  next: {
    stream,
    turn: integer(Number.MAX_SAFE_INTEGER, "Counts the client's `next` of this subscription, from 1."),
    batches: integer(
      Number.MAX_SAFE_INTEGER,
      "How many batches it has got: one that is on its way isn't asked for again.",
    ),
  },
  end: { stream },
});
export type RequestFrame = TypeOf<typeof requestFrame>;

/** What the service sends. */
export const answerFrame = choice({
  ready: { every: integer(0xffffffff, "How often at least the service sends a frame, in milliseconds.") },
  alive: {},
  entries: { stream, entries: list(entryShape, 0, MAX_ITEMS), behind },
  welcomes: { stream, entries: list(inboxEntryShape, 0, MAX_ITEMS), behind },
  /** There is nothing more that the client may read before it proves the next epoch's key. Then `next` again. */
  locked: {
    stream,
    turn: integer(
      Number.MAX_SAFE_INTEGER,
      "That of the last `next`: an answer to an earlier one is outdated.",
    ),
    isFinal: flag("Whether nothing more can come that it reads with the keys that it has proven."),
    behind,
  },
  failed: { stream, failure: failureShape },
});
export type AnswerFrame = TypeOf<typeof answerFrame>;
