// The charts of one device, suite and group, which the visitor chooses.
import type { Tree } from "../../../src/samples.js";
import { element, find } from "../dom.js";
import { suiteName } from "../suites.js";
import { Plot } from "./charts.js";
import type { Device } from "./devices.js";
import { panelsOf, type View } from "./panels.js";
import { savePng } from "./save.js";

const byDevice = find("view-device", HTMLSelectElement);
const bySuite = find("view-suite", HTMLSelectElement);
const byGroup = find("view-group", HTMLSelectElement);

let devices: readonly Device[] = [];
let plots: Plot[] = [];
/** What the panels show: results of other groups, which come while one is looked at, change nothing of it. */
let shown = "";

/** Shows what there is; what was chosen before stays chosen. */
export function showCharts(all: readonly Device[]): void {
  devices = all;
  options(
    byDevice,
    all.map(({ name }, i) => [String(i), name]),
  );
  const { results = [] } = device() ?? {};
  const suites = [...new Set(results.map(({ suite }) => suite))];
  options(
    bySuite,
    suites.map((id) => [String(id), suiteName(id)]),
  );
  const groups = new Map(
    results
      .filter(({ suite }) => suite === Number(bySuite.value))
      .map(({ members, tree }) => [`${members}/${tree}`, `${members.toLocaleString("en")} members, ${tree}`]),
  );
  options(byGroup, [...groups]);
  showPanels();
}

const device = (): Device | undefined => devices[Number(byDevice.value || "0")];

/** Fills a choice, and keeps what was chosen; else the first is. */
function options(select: HTMLSelectElement, list: readonly (readonly [string, string])[]): void {
  const { value } = select;
  select.replaceChildren(...list.map(([key, label]) => element("option", { value: key }, [label])));
  if (list.some(([key]) => key === value)) select.value = value;
}

function view(): View {
  const [members, tree] = byGroup.value.split("/") as [string, Tree];
  return { suite: Number(bySuite.value), members: Number(members), tree };
}

function showPanels(): void {
  const { name, results, primitives } = device() ?? { name: "", results: [], primitives: [] };
  const { suite, members, tree } = view();
  const here = results.filter((one) => one.suite === suite && one.members === members && one.tree === tree);
  const prices = primitives.filter((one) => one.suite === suite).map(({ rounds }) => rounds);
  const key = JSON.stringify([
    byDevice.value,
    name,
    suite,
    members,
    tree,
    here.map(({ runs }) => runs),
    prices,
  ]);
  if (key === shown) return;
  shown = key;
  for (const plot of plots) plot.remove();
  plots = panelsOf(results, primitives, view()).map((panel, i) => new Plot(panel, i));
  find("panels", HTMLElement).replaceChildren(...plots.map(({ section }) => section));
  for (const plot of plots) plot.draw();
}

/** A picture of the charts that are shown. */
export function savePicture(): Promise<void> {
  const { suite, members, tree } = view();
  return savePng(
    plots,
    `Copse, suite ${suiteName(suite)}, ${members} members, ${tree} tree`,
    device()?.name ?? "",
  );
}

byDevice.addEventListener("change", () => showCharts(devices));
bySuite.addEventListener("change", () => showCharts(devices));
byGroup.addEventListener("change", showPanels);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const plot of plots) plot.draw();
});
