// The results to keep: as JSON for machines, as a picture for people.
import type { Primitives } from "../../src/primitive-prices.js";
import type { Result } from "../../src/samples.js";
import { colour, type Plot } from "./charts.js";
import { element } from "./dom.js";
import type { Choice, Platform } from "./messages.js";

/** All that was measured. The `results` are those of `npm run bench -- --json`. */
export interface Saved {
  readonly format: 1;
  /** ISO 8601 */
  readonly date: string;
  readonly browser: string;
  readonly platform: Platform | undefined;
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

/** The charts, one below the other, with what they are of. */
export async function savePng(plots: readonly Plot[], title: string): Promise<void> {
  const scale = window.devicePixelRatio || 1;
  const sizes = plots.map(({ canvas }) => ({ width: canvas.width / scale, height: canvas.height / scale }));
  const width = Math.max(360, ...sizes.map((size) => size.width)) + 2 * MARGIN;
  const height = sizes.reduce((sum, size) => sum + size.height + HEADING + MARGIN, 3 * MARGIN + HEADING);
  const picture = element("canvas", { width: Math.round(width * scale), height: Math.round(height * scale) });
  const context = picture.getContext("2d");
  if (context === null) throw new Error("this browser gives no canvas to draw on");
  context.scale(scale, scale);
  context.fillStyle = colour("card");
  context.fillRect(0, 0, width, height);
  context.fillStyle = colour("text");
  context.textBaseline = "top";
  context.font = "600 18px system-ui, sans-serif";
  context.fillText(title, MARGIN, MARGIN, width - 2 * MARGIN);
  let y = 2 * MARGIN + HEADING;
  for (const [i, plot] of plots.entries()) {
    const size = sizes[i] as { width: number; height: number };
    context.font = "600 15px system-ui, sans-serif";
    context.fillText(plot.title, MARGIN, y);
    context.drawImage(plot.canvas, MARGIN, y + HEADING, size.width, size.height);
    y += size.height + HEADING + MARGIN;
  }
  context.font = "12px system-ui, sans-serif";
  context.fillText(navigator.userAgent, MARGIN, y - MARGIN / 2, width - 2 * MARGIN);
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
