// Counts what a run of the tests has played with other implementations, and prints it at its end: a global setup of
// vitest, in the main process. The workers write what they count (tests/support/played.ts).
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Column, PlayedLine } from "../support/played.js";

const COLUMNS: readonly Column[] = ["groups", "epochs", "joins", "messages", "frames"];

export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "copse-played-"));
  process.env.COPSE_PLAYED = folder;
  return () => {
    const lines = readdirSync(folder).flatMap((name) => readFileSync(join(folder, name), "utf8").split("\n"));
    rmSync(folder, { recursive: true });
    const report = describePlayed(
      lines.filter((line) => line !== "").map((line) => JSON.parse(line) as PlayedLine),
    );
    if (report !== "") console.log(`\n${report}\n`);
  };
}

/** A table with a row for each peer, and a line for each that is missing; nothing if nothing was counted. */
export function describePlayed(lines: readonly PlayedLine[]): string {
  const rows = new Map<string, Record<Column, number>>();
  const missing = new Set<string>();
  for (const line of lines) {
    if ("missing" in line) {
      missing.add(`${line.peer} was NOT PLAYED WITH: ${line.missing}`);
      continue;
    }
    const row = rows.get(line.peer) ?? { groups: 0, epochs: 0, joins: 0, messages: 0, frames: 0 };
    rows.set(line.peer, row);
    for (const column of COLUMNS) row[column] += line.counts[column] ?? 0;
  }
  const table = [...rows]
    .sort()
    .map(([peer, row]) => [peer, ...COLUMNS.map((column) => String(row[column]))]);
  if (table.length > 0) table.unshift(["played live with", ...COLUMNS]);
  const widths = [0, ...COLUMNS].map((_, i) => Math.max(0, ...table.map((row) => row[i]?.length ?? 0)));
  const shown = table.map((row) =>
    row
      .map((text, i) => (i === 0 ? text.padEnd(widths[i] as number) : text.padStart(widths[i] as number)))
      .join("  "),
  );
  return [...shown, ...[...missing].sort()].join("\n");
}
