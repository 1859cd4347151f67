// Random choices from a seed, so that a run can be repeated.
import { createHash } from "node:crypto";

/** Random numbers and bytes derived from a seed. */
export class Chance {
  private readonly seed: string;
  private drawn = 0;

  constructor(seed: string) {
    this.seed = seed;
  }

  /** An independent source for a part of the work. */
  below(name: string): Chance {
    return new Chance(`${this.seed}/${name}`);
  }

  /** At most 64 */
  bytes(length: number): Uint8Array {
    this.drawn += 1;
    const digest = createHash("sha512").update(`${this.seed}#${this.drawn}`).digest();
    return new Uint8Array(digest.subarray(0, length));
  }

  /** An integer from 0 to limit - 1 */
  number(limit: number): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.bytes(4);
    return Math.floor(((a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d) / 2 ** 32) * limit);
  }

  coin(probability: number): boolean {
    return this.number(1_000_000) < probability * 1_000_000;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.number(from.length)] as T;
  }

  /** A random choice of `count` items, in random order */
  sample<T>(from: readonly T[], count: number): T[] {
    const left = [...from];
    const chosen: T[] = [];
    while (chosen.length < count && left.length > 0) {
      chosen.push(...left.splice(this.number(left.length), 1));
    }
    return chosen;
  }
}
