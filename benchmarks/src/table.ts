// The results as a table for a person: a block per suite and size of group, a column per backend.
import { OPERATIONS, type Result } from "./measure.js";

export const REFERENCE = "ts-mls";

/** A block: operations down, backends across, and behind each backend its time over that of the reference. */
export function table(results: readonly Result[]): string {
  const [first] = results;
  if (!first) return "";
  const backends = [...new Set(results.map(({ backend }) => backend))];
  const find = (operation: string, backend: string) =>
    results.find((result) => result.operation === operation && result.backend === backend);
  const compared = backends.includes(REFERENCE) && backends.length > 1;

  const head = [`suite ${first.suite}, ${first.members} members`];
  for (const backend of backends) {
    head.push(backend);
    if (compared && backend !== REFERENCE) head.push("ratio");
  }
  const rows = OPERATIONS.map((operation) => {
    const row: string[] = [operation];
    const reference = find(operation, REFERENCE);
    for (const backend of backends) {
      const result = find(operation, backend);
      row.push(result ? duration(result.milliseconds) : "-");
      if (compared && backend !== REFERENCE) {
        row.push(result && reference ? ratio(result.milliseconds / reference.milliseconds) : "-");
      }
    }
    return row;
  });
  return aligned([head, ...rows]);
}

/** Three significant digits, in the unit that suits them. */
export function duration(milliseconds: number): string {
  if (milliseconds >= 999.5) return `${(milliseconds / 1000).toPrecision(3)} s`;
  if (milliseconds >= 0.9995) return `${trim(milliseconds)} ms`;
  return `${trim(milliseconds * 1000)} µs`;
}

function ratio(value: number): string {
  return value >= 0.995 ? trim(value) : value.toPrecision(2);
}

function trim(value: number): string {
  return value >= 99.95 ? value.toFixed(0) : value.toPrecision(3);
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join("  ");
  const [head, ...body] = rows;
  return [line(head!), widths.map((width) => "-".repeat(width)).join("  "), ...body.map(line)].join("\n");
}
