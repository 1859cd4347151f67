// Numbers as people read them, and tables of them.

/** Three significant digits, in the unit that suits them. */
export function duration(milliseconds: number): string {
  if (milliseconds >= 999.5) return `${(milliseconds / 1000).toPrecision(3)} s`;
  if (milliseconds >= 0.9995) return `${trim(milliseconds)} ms`;
  return `${trim(milliseconds * 1000)} µs`;
}

export function bytes(count: number): string {
  return count >= 10_000 ? `${trim(count / 1024)} KiB` : `${Math.round(count)} B`;
}

export function ratio(value: number): string {
  return value >= 0.995 ? trim(value) : value.toPrecision(2);
}

function trim(value: number): string {
  return value >= 99.95 ? value.toFixed(0) : value.toPrecision(3);
}

/** The first row is the head; the first column is text, the others are numbers. */
export function aligned(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join("  ");
  const [head, ...body] = rows;
  return [line(head!), widths.map((width) => "-".repeat(width)).join("  "), ...body.map(line)].join("\n");
}
