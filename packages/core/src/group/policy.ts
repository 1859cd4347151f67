// RFC 9420 §7.2, §9, §12.2, §15.1: the choices of an application, and their defaults.
import { MlsError } from "../errors.js";
import { needed, type OptionShape } from "../option-shapes.js";
import type { Awaitable } from "../provider/index.js";
import { DEFAULT_RATCHET_LIMITS, type RatchetLimits } from "../schedule/index.js";
import type { LifetimeRule } from "../tree/index.js";
import { type Lifetime, WireFormat } from "../wire/index.js";
import type { Authorization, ProposedAction } from "./authorization.js";
import { padme } from "./padding.js";

/** The choices of an application. Every field has a default: {@link DEFAULT_POLICY}. */
export interface Policy {
  /** Whether to send proposals and commits encrypted (§6.3) or only signed (§6.2). Both are accepted. Default: private. */
  readonly handshake: "private" | "public";
  /** Whether a Welcome carries the ratchet tree. If not, the application must send it to new members. Default: true. */
  readonly ratchetTreeInWelcome: boolean;
  /** Returns the padded length, in bytes, of application data of a length (§15.1). */
  readonly padding: (length: number) => number;
  /** The lifetime of own key packages, in seconds. `Infinity`: from 0 to 2^64 - 1, so that they never expire. Default: 90 days. */
  readonly lifetime: number;
  /**
   * How far another client's clock may be behind, in seconds. Own key packages are valid from so long before they are
   * made, so that such a client can add this one. Default: an hour.
   */
  readonly clockSkew: number;
  /**
   * How long an expired key package still opens a Welcome, in seconds: who was added before it expired may learn of it
   * later. Then its private keys end, at the next call that has to do with key packages. `Infinity`: never.
   */
  readonly keyPackageGrace: number;
  /**
   * The longest lifetime of a key package that this client proposes or commits, in seconds (§7.2). `Infinity`: any, from
   * 0 to 2^64 - 1 too.
   */
  readonly maxLifetime: number;
  /**
   * Whether what is received is held to lifetimes too: proposals and commits to the present time and `maxLifetime`,
   * the tree of a group to join to `maxLifetime`. Nobody may commit an expired key package (§7.3); but clocks differ,
   * and messages come late. If one member refuses a commit that the others accept, it is left behind: all members must
   * decide alike. Default: false.
   */
  readonly strictLifetimes: boolean;
  /** Returns the time in milliseconds since the Unix epoch. */
  readonly now: () => number;
  /**
   * The number of past epochs whose late messages can be decrypted. Also those whose resumption PSKs this client has: a
   * commit with a PSK that some member doesn't keep leaves that member behind. Default: 3.
   */
  readonly maxPastEpochs: number;
  /**
   * How long a past epoch is kept, in seconds from when it ended here. The next operation after that deletes it, also
   * {@link Group.save} and {@link Client.restore}. `Infinity`: as long as `maxPastEpochs` says. Default: 30 days.
   */
  readonly maxPastEpochAge: number;
  /**
   * Of how many of these past epochs {@link Group.exportSecret} still derives secrets (§8.5): whoever reads this
   * client's memory or state meanwhile can derive them too. Default: 0.
   */
  readonly maxPastExporters: number;
  /** Limits for skipped and reordered messages in an epoch (§9). */
  readonly ratchets: RatchetLimits;
  /**
   * The most members of a group that this client makes by adding some, joins or follows. Members may differ: what
   * others do to a group is accepted. Default: 2,048.
   */
  readonly maxMembers: number;
  /** The largest Welcome, GroupInfo and encoded ratchet tree that is made or taken, in bytes. Members may differ. Default: 16 MiB. */
  readonly maxJoinSize: number;
  /** The largest application message that is sent or received, in bytes. Members may differ. Default: 16 MiB. */
  readonly maxApplicationSize: number;
  /**
   * Roles (§12.2): whether a whole commit may come into force, whoever makes it, and what becomes of a proposal that is
   * sent or received by itself: {@link Authorization} has the answers. It is asked before anything is consumed, once: when a commit
   * is made, staged or received, and not again when a staged one is merged. All
   * members of a group must decide alike about the same commit, or the group splits; about proposals only in what they
   * refuse. So an answer should depend on nothing but the action. Default: {@link authorizeByDefault}.
   * @example
   * const policy: Partial<Policy> = {
   *   authorize: (action) => action.kind === "proposal" || action.after.members.length <= 10,
   * };
   */
  readonly authorize?: ((action: ProposedAction) => Awaitable<Authorization>) | undefined;
  /**
   * Second thoughts: `keepEpochs()` of `@copse/core/rewind` keeps what is needed to take another commit than the one that was
   * merged. Whoever takes the device meanwhile can read all messages since the oldest epoch that is kept. Default: nothing is kept.
   */
  readonly rewind?: Rewind | undefined;
}

/** How many epochs are kept for second thoughts, and for how long: made by `keepEpochs()` of `@copse/core/rewind`. */
export interface Rewind {
  /** How many epochs before the present one. */
  readonly epochs: number;
  /** For how long after each ended, in seconds. */
  readonly age: number;
  /** The code. */
  readonly steps: object;
}

const HOUR = 60 * 60;
const DAY = 24 * HOUR;
/** The end of time in a Lifetime (§7.2): the largest uint64. */
const FOREVER = 0xffff_ffff_ffff_ffffn;

export const DEFAULT_POLICY: Policy = {
  handshake: "private",
  ratchetTreeInWelcome: true,
  padding: padme,
  lifetime: 90 * DAY,
  clockSkew: HOUR,
  keyPackageGrace: 30 * DAY,
  maxLifetime: 366 * DAY,
  strictLifetimes: false,
  now: () => Date.now(),
  maxPastEpochs: 3,
  maxPastEpochAge: 30 * DAY,
  maxPastExporters: 0,
  ratchets: DEFAULT_RATCHET_LIMITS,
  maxMembers: 2048,
  maxJoinSize: 16 * 1024 * 1024,
  maxApplicationSize: 16 * 1024 * 1024,
};

/** The types of fields, by their defaults. */
function shapeOf<T extends object>(defaults: T): OptionShape<T> {
  const types = Object.entries(defaults).map(([name, value]) => [name, typeof value]);
  // The cast: it names each field of T.
  return Object.fromEntries(types) as OptionShape<T>;
}

export const POLICY: OptionShape<Policy> = {
  .../* @__PURE__ */ shapeOf<Omit<Policy, "authorize" | "rewind">>(DEFAULT_POLICY),
  handshake: ['"private"', '"public"'],
  ratchets: /* @__PURE__ */ shapeOf(DEFAULT_RATCHET_LIMITS),
  authorize: "function",
  rewind: {
    epochs: /* @__PURE__ */ needed("number"),
    age: /* @__PURE__ */ needed("number"),
    steps: /* @__PURE__ */ needed("object"),
  },
};

/** Some of the fields of an object, with defaults for the others. @throws MlsError `usage` for a number below 0, or NaN */
function withDefaults<T extends object>(path: string, defaults: T, chosen: Partial<T> = {}): T {
  const all: T = { ...defaults };
  for (const [name, value] of Object.entries(chosen)) {
    if (typeof value === "number" && !(value >= 0))
      throw new MlsError("usage", `expected ${path}.${name} of 0 or more, got ${value}`);
    if (value !== undefined) Object.assign(all, { [name]: value });
  }
  return all;
}

/** The policy with its defaults. Names and types were checked. @throws MlsError `usage` */
export function policyOf(chosen?: Partial<Policy>): Policy {
  const ratchets = withDefaults("policy.ratchets", DEFAULT_POLICY.ratchets, chosen?.ratchets);
  return { ...withDefaults("policy", DEFAULT_POLICY, chosen), ratchets };
}

/** The wire format of sent handshake messages. */
export function handshakeFormat({ handshake }: Policy): 1 | 2 {
  return handshake === "public" ? WireFormat.publicMessage : WireFormat.privateMessage;
}

/** A uint64 from a number that may be larger, `Infinity` too. */
export function uint64Of(seconds: number): bigint {
  return seconds < 2 ** 64 ? BigInt(Math.max(0, Math.floor(seconds))) : FOREVER;
}

/** The time in seconds since the Unix epoch. @throws MlsError `usage` if the policy's clock gives no number */
export function secondsNow(policy: Policy): number {
  const now = policy.now();
  if (!Number.isFinite(now)) throw new MlsError("usage", `expected milliseconds from policy.now, got ${now}`);
  return Math.floor(now / 1000);
}

/** Whether a key package expired so long ago that its private keys end. */
export function isOver({ notAfter }: Pick<Lifetime, "notAfter">, policy: Policy): boolean {
  return uint64Of(secondsNow(policy) - policy.keyPackageGrace) > notAfter;
}

/** The lifetime of a new key package or group creator's leaf (§7.2), in seconds since the Unix epoch. */
export function newLifetime(policy: Policy): Lifetime {
  if (policy.lifetime === Number.POSITIVE_INFINITY) return { notBefore: 0n, notAfter: FOREVER };
  const now = secondsNow(policy);
  return { notBefore: uint64Of(now - policy.clockSkew), notAfter: uint64Of(now + policy.lifetime) };
}

/**
 * The rule for lifetimes (§7.2, §7.3); `undefined` if any lifetime is accepted. What is sent must be valid now.
 * @param when `"joining"` is for leaves that are in a tree: they may have expired since
 */
export function lifetimeRule(
  policy: Policy,
  when: "sending" | "receiving" | "joining",
): LifetimeRule | undefined {
  if (when !== "sending" && !policy.strictLifetimes) return undefined;
  const now = when === "joining" ? undefined : uint64Of(secondsNow(policy));
  return { now, maxLifetime: uint64Of(policy.maxLifetime) };
}
