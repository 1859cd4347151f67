// How much of something an account or an address may ask for: token buckets, and connections.
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

/** Whose rates and bytes count together: an account, or an address without one. */
export const ownerOf = (account: number | undefined, address: string): string =>
  account === undefined ? `address ${address}` : `account ${account}`;

/** The most buckets of one kind. The longest unused goes first, which is full again, or soon. */
const MAX_BUCKETS = 100_000;
/** The longest time to wait, in milliseconds. */
const LONGEST = 60_000;

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
    const bucket = this.#bucket(name, whose);
    // What is larger than the bucket passes when it is full, and takes all.
    const needed = Math.min(count, burst);
    if (bucket.left >= needed) {
      bucket.left = Math.max(0, bucket.left - count);
      return;
    }
    const wait = perSecond > 0 ? ((needed - bucket.left) / perSecond) * 1000 : undefined;
    throw limited(`too many: ${name}`, wait && Math.ceil(wait));
  }

  /** Takes what has come already. @returns after how many milliseconds the bucket has paid for it */
  owe(name: Name, whose: string | number, count: number): number {
    const { perSecond } = this.#rates[name];
    const bucket = this.#bucket(name, whose);
    bucket.left -= count;
    return bucket.left >= 0 ? 0 : Math.min(Math.ceil((-bucket.left / perSecond) * 1000), LONGEST);
  }

  /** As full as it is now. */
  #bucket(name: Name, whose: string | number): Bucket {
    const { perSecond, burst } = this.#rates[name];
    const key = `${name} ${whose}`;
    const now = this.#now();
    const known = this.#buckets.get(key);
    this.#buckets.delete(key);
    const filled = known ? known.left + (Math.max(0, now - known.at) * perSecond) / 1000 : burst;
    const bucket = { left: Math.min(burst, filled), at: now };
    this.#buckets.set(key, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > MAX_BUCKETS && oldest !== undefined) this.#buckets.delete(oldest);
    return bucket;
  }
}

/** How many connections each address has. */
export class Addresses {
  readonly #most: number;
  readonly #counts = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** @returns whether it may have this connection, which counts until it is closed */
  enter(address: string, connection: { once(event: "close", listener: () => void): unknown }): boolean {
    const count = this.#counts.get(address) ?? 0;
    if (count >= this.#most) return false;
    this.#counts.set(address, count + 1);
    connection.once("close", () => {
      const left = (this.#counts.get(address) ?? 1) - 1;
      if (left > 0) this.#counts.set(address, left);
      else this.#counts.delete(address);
    });
    return true;
  }
}

/** The address of a connection. One who has an address of IPv6 has 2^64 of them: those count as one. */
export function addressOfConnection(address: string | undefined): string {
  if (address === undefined) return "";
  if (!address.includes(":") || address.startsWith("::ffff:")) return address;
  const [before = "", after = ""] = address.split("::");
  const [left, right] = [before, after].map((part) => part.split(":").filter((one) => one !== ""));
  const zeros = new Array<string>(Math.max(0, 8 - left!.length - right!.length)).fill("0");
  return [...left!, ...zeros, ...right!].slice(0, 4).join(":");
}
