// RFC 9420 §9.1: secrets of ratchets ahead, so that junk doesn't make a receiver derive them again.
import { copySecret, wipe } from "../bytes.js";
import type { Awaitable, CipherSuiteProvider } from "../provider/index.js";
import { deriveSecretAhead } from "./ratchet.js";

/**
 * A secret is kept for each generation that this divides: 63 for the 1,000 generations that a message may skip, in each
 * ratchet that somebody sends junk for.
 */
export const DISTANCE = 16;

/**
 * Any member can send a junk message in another one's name, as many generations ahead as the limits allow: only the
 * signature inside tells. The secrets on the way are kept here until the ratchet moves. They follow from the ratchet's
 * own secret, so whoever reads the memory learns nothing more by them.
 */
export class Checkpoints {
  /** By the ratchet's number, then by the generation. */
  readonly #kept = new Map<number, Map<number, Uint8Array>>();
  #moves = 0;

  /** How often a ratchet has moved, or all were wiped. */
  get moves(): number {
    return this.#moves;
  }

  /**
   * The secret of generation `target` of a ratchet. The caller must overwrite it.
   * @param moves {@link moves} when the derivation began: a provider may answer after the ratchet has moved, or was wiped,
   *   and what it says then isn't kept
   * @param start the ratchet's secret, of generation `from`; it is not overwritten
   */
  secretAt(
    provider: CipherSuiteProvider,
    name: number,
    moves: number,
    start: Uint8Array,
    from: number,
    target: number,
  ): Awaitable<Uint8Array> {
    let [nearest, secret] = [from, start];
    for (const [generation, kept] of this.#kept.get(name) ?? []) {
      if (generation > nearest && generation <= target) [nearest, secret] = [generation, kept];
    }
    return deriveSecretAhead(provider, secret, nearest, target, (generation, passed) => {
      if (generation % DISTANCE === 0 && moves === this.#moves) this.#keep(name, generation, passed);
    });
  }

  #keep(name: number, generation: number, secret: Uint8Array): void {
    let kept = this.#kept.get(name);
    if (kept === undefined) {
      kept = new Map();
      this.#kept.set(name, kept);
    }
    wipe(kept.get(generation));
    kept.set(generation, copySecret(secret));
  }

  /** Overwrites the secrets of a ratchet that moved. */
  forget(name: number): void {
    this.#moves++;
    wipe(...(this.#kept.get(name)?.values() ?? []));
    this.#kept.delete(name);
  }

  wipe(): void {
    this.#moves++;
    for (const name of [...this.#kept.keys()]) this.forget(name);
  }
}
