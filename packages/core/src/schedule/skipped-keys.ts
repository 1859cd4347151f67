// RFC 9420 §9.2, §15.3: how many keys of skipped generations are kept for late application messages.
import { moveSecrets, wipe } from "../bytes.js";
import type { MessageKey, Ratchet } from "./ratchet.js";
import type { RatchetLimits } from "./ratchet-limits.js";

/** Overwrites and deletes the key of a skipped generation. */
export function forgetSkipped(ratchet: Ratchet, { generation, key, nonce }: MessageKey): void {
  wipe(key, nonce);
  ratchet.skipped.delete(generation);
}

/** Moves the keys that a step skipped to the ratchet, but for those that it has passed since. @returns how many it keeps */
export function keepSkipped(ratchet: Ratchet, skipped: readonly MessageKey[]): number {
  if (skipped.length === 0) return 0;
  const passed = skipped.filter(({ generation }) => generation < ratchet.generation);
  for (const { key, nonce } of passed) wipe(key, nonce);
  const kept = skipped.slice(passed.length);
  const moved = moveSecrets(kept.flatMap(({ key, nonce }) => [key, nonce])).values();
  for (const { generation } of kept) {
    const [key, nonce] = [moved.next().value, moved.next().value] as [Uint8Array, Uint8Array];
    ratchet.skipped.set(generation, { generation, key, nonce });
  }
  return kept.length;
}

/** What the ratchets of application messages of a tree hold together. */
export class SkippedKeys {
  readonly #limits: RatchetLimits;
  /** The ratchets that hold any. */
  readonly #late = new Set<Ratchet>();
  readonly #onForget: (ratchet: Ratchet, key: MessageKey) => void;
  #total = 0;

  /** @param onForget is told when the limits make a ratchet lose a key */
  constructor(limits: RatchetLimits, onForget: (ratchet: Ratchet, key: MessageKey) => void) {
    this.#limits = limits;
    this.#onForget = onForget;
  }

  /** Counts keys that a ratchet got, and enforces the limits. */
  added(ratchet: Ratchet, count: number): void {
    this.#total += count;
    if (ratchet.skipped.size === 0) return;
    this.#late.add(ratchet);
    const { maxSkipped, maxSkippedTotal } = this.#limits;
    this.#forgetOldest(ratchet, ratchet.skipped.size - maxSkipped);
    const surplus = () => this.#total - maxSkippedTotal;
    if (surplus() <= 0) return;
    const most = levelOf(
      Array.from(this.#late, ({ skipped }) => skipped.size),
      surplus(),
    );
    for (const late of this.#late) this.#forgetOldest(late, Math.min(late.skipped.size - most, surplus()));
  }

  /** Deletes a key that a ratchet holds. */
  forget(ratchet: Ratchet, key: MessageKey): void {
    forgetSkipped(ratchet, key);
    this.#total--;
    if (ratchet.skipped.size === 0) this.#late.delete(ratchet);
  }

  /** All of them were deleted. */
  clear(): void {
    this.#late.clear();
    this.#total = 0;
  }

  #forgetOldest(ratchet: Ratchet, count: number): void {
    let left = count;
    for (const oldest of ratchet.skipped.values()) {
      if (left-- <= 0) return;
      this.forget(ratchet, oldest);
      ratchet.forgotten = oldest.generation + 1;
      this.#onForget(ratchet, oldest);
    }
  }
}

/**
 * How many keys each ratchet may have, so that `surplus` of all go: those of the fullest. So whoever skips many
 * generations doesn't take the room of those who skip few.
 */
function levelOf(sizes: readonly number[], surplus: number): number {
  const fullest = [...sizes].sort((a, b) => b - a);
  let sum = 0;
  for (const [i, size] of fullest.entries()) {
    sum += size;
    const level = Math.floor((sum - surplus) / (i + 1));
    if (level >= (fullest[i + 1] ?? 0)) return level;
  }
  return 0;
}
