// Bars for each operation and provider, and the same numbers as a table.
import {
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  Legend,
  LogarithmicScale,
  type Plugin,
  Tooltip,
} from "chart.js";
import { duration, ratio } from "../../../src/format.js";
import { element, row } from "../dom.js";
import { BUILT_IN } from "../messages.js";
import { type Cell, fastestOf, type Panel, type Row, summaryOf } from "./panels.js";

Chart.register(BarController, BarElement, CategoryScale, Legend, LogarithmicScale, Tooltip);

/** Of the page's style sheet, which knows whether it is dark. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Of those that aren't ours, in the order of their first bar. */
const OTHER_COLOURS = ["other-1", "other-2", "other-3", "other-4", "other-5"];

function colourOf(provider: string, others: readonly string[]): string {
  if (BUILT_IN.includes(provider)) return colour(provider);
  return colour(OTHER_COLOURS[others.indexOf(provider) % OTHER_COLOURS.length] as string);
}

const BAR = 13;
const GAP = 10;
const AROUND = 76;

/** A line from the first to the third quartile of each bar. */
const spread: Plugin<"bar"> = {
  id: "spread",
  afterDatasetsDraw(chart) {
    const { ctx, data } = chart;
    const { x } = chart.scales;
    if (x === undefined) return;
    ctx.save();
    ctx.strokeStyle = colour("text");
    ctx.lineWidth = 1.25;
    for (const [i, { data: points }] of data.datasets.entries()) {
      for (const [j, bar] of chart.getDatasetMeta(i).data.entries()) {
        const { low, high } = (points[j] ?? {}) as unknown as Partial<Cell>;
        if (low === undefined || high === undefined || low === high) continue;
        const [from, to] = [x.getPixelForValue(low), x.getPixelForValue(high)];
        ctx.beginPath();
        ctx.moveTo(from, bar.y);
        ctx.lineTo(to, bar.y);
        ctx.stroke();
      }
    }
    ctx.restore();
  },
};

/** Draws a panel's chart into a canvas. */
function draw(canvas: HTMLCanvasElement, { rows, providers }: Panel): Chart<"bar", (Point | null)[], string> {
  const text = colour("text");
  const line = colour("line");
  const others = providers.filter((name) => !BUILT_IN.includes(name));
  const values = rows.flatMap(({ cells }) =>
    [...cells.values()].map(({ median, low }) => Math.min(median, low)),
  );
  const smallest = Math.min(...values.filter((value) => value > 0));
  const largest = Math.max(...rows.flatMap(({ cells }) => [...cells.values()].map(({ high }) => high)));
  return new Chart<"bar", (Point | null)[], string>(canvas, {
    type: "bar",
    data: {
      labels: rows.map(({ label }) => label),
      datasets: providers.map((name) => ({
        label: name,
        data: rows.map((one) => point(one, name)),
        backgroundColor: colourOf(name, others),
        barThickness: BAR - 2,
        borderRadius: 2,
      })),
    },
    options: {
      indexAxis: "y",
      parsing: { xAxisKey: "median", yAxisKey: "label" },
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      scales: {
        x: {
          type: "logarithmic",
          min: 10 ** Math.floor(Math.log10(smallest / 1.3)),
          // No bar ends at the edge, and a power of ten is in sight that says how long they are.
          max: Math.max(largest * 1.25, 10 ** Math.ceil(Math.log10(smallest)) * 1.05),
          grid: { color: line },
          border: { color: line },
          ticks: {
            color: text,
            maxRotation: 0,
            autoSkipPadding: 12,
            callback: (value) => (isPowerOfTen(Number(value)) ? short(Number(value)) : null),
          },
        },
        y: { grid: { display: false }, border: { color: line }, ticks: { color: text, autoSkip: false } },
      },
      plugins: {
        legend: { position: "top", align: "start", labels: { color: text, boxWidth: 12, boxHeight: 12 } },
        tooltip: {
          callbacks: { label: ({ dataset, raw }) => `${dataset.label}: ${duration((raw as Point).median)}` },
        },
      },
    },
    plugins: [spread],
  });
}

interface Point extends Cell {
  readonly label: string;
}

function point(one: Row, name: string): Point | null {
  const cell = one.cells.get(name);
  return cell === undefined ? null : { ...cell, label: one.label };
}

const isPowerOfTen = (value: number) => Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-9;

/** A power of ten: `10 µs`. */
function short(milliseconds: number): string {
  if (milliseconds >= 1000) return `${milliseconds / 1000} s`;
  return milliseconds >= 1 ? `${milliseconds} ms` : `${Number((milliseconds * 1000).toPrecision(1))} µs`;
}

/** A panel on the page: its chart, and its numbers. */
export class Plot {
  readonly section: HTMLElement;
  readonly title: string;
  readonly canvas: HTMLCanvasElement;
  private readonly panel: Panel;
  private chart: Chart<"bar", (Point | null)[], string> | undefined;

  constructor(panel: Panel, number: number) {
    this.panel = panel;
    this.title = panel.title;
    const label = `panel-${number}`;
    this.canvas = element("canvas", { role: "img", "aria-label": summaryOf(panel) });
    const plot = element("div", { className: "plot" }, [this.canvas]);
    plot.style.height = `${AROUND + panel.rows.length * (panel.providers.length * BAR + GAP)}px`;
    const scroll = { className: "scroll", role: "region", "aria-labelledby": label, tabIndex: 0 };
    this.section = element("section", { className: "panel", "aria-labelledby": label }, [
      element("h3", { id: label }, [panel.title]),
      element("div", { className: "pair" }, [plot, element("div", scroll, [numbers(panel)])]),
    ]);
  }

  /** When it is on the page, and when its colours have changed. */
  draw(): void {
    this.chart?.destroy();
    this.chart = draw(this.canvas, this.panel);
  }

  remove(): void {
    this.chart?.destroy();
    this.section.remove();
  }
}

function numbers({ title, providers, rows }: Panel): HTMLTableElement {
  const head = ["Operation", ...providers].map((name, i) =>
    element("th", { scope: "col", className: i === 0 ? "" : "number" }, [name]),
  );
  return element("table", { "aria-label": title }, [
    element("thead", {}, [element("tr", {}, head)]),
    element(
      "tbody",
      {},
      rows.map((one) => {
        const fastest = fastestOf(one);
        const cells = providers.map((name) =>
          numbersOf(one.cells.get(name), name === fastest && providers.length > 1),
        );
        return row(one.label, cells, "number");
      }),
    ),
  ]);
}

function numbersOf(cell: Cell | undefined, fastest: boolean): Node {
  if (cell === undefined) return document.createTextNode("–");
  const time = duration(cell.median);
  const notes = [
    ...(cell.overFloor ? [`${ratio(cell.overFloor)} × floor`] : []),
    ...(cell.runs === undefined ? [] : [`${cell.runs} ${cell.runs === 1 ? "run" : "runs"}`]),
  ];
  const parts: Node[] = [fastest ? element("strong", {}, [time]) : document.createTextNode(time)];
  for (const note of notes) parts.push(element("small", {}, [note]));
  return element("span", {}, parts);
}
