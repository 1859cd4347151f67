// Counts the vectors that a run of the tests has run, the working group's and our own, and prints them at its end:
// vitest's global setup, in the main process. The workers write what they count (tests/support/vectors.ts).
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Count } from "@copse/test-support/vectors";

export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "mls-vectors-"));
  process.env.MLS_VECTOR_COUNTS = folder;
  return () => {
    const lines = readdirSync(folder).flatMap((name) => readFileSync(join(folder, name), "utf8").split("\n"));
    rmSync(folder, { recursive: true });
    const counts = lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Count);
    const report = describeCounts(counts);
    if (report !== "") console.log(`\n${report}\n`);
    const missing = [...new Set(counts.filter(({ outcome }) => outcome === "missing").map((c) => c.file))];
    if (missing.length > 0) {
      console.warn(
        `WARNING: vectors of the working group were NOT RUN, as they are not here: ${missing.sort().join(", ")}.\n` +
          "The project's own were run in their place. " +
          "`npm run vectors:fetch` brings them; see test-vectors/README.md.\n",
      );
    }
  };
}

interface Cell {
  run: number;
  skipped: number;
}

/** A table of the working group's vectors, and a line for our own; nothing if nothing was counted. */
export function describeCounts(counts: readonly Count[]): string {
  const own = counts.filter((one) => one.own === true && one.outcome !== "missing");
  const number = (outcome: Count["outcome"]) => own.filter((one) => one.outcome === outcome).length;
  const files = new Set(own.map(({ file }) => file)).size;
  const line = `own vectors: ${files} files, ${number("run")} run, ${number("skipped")} skipped`;
  const table = describeTable(counts.filter((one) => one.own !== true));
  return [table, own.length === 0 ? "" : line].filter((text) => text !== "").join("\n");
}

/** A table with a row for each file and suite and a column for each provider; nothing if nothing was counted. */
function describeTable(counts: readonly Count[]): string {
  const rows = new Map<string, { head: [file: string, suite: string]; cells: Map<string, Cell> }>();
  const columns = new Set<string>();
  const totals = new Map<string, Cell>();
  const cell = (cells: Map<string, Cell>, column: string): Cell => {
    const found = cells.get(column) ?? { run: 0, skipped: 0 };
    cells.set(column, found);
    return found;
  };
  for (const { file, suite, provider = "no provider", outcome } of counts) {
    if (outcome === "missing") continue;
    const head: [string, string] = [file, suite === undefined ? "none" : String(suite)];
    const row = rows.get(head.join()) ?? { head, cells: new Map<string, Cell>() };
    rows.set(head.join(), row);
    columns.add(provider);
    cell(row.cells, provider)[outcome]++;
    cell(totals, provider)[outcome]++;
  }
  if (rows.size === 0) return "";

  const names = [...columns].sort();
  const show = (cells: Map<string, Cell>) =>
    names.map((name) => {
      const found = cells.get(name);
      if (found === undefined) return "";
      return found.skipped === 0 ? `${found.run}` : `${found.run}, ${found.skipped} skipped`;
    });
  const sorted = [...rows.values()].sort((a, b) => (a.head.join() < b.head.join() ? -1 : 1));
  const table = [
    ["file", "suite", ...names],
    ...sorted.map(({ head, cells }) => [...head, ...show(cells)]),
    ["all", "", ...show(totals)],
  ];
  const widths = (table[0] as string[]).map((_, i) => Math.max(...table.map((row) => (row[i] ?? "").length)));
  const lines = table.map((row) =>
    row
      .map((text, i) => text.padEnd(widths[i] as number))
      .join("  ")
      .trimEnd(),
  );
  const run = [...totals.values()].reduce((sum, total) => sum + total.run, 0);
  const skipped = [...totals.values()].reduce((sum, total) => sum + total.skipped, 0);
  const files = new Set(sorted.map(({ head }) => head[0])).size;
  return [
    "The working group's vectors: how many passed, and how many a provider skipped for want of their suite",
    ...lines,
    `vectors: ${files} files, ${run} run, ${skipped} skipped`,
  ].join("\n");
}
