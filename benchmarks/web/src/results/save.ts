// The results to keep: as JSON for machines, as a picture for people.
import type { Primitives } from "../../../src/primitive-prices.js";
import type { Result } from "../../../src/samples.js";
import { element } from "../dom.js";
import type { Choice, Platform, Served, Wish } from "../messages.js";
import { colour, type Plot } from "./charts.js";

/** All that was measured. The `results` are those of `npm run bench -- --json`. */
export interface Saved {
  readonly format: 1;
  /** ISO 8601 */
  readonly date: string;
  readonly browser: string;
  readonly platform: Platform | undefined;
  /** The providers, with what it took to load them, and why one couldn't be. */
  readonly served: readonly Served[];
  /** What was asked for. */
  readonly wish: Wish | undefined;
  readonly choices: readonly Choice[];
  /** The longest that the page drew nothing while it was measured, in milliseconds. */
  readonly longestPause: number;
  readonly primitives: readonly Primitives[];
  readonly results: readonly Result[];
}

export function saveJson(saved: Saved): void {
  download(
    "copse-benchmarks.json",
    new Blob([`${JSON.stringify(saved, null, 2)}\n`], { type: "application/json" }),
  );
}

const MARGIN = 24;
const HEADING = 26;
const FONT = "system-ui, sans-serif";

/** Text to be drawn: `lines` that fit, each `height` pixels apart. */
interface Paragraph {
  readonly font: string;
  readonly height: number;
  readonly lines: readonly string[];
}

function paragraph(text: string, font: string, height: number, width: number): Paragraph {
  const context = contextOf(element("canvas"));
  context.font = font;
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && context.measureText(longer).width > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return { font, height, lines: [...lines, line] };
}

function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("this browser gives no canvas to draw on");
  return context;
}

/** The charts, one below the other, with what they are of. @param device where it was measured */
export async function savePng(plots: readonly Plot[], title: string, device: string): Promise<void> {
  const scale = window.devicePixelRatio || 1;
  const charts = plots.map(({ canvas, title: name }) => ({
    canvas,
    name,
    width: canvas.width / scale,
    height: canvas.height / scale,
  }));
  const inner = Math.max(320, ...charts.map(({ width }) => width));
  const head = paragraph(title, `600 18px ${FONT}`, 26, inner);
  const foot = paragraph(`${new Date().toISOString().slice(0, 10)}, ${device}`, `12px ${FONT}`, 18, inner);
  const texts = [head, foot].reduce((sum, { lines, height }) => sum + lines.length * height, 0);
  const height = charts.reduce((sum, chart) => sum + chart.height + HEADING + MARGIN, texts + 3 * MARGIN);
  const width = inner + 2 * MARGIN;
  const picture = element("canvas", { width: Math.round(width * scale), height: Math.round(height * scale) });
  const context = contextOf(picture);
  context.scale(scale, scale);
  context.fillStyle = colour("card");
  context.fillRect(0, 0, width, height);
  context.fillStyle = colour("text");
  context.textBaseline = "top";
  let y = MARGIN;
  const write = (text: Paragraph) => {
    context.font = text.font;
    for (const line of text.lines) {
      context.fillText(line, MARGIN, y);
      y += text.height;
    }
    y += MARGIN;
  };
  write(head);
  for (const chart of charts) {
    context.font = `600 15px ${FONT}`;
    context.fillText(chart.name, MARGIN, y);
    context.drawImage(chart.canvas, MARGIN, y + HEADING, chart.width, chart.height);
    y += chart.height + HEADING + MARGIN;
  }
  write(foot);
  const blob = await new Promise<Blob | null>((resolve) => picture.toBlob(resolve, "image/png"));
  if (blob === null) throw new Error("this browser makes no PNG of a canvas");
  download("copse-benchmarks.png", blob);
}

function download(name: string, blob: Blob): void {
  const address = URL.createObjectURL(blob);
  element("a", { href: address, download: name }).click();
  // Later, since the download begins after the click.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
