// RFC 9420 §7.2, §9, §12.2, §15.1: what an application chooses, and the defaults.
import { MlsError } from "../errors.js";
import { DEFAULT_RATCHET_LIMITS, type RatchetLimits } from "../schedule/index.js";
import type { LifetimeRule } from "../tree/index.js";
import { type Proposal, WireFormat } from "../wire/index.js";
import type { Party } from "./member.js";

/** What an application may choose. Every field has a default: {@link DEFAULT_POLICY}. */
export interface Policy {
  /** Whether proposals and commits are sent encrypted (§6.3) or only authenticated (§6.2). Both are received. */
  readonly handshake: "private" | "public";
  /** Whether a Welcome carries the ratchet tree. If not, the application gives it to those who join. */
  readonly ratchetTreeInWelcome: boolean;
  /** The padded length, in bytes, of a private message whose content has this length (§15.1). */
  readonly padding: (length: number) => number;
  /** How long own key packages are valid, in seconds. */
  readonly lifetime: number;
  /** The longest lifetime of a key package that is accepted, in seconds (§7.2). */
  readonly maxLifetime: number;
  /** The time in milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** The number of past epochs whose late messages can still be read. */
  readonly maxPastEpochs: number;
  /** Bounds on messages that are skipped or out of order within an epoch (§9). */
  readonly ratchets: RatchetLimits;
  /** The largest number of members of a group, in any way into it. */
  readonly maxMembers: number;
  /** The largest message that is processed, in bytes. */
  readonly maxMessageSize: number;
  /**
   * Roles (§12.2): whether a member may send a proposal, and whether a committer may commit it. Asked about each
   * proposal, when it is sent or received by itself, and when a commit with it is made, received, or joined by. All
   * members of a group must decide alike, or the group splits. Default: everything is authorized.
   */
  readonly authorize?: ((action: ProposedAction) => boolean) | undefined;
}

/** What {@link Policy.authorize} is asked. */
export interface ProposedAction {
  readonly proposal: Proposal;
  readonly proposer: Party;
  /** Who commits it; `undefined` while the proposal stands by itself. */
  readonly committer: Party | undefined;
}

const DAY = 24 * 60 * 60;

export const DEFAULT_POLICY: Policy = {
  handshake: "private",
  ratchetTreeInWelcome: true,
  padding: padme,
  lifetime: 90 * DAY,
  maxLifetime: 366 * DAY,
  now: () => Date.now(),
  maxPastEpochs: 3,
  ratchets: DEFAULT_RATCHET_LIMITS,
  maxMembers: 100_000,
  maxMessageSize: 64 * 1024 * 1024,
};

/** The policy with its defaults. @throws MlsError `usage` */
export function policyOf(chosen: Partial<Policy> = {}): Policy {
  const given = Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== undefined));
  const policy: Policy = { ...DEFAULT_POLICY, ...given };
  if (policy.handshake !== "private" && policy.handshake !== "public") {
    throw new MlsError("usage", 'policy.handshake must be "private" or "public"');
  }
  return policy;
}

/** The wire format in which handshake messages are sent. */
export function handshakeFormat({ handshake }: Policy): 1 | 2 {
  return handshake === "public" ? WireFormat.publicMessage : WireFormat.privateMessage;
}

/** The time in seconds since the Unix epoch. */
export function secondsNow(policy: Policy): bigint {
  return BigInt(Math.floor(policy.now() / 1000));
}

/** The rules for lifetimes (§7.2). With `"any"` the clock isn't consulted: for members of long standing. */
export function lifetimeRule(policy: Policy, clock: "now" | "any"): LifetimeRule {
  const { maxLifetime } = policy;
  return {
    now: clock === "now" ? secondsNow(policy) : undefined,
    maxLifetime: maxLifetime < 2 ** 64 ? BigInt(Math.floor(maxLifetime)) : 1n << 64n,
  };
}

/** @throws MlsError `limit` if a message is larger than the policy allows */
export function checkMessageSize({ maxMessageSize }: Policy, message: Uint8Array): void {
  if (message.length > maxMessageSize) {
    throw new MlsError(
      "limit",
      `expected a message of at most ${maxMessageSize} bytes, got ${message.length}`,
    );
  }
}

/** No padding: everybody sees the length of a message. */
export function noPadding(length: number): number {
  return length;
}

/** Pads to the next multiple of `block` bytes. */
export function padToMultiple(block: number): (length: number) => number {
  return (length) => Math.ceil(length / block) * block;
}

/**
 * Padmé (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs",
 * PETS 2019): only the leading bits of a length stay, so that it tells O(log log length) bits, for at most 12 %
 * more bytes.
 */
export function padme(length: number): number {
  if (length < 2) return length;
  const exponent = Math.floor(Math.log2(length));
  const kept = Math.floor(Math.log2(exponent)) + 1;
  const unit = 2 ** Math.max(0, exponent - kept);
  return Math.ceil(length / unit) * unit;
}
