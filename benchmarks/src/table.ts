// The results as tables for a person: operations down, providers across.
import { floorOf, floorShares } from "./floor.js";
import { aligned, bytes, duration, ratio } from "./format.js";
import { isSize, OPERATIONS } from "./operations.js";
import type { Primitives } from "./primitive-prices.js";
import { isPeer } from "./references.js";
import { type Result, timesAsLong } from "./samples.js";

/**
 * One suite, size and tree. Behind each provider's median: half of the distance between the quartiles, in per cent
 * of it, and the number of runs; the time over its floor; and over that of each other implementation of MLS.
 */
export function table(results: readonly Result[]): string {
  const [first] = results;
  if (!first) return "";
  const providers = [...new Set(results.map(({ provider }) => provider))];
  const find = (operation: string, provider: string) =>
    results.find((result) => result.operation === operation && result.provider === provider);
  const peers = providers.filter(isPeer);

  const head = [`suite ${first.suite}, ${first.members} members, ${first.tree}`];
  for (const provider of providers) {
    head.push(provider, "± runs");
    if (isPeer(provider)) continue;
    head.push("/floor", ...peers.map((peer) => `/${peer}`));
  }
  const rows = OPERATIONS.filter((operation) => results.some((one) => one.operation === operation)).map(
    (operation) => {
      const row: string[] = [operation];
      for (const provider of providers) {
        const result = find(operation, provider);
        row.push(result ? amount(result) : "-", result ? spread(result) : "");
        if (isPeer(provider)) continue;
        row.push(result?.overFloor ? ratio(result.overFloor) : "");
        for (const peer of peers) {
          const theirs = find(operation, peer);
          row.push(result && theirs ? ratio(timesAsLong(result, theirs)) : "");
        }
      }
      return row;
    },
  );
  return aligned([head, ...rows]);
}

const amount = (result: Result) =>
  isSize(result.operation) ? bytes(result.median) : duration(result.median);

function spread({ median, low, high, runs }: Result): string {
  return runs === 1 ? "1" : `${Math.round((50 * (high - low)) / median)}% ${runs}`;
}

/** What the primitives of one suite cost, providers across. */
export function primitivesTable(primitives: readonly Primitives[]): string {
  const [first] = primitives;
  if (!first) return "";
  const names = [...new Set(primitives.flatMap(({ prices }) => Object.keys(prices)))];
  const head = [`suite ${first.suite}, primitives`];
  for (const { provider } of primitives) head.push(provider, "per KiB");
  const rows = names.map((name) => {
    const row = [/All$/.test(name) ? `${name}, an item` : name];
    for (const { prices } of primitives) {
      const price = prices[name];
      row.push(
        price ? duration(price.call + price.item) : "-",
        price?.byte ? duration(1024 * price.byte) : "",
      );
    }
    return row;
  });
  for (const what of ["seal", "open"] as const) {
    const row = [`hpke.${what} / its parts`];
    for (const { hpke } of primitives) {
      const { overParts } = hpke[what];
      row.push(overParts === undefined ? "-" : ratio(overParts), "");
    }
    rows.push(row);
  }
  return aligned([head, ...rows]);
}

/** What the floors of these results are made of, by the prices of the primitives. */
export function sharesTable(results: readonly Result[], primitives: readonly Primitives[]): string {
  const rows = [["of the floor", "provider", "primitive", "calls", "items", "time", "share"]];
  for (const { operation, provider, suite, counts } of results) {
    const prices = primitives.find((one) => one.provider === provider && one.suite === suite)?.prices;
    if (!counts || !prices) continue;
    const whole = floorOf(counts, prices);
    for (const { name, calls, items, milliseconds } of floorShares(counts, prices)) {
      const share = `${((100 * milliseconds) / whole).toFixed(1)}%`;
      rows.push([operation, provider, name, String(calls), String(items), duration(milliseconds), share]);
    }
  }
  return aligned(rows);
}
