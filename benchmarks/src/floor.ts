// What the floor of an operation is made of: what was asked for, times what each costs.
import type { Counts } from "./counting.js";
import type { Prices } from "./primitive-prices.js";

/** Operations that take the price of another one, if they have none of their own. */
const LIKE: Readonly<Record<string, string>> = {
  "hpke.savePrivateKey": "hpke.exportPrivateKey",
  "hpke.loadPrivateKey": "hpke.importPrivateKey",
  "hash.hashAll": "hash.hash",
  "kdf.expandAll": "kdf.expand",
  "hpke.sealAll": "hpke.seal",
};

export interface Share {
  readonly name: string;
  readonly calls: number;
  readonly items: number;
  readonly milliseconds: number;
}

/** What each primitive has in it, the largest first. Primitives without a price count as nothing. */
export function floorShares(counts: Counts, prices: Prices): Share[] {
  return Object.entries(counts)
    .map(([name, { calls, items, bytesIn }]) => {
      const price = prices[name] ?? prices[LIKE[name] ?? ""];
      if (price === undefined) return { name, calls, items, milliseconds: 0 };
      // A price for a call is one for an item where the batch is priced like its single calls.
      const times = prices[name] === undefined ? items : calls;
      return {
        name,
        calls,
        items,
        milliseconds: times * price.call + items * price.item + bytesIn * price.byte,
      };
    })
    .sort((a, b) => b.milliseconds - a.milliseconds);
}

/** In milliseconds. */
export function floorOf(counts: Counts, prices: Prices): number {
  return floorShares(counts, prices).reduce((sum, { milliseconds }) => sum + milliseconds, 0);
}
