// What the session prints: steps with their bytes and times, in lines of at most 80 characters.

export interface Output {
  stdout(text: string): void;
  stderr(text: string): void;
  readonly colour: boolean;
}

/** What a step cost. */
export interface Cost {
  /** How many it put on the wire, in one message or in several. */
  readonly bytes?: number;
  readonly milliseconds?: number;
}

const WIDTH = 80;
const BYTES_WIDTH = 12;
const TIME_WIDTH = 11;
const TEXT_WIDTH = WIDTH - BYTES_WIDTH - TIME_WIDTH;

export class Report {
  private readonly output: Output;

  constructor(output: Output) {
    this.output = output;
  }

  private line(text = ""): void {
    this.output.stdout(`${text.trimEnd()}\n`);
  }

  private paint(code: number, text: string): string {
    return this.output.colour ? `\x1b[${code}m${text}\x1b[0m` : text;
  }

  title(text: string): void {
    this.line(this.paint(1, text));
    this.line();
  }

  /** A term and what it means, the lines after the first below each other. */
  entry(term: string, meaning: string, termWidth: number): void {
    const [first, ...rest] = wrap(meaning, WIDTH - 4 - termWidth);
    this.line(`  ${this.paint(36, term.padEnd(termWidth))}  ${first}`);
    for (const text of rest) this.line(`  ${"".padEnd(termWidth)}  ${text}`);
  }

  paragraph(text: string): void {
    for (const line of wrap(text, WIDTH - 2)) this.line(`  ${line}`);
  }

  /** Something that whoever watches should know. */
  notice(text: string): void {
    for (const line of wrap(text, WIDTH)) this.line(this.paint(33, line));
  }

  blank(): void {
    this.line();
  }

  /** The head of the columns. */
  columns(): void {
    this.line(
      this.paint(2, `${"".padEnd(TEXT_WIDTH)}${"bytes".padStart(BYTES_WIDTH)}${"ms".padStart(TIME_WIDTH)}`),
    );
  }

  section(text: string): void {
    this.line(this.paint(1, text));
  }

  step(text: string, { bytes, milliseconds }: Cost = {}): void {
    const size = bytes === undefined ? "" : thousands(bytes);
    const time = milliseconds === undefined ? "" : formatTime(milliseconds);
    const [last = "", ...before] = wrap(text, TEXT_WIDTH - 3).reverse();
    for (const [index, each] of before.reverse().entries())
      this.line(`${index === 0 ? "  " : "    "}${each}`);
    const indent = before.length === 0 ? "  " : "    ";
    this.line(
      `${(indent + last).padEnd(TEXT_WIDTH)}${size.padStart(BYTES_WIDTH)}${time.padStart(TIME_WIDTH)}`,
    );
  }

  check(what: string, value: string, holds: boolean): void {
    const verdict = holds ? this.paint(32, "ok") : this.paint(31, "DIFFERS");
    this.line(`  ${what.padEnd(22)}${value.padEnd(TEXT_WIDTH - 24)}${verdict}`);
  }
}

export function formatTime(milliseconds: number): string {
  return milliseconds < 1000 ? milliseconds.toFixed(1) : thousands(Math.round(milliseconds));
}

export function thousands(value: number): string {
  return String(value).replace(/\B(?=(?:\d{3})+$)/g, ",");
}

/** `a`, `a and b`, `a, b and c`; many are counted. */
export function people(names: readonly string[]): string {
  return names.length > 4 ? `${names.length} members` : list(names);
}

/** As {@link people}, however many they are. */
export function list(names: readonly string[]): string {
  if (names.length < 2) return names[0] ?? "nobody";
  return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/** Lines of at most `width` characters, broken at spaces. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
