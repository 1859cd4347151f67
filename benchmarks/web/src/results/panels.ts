// The results as the page shows them: groups of operations, each a chart and a table.
import { duration } from "../../../src/format.js";
import { isSize, OPERATIONS, type Operation } from "../../../src/operations.js";
import type { Primitives } from "../../../src/primitive-prices.js";
import type { Result, Tree } from "../../../src/samples.js";
import { BUILT_IN } from "../messages.js";

/** All times in milliseconds. */
export interface Cell {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly runs?: number;
  readonly overFloor?: number | undefined;
}

export interface Row {
  readonly label: string;
  readonly cells: ReadonlyMap<string, Cell>;
}

export interface Panel {
  readonly title: string;
  readonly providers: readonly string[];
  readonly rows: readonly Row[];
}

/** What of the results is looked at. */
export interface View {
  readonly suite: number;
  readonly members: number;
  readonly tree: Tree;
}

const TITLES: readonly (readonly [string, (operation: Operation) => boolean])[] = [
  ["Messages", (operation) => /^(encrypt|decrypt|export)/.test(operation)],
  ["Commits", (operation) => /(empty commit|update|one)$/.test(operation)],
  ["Coming in", (operation) => /^(key package|create group|add all others|join)$/.test(operation)],
  ["Saving", (operation) => /^(save|restore)$/.test(operation)],
];

/** Primitives that a reader knows, of all that the floor is made of. */
const PRIMITIVES: Readonly<Record<string, string>> = {
  "hash.hash": "hash",
  "hash.mac": "MAC",
  "aead.seal": "AEAD seal",
  "aead.open": "AEAD open",
  "hpke.generateKeyPair": "new HPKE key",
  "hpke.seal": "HPKE seal",
  "hpke.open": "HPKE open",
  "signature.sign": "sign",
  "signature.verify": "verify",
};
/** Bytes of what is hashed, sealed or signed. */
const LENGTH = 64;

export function panelsOf(results: readonly Result[], primitives: readonly Primitives[], view: View): Panel[] {
  const here = results.filter(
    ({ suite, members, tree }) => suite === view.suite && members === view.members && tree === view.tree,
  );
  const panels = TITLES.map(([title, belongs]) => {
    const operations = OPERATIONS.filter((operation) => belongs(operation) && !isSize(operation));
    return panel(
      title,
      operations.map((label) => ({
        label,
        cells: here.filter(({ operation }) => operation === label).map((one) => [one.provider, one] as const),
      })),
    );
  });
  const own = primitives.filter(({ suite }) => suite === view.suite);
  panels.push(
    panel(
      `Primitives, of ${LENGTH} bytes`,
      Object.entries(PRIMITIVES).map(([name, label]) => ({
        label,
        cells: own.flatMap(({ provider, prices }) => {
          const price = prices[name];
          if (price === undefined) return [];
          const median = price.call + price.item + LENGTH * price.byte;
          return [[provider, { median, low: median, high: median }] as const];
        }),
      })),
    ),
  );
  return panels.filter(({ rows }) => rows.length > 0);
}

function panel(
  title: string,
  all: readonly { readonly label: string; readonly cells: readonly (readonly [string, Cell])[] }[],
): Panel {
  const rows = all
    .filter(({ cells }) => cells.length > 0)
    .map(({ label, cells }) => ({
      label,
      cells: new Map(cells),
    }));
  const others = rows.flatMap(({ cells }) => [...cells.keys()]);
  const providers = [...new Set([...BUILT_IN, ...others])].filter((name) => others.includes(name));
  return { title, providers, rows };
}

/** A row's provider with the shortest time. */
export function fastestOf({ cells }: Row): string | undefined {
  return [...cells].sort(([, a], [, b]) => a.median - b.median)[0]?.[0];
}

/** A chart in words. */
export function summaryOf({ title, rows, providers }: Panel): string {
  const parts = rows.map((one) => {
    const name = fastestOf(one);
    const cell = name && one.cells.get(name);
    return cell ? `${one.label} ${duration(cell.median)} by ${name}` : one.label;
  });
  return `Bar chart, ${title}: ${providers.join(", ")} beside each other. Fastest: ${parts.join("; ")}. All values are in the table that follows.`;
}
