// What primitives cost, as numbers that can be kept: of several measurements the median.
import { median } from "./samples.js";

/** Milliseconds: for a call, for each item of a batch, and for each byte that is handed over. */
export interface Price {
  readonly call: number;
  readonly item: number;
  readonly byte: number;
}

/** By the names of the interface's methods: `kdf.expand`. */
export type Prices = Readonly<Record<string, Price>>;

export interface HpkeTime {
  readonly milliseconds: number;
  /** How many times as long as the sum of its primitives; `undefined` where that isn't known. */
  readonly overParts: number | undefined;
}

export interface Primitives {
  readonly provider: string;
  readonly suite: number;
  readonly prices: Prices;
  /** One HPKE encryption and decryption, of `Nh` bytes. */
  readonly hpke: { readonly seal: HpkeTime; readonly open: HpkeTime };
  /** How often they were measured, the median of each. */
  readonly rounds: number;
}

/** One entry for each provider and suite. */
export function mergePrimitives(measured: readonly Primitives[]): Primitives[] {
  const groups = new Map<string, Primitives[]>();
  for (const one of measured) {
    const key = `${one.suite}/${one.provider}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].map((group) => {
    const [first] = group as [Primitives, ...Primitives[]];
    const middle = (of: (one: Primitives) => number) => median(group.map(of));
    const prices: Record<string, Price> = {};
    for (const name of Object.keys(first.prices)) {
      const priced = group.filter((one) => one.prices[name] !== undefined);
      const price = (field: keyof Price) => median(priced.map((one) => one.prices[name]![field]));
      prices[name] = { call: price("call"), item: price("item"), byte: price("byte") };
    }
    const hpke = (what: "seal" | "open"): HpkeTime => ({
      milliseconds: middle((one) => one.hpke[what].milliseconds),
      overParts:
        first.hpke[what].overParts === undefined
          ? undefined
          : middle((one) => one.hpke[what].overParts as number),
    });
    return {
      ...first,
      prices,
      hpke: { seal: hpke("seal"), open: hpke("open") },
      rounds: group.reduce((sum, { rounds }) => sum + rounds, 0),
    };
  });
}
