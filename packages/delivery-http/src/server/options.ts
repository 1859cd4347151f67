// What an operator chooses, and the defaults.
import type { IncomingMessage } from "node:http";
import type { AuthenticationService, Policy } from "@copse/core";
import type { CryptoProvider, OptionShape } from "@copse/core/provider";
import type { PublicGroupOptions } from "@copse/core/public-group";
import {
  checkNumbers,
  DEFAULT_DELIVERY_LIMITS,
  DEFAULT_GRACE,
  type DeliveryLimits,
  numbersOf,
  takeOptions,
  takeWait,
} from "@copse/delivery/rules";
import { refuse } from "./failures.js";
import type { Rate } from "./rates.js";

/** Who asks to be a client of a user. The signature under its login is right already. */
export interface AdmissionRequest {
  readonly user: string;
  readonly suite: number;
  readonly signatureKey: Uint8Array;
  /** Whether the user has no client yet. */
  readonly isFirst: boolean;
  /** Whether a client of the user has signed an admission of this key. */
  readonly isVouchedFor: boolean;
  /** The address from which it comes. */
  readonly address: string;
}

/** How often something may be asked for. */
export interface DeliveryRates {
  /** Challenges and logins, by address. Default: 20 a second, 500 at once. */
  readonly login: Rate;
  /** New clients, by address. Default: 5 a second, 500 at once. */
  readonly register: Rate;
  /** Calls of a client. Default: 500 a second, 5,000 at once. */
  readonly call: Rate;
  /** Messages of a client. Default: 500 a second, 5,000 at once. */
  readonly message: Rate;
  /** Bytes that a client sends. Default: 4 MiB a second, 64 MiB at once. */
  readonly byte: Rate;
  /** Handshakes of a client. Default: 20 a second, 200 at once. */
  readonly handshake: Rate;
  /** Handshakes without a key, by which a client joins, and GroupInfos for a client that isn't a member. Default: 1 a second, 100 at once. */
  readonly join: Rate;
  /** Claims by a client. Default: 10 a second, 500 at once. */
  readonly claim: Rate;
  /** Of a user's key packages that are good once: claims by others together. Default: 10 a second, 500 at once. */
  readonly claimed: Rate;
  /** The same, by one client. Then it gets those of last resort. Default: one in 10 seconds, 50 at once. */
  readonly claimedByOne: Rate;
  /** Groups that are made, by address. Default: 1 a second, 1,000 at once. */
  readonly group: Rate;
  /** Proofs of epochs' keys by a client. Default: 50 a second, 2,000 at once. */
  readonly proof: Rate;
  /** Sockets that a client opens. Default: 2 a second, 50 at once. */
  readonly socket: Rate;
  /** Bytes that come over a client's sockets, which are read more slowly then. Default: 64 KiB a second, 512 KiB at once. */
  readonly frame: Rate;
}

const rate = (perSecond: number, burst: number): Rate => ({ perSecond, burst });
const KIB = 1024;
const MIB = KIB * KIB;

export const DEFAULT_RATES: DeliveryRates = {
  login: rate(20, 500),
  register: rate(5, 500),
  call: rate(500, 5000),
  message: rate(500, 5000),
  byte: rate(4 * MIB, 64 * MIB),
  handshake: rate(20, 200),
  join: rate(1, 100),
  claim: rate(10, 500),
  claimed: rate(10, 500),
  claimedByOne: rate(0.1, 50),
  group: rate(1, 1000),
  proof: rate(50, 2000),
  socket: rate(2, 50),
  frame: rate(64 * KIB, 512 * KIB),
};

/** How much the service has of each thing at a time, besides {@link DeliveryLimits}. */
export interface ServerQuotas {
  /** Groups that one client has made. Default: 10,000. */
  readonly groupsOfClient: number;
  /** IDs of a group's entries that aren't kept any more: the oldest are forgotten before their time. Default: 100,000. */
  readonly idsOfGroup: number;
  /** Logins of one client: the oldest ends. Default: 8. */
  readonly tokens: number;
  /** Sockets of one client: the oldest is closed. Default: 4. */
  readonly sockets: number;
  /** Sockets and connections in all. Default: 10,000. */
  readonly connections: number;
  /** The same, of one address. Default: 1,000. */
  readonly connectionsOfAddress: number;
  /** Subscriptions of one socket. Default: 1,000. */
  readonly subscriptions: number;
  /** Bytes for one socket that it hasn't sent, or that its client hasn't worked on. Default: 4 MiB, and one batch. */
  readonly window: number;
  /**
   * Bytes of requests that are received and worked on, and of answers and frames that clients haven't taken: each in all. Over it,
   * the connection that has stood still for longest is ended. Default: 256 MiB.
   */
  readonly receiving: number;
  readonly sending: number;
  /** The same, of requests and answers of one client, which makes no further calls meanwhile. Default: 64 MiB, 16 MiB; and one. */
  readonly receivingOfClient: number;
  readonly sendingOfClient: number;
}

export const DEFAULT_QUOTAS: ServerQuotas = {
  groupsOfClient: 10_000,
  idsOfGroup: 100_000,
  tokens: 8,
  sockets: 4,
  connections: 10_000,
  connectionsOfAddress: 1000,
  subscriptions: 1000,
  window: 4 * MIB,
  receiving: 256 * MIB,
  sending: 256 * MIB,
  receivingOfClient: 64 * MIB,
  sendingOfClient: 16 * MIB,
};

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** For how long things are kept and waited for, in milliseconds, and how many bytes of a group. */
export interface ServerTimes {
  /** A login. Default: a day. */
  readonly login: number;
  /** A challenge of a login. Default: a minute. */
  readonly challenge: number;
  /** How long an older epoch's key may still be used to write when a later handshake is confirmed. Default: a minute. */
  readonly grace: number;
  /** Entries of logs. Default: 90 days. */
  readonly entries: number;
  /** Welcomes in inboxes. Default: 90 days. */
  readonly welcomes: number;
  /** IDs of what was sent, by which it is known again. Default: 90 days. */
  readonly ids: number;
  /**
   * A group that no member reads, writes to or is subscribed to: then it ends, and nobody gets its ID again. It doesn't
   * end before its entries, Welcomes and IDs are too old. Default: 365 days.
   */
  readonly groups: number;
  /** Until the headers, and the whole, of a request are there. Default: 10 seconds, 60 seconds. */
  readonly headers: number;
  readonly request: number;
  /** How often a socket is asked for a sign of life, and how long a new one has to log in. Default: 30 seconds, 10 seconds. */
  readonly ping: number;
  readonly socketLogin: number;
  /** How long a connection may take nothing of what is sent to it: an answer, a frame. Default: 2 minutes. */
  readonly taking: number;
}

export const DEFAULT_TIMES: ServerTimes = {
  login: DAY,
  challenge: MINUTE,
  grace: DEFAULT_GRACE,
  entries: 90 * DAY,
  welcomes: 90 * DAY,
  ids: 90 * DAY,
  groups: 365 * DAY,
  headers: 10_000,
  request: MINUTE,
  ping: 30_000,
  socketLogin: 10_000,
  taking: 2 * MINUTE,
};

/** What the parts of the service share of its options: all of them are there. */
export interface Settings {
  readonly limits: DeliveryLimits;
  readonly rates: DeliveryRates;
  readonly quotas: ServerQuotas;
  readonly times: ServerTimes;
  /** Bytes of the log of a group, with what its entries take besides their messages. */
  readonly groupBytes: number;
  readonly members: "checked" | "unchecked";
  readonly openGroups: boolean;
  readonly now: () => number;
}

/** How the service reads handshakes. */
export interface PublicHandshakes {
  /** Validates credentials, as members do. */
  readonly authentication: AuthenticationService;
  /** Which groups have public handshakes. Default: all. */
  readonly isPublic?: (groupId: Uint8Array) => boolean;
  /** As the members' own. */
  readonly policy?: Partial<Policy>;
  readonly extensions?: PublicGroupOptions["extensions"];
}

/** The options of `serveDelivery`. */
export interface ServeDeliveryOptions {
  /** A folder for the service's data, which is made if it isn't there. One service at a time may have it. */
  readonly data: string;
  /** Default: 0, any that is free. */
  readonly port?: number;
  /** The address at which it listens. Default: `127.0.0.1`, for this machine alone. */
  readonly host?: string;
  /**
   * The origins by which clients reach it, such as `https://chat.example`: clients sign them when they log in. Default: those
   * of this machine with the port.
   */
  readonly origins?: readonly string[];
  /**
   * The origins of further web pages that may call it, such as `https://app.example`, or `any`. Those of `origins` may, and if there
   * are none, all pages of this machine. Other pages are refused before anything is read; what isn't a page isn't asked. Default: none.
   */
  readonly pages?: readonly string[] | "any";
  /**
   * Whether a new client becomes one of a user. Default: if it is the user's first, or another client of the user has signed
   * its admission.
   */
  readonly admit?: (request: AdmissionRequest) => boolean | Promise<boolean>;
  /** `checked`: a group's members alone read it and write to it, by the keys of its epochs. Default: `checked`. */
  readonly members?: "checked" | "unchecked";
  /** Whether everybody gets a group's GroupInfo, and may join by it. Default: users who were members. */
  readonly openGroups?: boolean;
  /**
   * `private`: handshakes are ordered, and not read. Otherwise the groups that it names are followed, which need handshakes
   * as PublicMessages (`policy.handshake` of the members): a commit that no member would take is `refused`. Default: `private`.
   */
  readonly handshakes?: "private" | PublicHandshakes;
  readonly limits?: Partial<DeliveryLimits>;
  readonly rates?: Partial<DeliveryRates>;
  readonly quotas?: Partial<ServerQuotas>;
  readonly times?: Partial<ServerTimes>;
  /** Bytes that are kept of each group's log: of its messages, and 256 for each entry besides. Default: 64 MiB. */
  readonly groupBytes?: number;
  /** What verifies logins and seals to epochs' keys. Default: `nodeProvider()`. */
  readonly crypto?: CryptoProvider;
  /**
   * The address of a request's sender, for rates and quotas: behind a proxy, from its header. Then the proxy decides which names lead
   * here; else that is an address, a name of this machine, or one in `origins`. Default: that of the connection, of IPv6 its first half.
   */
  readonly addressOf?: (request: IncomingMessage) => string;
  /** Gets what failed inside. Default: `console.error`. */
  readonly onError?: (error: unknown) => void;
  /** The clock, in milliseconds since 1970. Default: `Date.now`. */
  readonly now?: () => number;
}

const RATE: OptionShape<Rate> = { perSecond: ["number", "!"], burst: ["number", "!"] };
const HANDSHAKES: OptionShape<PublicHandshakes> = {
  authentication: ["object", "!"],
  isPublic: "function",
  policy: "object",
  extensions: { "[]": "object" },
};
const OPTIONS: OptionShape<ServeDeliveryOptions> = {
  data: ["string", "!"],
  port: "number",
  host: "string",
  // Doors says what an origin is.
  origins: "unknown",
  pages: "unknown",
  admit: "function",
  members: ['"checked"', '"unchecked"'],
  openGroups: "boolean",
  handshakes: ['"private"', HANDSHAKES],
  limits: numbersOf(DEFAULT_DELIVERY_LIMITS),
  rates: Object.fromEntries(Object.keys(DEFAULT_RATES).map((name) => [name, RATE])),
  quotas: numbersOf(DEFAULT_QUOTAS),
  times: numbersOf(DEFAULT_TIMES),
  groupBytes: "number",
  crypto: "object",
  addressOf: "function",
  onError: "function",
  now: "function",
};

/** Those of the times that timers wait for. */
const WAITS = ["headers", "request", "ping", "socketLogin", "taking"] as const;

/** A copy of the options. @throws DeliveryError `invalid` */
function taken(given: ServeDeliveryOptions): ServeDeliveryOptions {
  const options = takeOptions(given, OPTIONS);
  const { port = 0, host, groupBytes, limits, rates, quotas, times } = options;
  if (!(Number.isInteger(port) && port >= 0 && port < 65_536))
    refuse("invalid", `port: expected an integer from 0 to 65535, got ${port}`);
  // Systems take it for all addresses of the machine.
  if (host === "") refuse("invalid", 'host: expected an address such as 127.0.0.1, got ""');
  checkNumbers({ groupBytes, limits, rates, quotas, times });
  for (const name of WAITS) if (times?.[name] !== undefined) takeWait(times[name], `times.${name}`);
  return options;
}

/** Checks all options but origins and pages. @throws DeliveryError `invalid` */
export function settingsOf(given: ServeDeliveryOptions): Settings {
  const options = taken(given);
  return {
    limits: { ...DEFAULT_DELIVERY_LIMITS, ...options.limits },
    rates: { ...DEFAULT_RATES, ...options.rates },
    quotas: { ...DEFAULT_QUOTAS, ...options.quotas },
    times: { ...DEFAULT_TIMES, ...options.times },
    groupBytes: options.groupBytes ?? 64 * MIB,
    members: options.members ?? "checked",
    openGroups: options.openGroups ?? false,
    now: options.now ?? Date.now,
  };
}
