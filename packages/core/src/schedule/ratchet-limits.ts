// RFC 9420 §9, §15.3: how far a ratchet goes, and how many keys of skipped generations are kept.
import { GENERATIONS } from "./ratchet.js";

/** Which of a sender's two ratchets: one for proposals and commits, one for application messages. */
export type RatchetKind = "handshake" | "application";

/**
 * How many proposals and commits a member can send in an epoch. A constant, and all keys of skipped ones are kept: what
 * decides about a commit must be the same for all members. A commit that was made and cleared counts too.
 */
export const HANDSHAKE_GENERATIONS = 1000;

/** Limits on what a sender can make a receiver compute and keep, for application messages. Members may differ. */
export interface RatchetLimits {
  /** How many generations ahead of the ratchet a message may be. */
  readonly maxForward: number;
  /** How many keys of skipped generations one ratchet keeps. The oldest are deleted first. */
  readonly maxSkipped: number;
  /** How many the whole tree keeps. The ratchets that hold most lose their oldest first. */
  readonly maxSkippedTotal: number;
}

export const DEFAULT_RATCHET_LIMITS: RatchetLimits = {
  maxForward: 1000,
  maxSkipped: 1000,
  maxSkippedTotal: 10_000,
};

/** How many generations a ratchet has. */
export const generationsOf = (kind: RatchetKind): number =>
  kind === "handshake" ? HANDSHAKE_GENERATIONS : GENERATIONS;
