// RFC 9420 §15.1: padding, and what an application gets where it chooses nothing.
import { DEFAULT_RATCHET_LIMITS } from "../schedule/index.js";
import type { Policy } from "./config.js";

/** No padding: the length of a message is there for everybody to see. */
export function noPadding(length: number): number {
  return length;
}

/** Pads to the next multiple of `block` bytes. */
export function padToMultiple(block: number): (length: number) => number {
  return (length) => Math.ceil(length / block) * block;
}

/**
 * Padmé (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs",
 * PETS 2019): lengths of which only the leading bits say something, so that they tell O(log log length) bits,
 * for at most 12 % more bytes.
 */
export function padme(length: number): number {
  if (length < 2) return length;
  const exponent = Math.floor(Math.log2(length));
  const kept = Math.floor(Math.log2(exponent)) + 1;
  const unit = 2 ** Math.max(0, exponent - kept);
  return Math.ceil(length / unit) * unit;
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
