// The one declaration of what the service answers: the server's routes, the client's types and the description come from it.
import { bytes, flag, integer, list, object, optional, type Shape, type TypeOf, text } from "./shape.js";
import {
  cursorShape,
  epochKey,
  groupIdShape,
  handshakeShape,
  keyPackagesShape,
  loginShape,
  messagesShape,
  publishedShape,
  referencesShape,
  republishShape,
  sentShape,
  submittedShape,
  suite,
  userShape,
} from "./structures.js";

/** An operation: a POST with a body and an answer in CBOR. */
interface Route<Body, Answer> {
  readonly path: string;
  readonly summary: string;
  /** Whether it needs a token. */
  readonly login: boolean;
  /** How large a body can be: `small`, or with as many or as large messages as the service takes. */
  readonly size: "small" | "messages" | "commit";
  readonly body: Shape<Body>;
  readonly answer: Shape<Answer>;
}

const route = <B, A>(one: Route<B, A>): Route<B, A> => one;
const nothing = object({});

export const ROUTES = {
  challenge: route({
    path: "/v1/challenge",
    summary: "Begins a login: what the client signs.",
    login: false,
    size: "small",
    body: nothing,
    answer: object({ challenge: bytes(1, 128, "Good for one login within a minute.") }),
  }),
  login: route({
    path: "/v1/login",
    summary: "Logs a client in. The first client of a user takes the user's name.",
    login: false,
    size: "small",
    body: loginShape,
    answer: object({ token: text(1, 128, "The bearer token of further calls.") }),
  }),
  logout: route({
    path: "/v1/logout",
    summary: "Ends the token.",
    login: true,
    size: "small",
    body: nothing,
    answer: nothing,
  }),
  publish: route({
    path: "/v1/key-packages/publish",
    summary: "Publishes key packages of this client: all or none.",
    login: true,
    size: "messages",
    body: keyPackagesShape,
    answer: nothing,
  }),
  count: route({
    path: "/v1/key-packages/count",
    summary: "How many key packages can still be handed out for this client.",
    login: true,
    size: "small",
    body: object({ suite }),
    answer: object({ single: integer(0xffffffff), lastResort: integer(0xffffffff) }),
  }),
  withdraw: route({
    path: "/v1/key-packages/withdraw",
    summary: "Withdraws all key packages of this client, or those with these references.",
    login: true,
    size: "messages",
    body: referencesShape,
    answer: nothing,
  }),
  claim: route({
    path: "/v1/key-packages/claim",
    summary: "Takes one key package of each client of a user.",
    login: true,
    size: "small",
    body: object({ user: userShape, suite }),
    answer: object({ keyPackages: list(bytes(1, 65_536, "An MLSMessage."), 0, 1000) }),
  }),
  submit: route({
    path: "/v1/groups/submit",
    summary: "Submits a commit, with its GroupInfo and its Welcomes.",
    login: true,
    size: "commit",
    body: handshakeShape,
    answer: submittedShape,
  }),
  send: route({
    path: "/v1/groups/send",
    summary: "Sends messages that end no epoch: each has an answer of its own, in the same order.",
    login: true,
    size: "messages",
    body: messagesShape,
    answer: sentShape,
  }),
  challengeKey: route({
    path: "/v1/groups/challenge",
    summary: "Begins the proof that the client has an epoch's key.",
    login: true,
    size: "small",
    body: object({ groupId: groupIdShape, key: epochKey }),
    answer: object({
      challenge: text(1, 64),
      kemOutput: bytes(1, 4096),
      ciphertext: bytes(1, 4096, "Sealed to the key: RFC 9180, base mode, info `copse delivery grant`."),
    }),
  }),
  proveKey: route({
    path: "/v1/groups/prove",
    summary: "Proves that the client has an epoch's key, which its login may use from then on.",
    login: true,
    size: "small",
    body: object({ challenge: text(1, 64), proof: bytes(1, 256, "What was sealed.") }),
    answer: nothing,
  }),
  groupInfo: route({
    path: "/v1/groups/info",
    summary: "The newest GroupInfo of a group.",
    login: true,
    size: "small",
    body: object({ groupId: groupIdShape }),
    answer: object({ published: optional(publishedShape) }),
  }),
  publishGroupInfo: route({
    path: "/v1/groups/publish-info",
    summary: "Puts another GroupInfo in the place of the newest one.",
    login: true,
    size: "commit",
    body: republishShape,
    answer: object({ taken: flag() }),
  }),
  clearInbox: route({
    path: "/v1/inbox/clear",
    summary: "The entries of the inbox up to this one aren't needed any more.",
    login: true,
    size: "small",
    body: object({ upTo: cursorShape }),
    answer: nothing,
  }),
} as const;

export type Routes = typeof ROUTES;
export type RouteName = keyof Routes;
export type BodyOf<N extends RouteName> = TypeOf<Routes[N]["body"]>;
export type AnswerOf<N extends RouteName> = TypeOf<Routes[N]["answer"]>;

/** The path of the WebSocket. */
export const SOCKET_PATH = "/v1/socket";
export const MEDIA_TYPE = "application/cbor";
export const LOGIN_LABEL = "Copse delivery login";
export const ADMISSION_LABEL = "Copse delivery admission";

/** The HTTP status of each code of a failure. */
export const STATUS = {
  invalid: 400,
  forbidden: 403,
  "not-found": 404,
  expired: 410,
  limit: 429,
  unavailable: 503,
} as const;
