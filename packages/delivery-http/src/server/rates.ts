// Token buckets: how much of something an account or an address may ask for.
import { limited } from "./failures.js";

/** A rate. */
export interface Rate {
  /** How many are allowed in a second, in the long run. */
  readonly perSecond: number;
  /** How many at once. */
  readonly burst: number;
}

interface Bucket {
  left: number;
  at: number;
}

/** The most buckets of one kind. The longest unused goes first, which is full again, or soon. */
const MAX_BUCKETS = 100_000;

export class Rates<Name extends string> {
  readonly #rates: Readonly<Record<Name, Rate>>;
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(rates: Readonly<Record<Name, Rate>>, now: () => number) {
    this.#rates = rates;
    this.#now = now;
  }

  /** Takes from a bucket. @throws DeliveryError `limit` with the time until there is enough, and takes nothing */
  take(name: Name, whose: string | number, count = 1): void {
    const { perSecond, burst } = this.#rates[name];
    const key = `${name} ${whose}`;
    const now = this.#now();
    const known = this.#buckets.get(key);
    this.#buckets.delete(key);
    const filled = known ? known.left + (Math.max(0, now - known.at) * perSecond) / 1000 : burst;
    const left = Math.min(burst, filled);
    // What is larger than the bucket passes when it is full, and takes all.
    const isEnough = left >= Math.min(count, burst);
    this.#buckets.set(key, { left: isEnough ? Math.max(0, left - count) : left, at: now });
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > MAX_BUCKETS && oldest !== undefined) this.#buckets.delete(oldest);
    if (isEnough) return;
    const wait = perSecond > 0 ? ((Math.min(count, burst) - left) / perSecond) * 1000 : undefined;
    throw limited(`too many: ${name}`, wait && Math.ceil(wait));
  }
}
