// The page: starts and ends the worker that measures, and shows what comes of it.
import type { Primitives } from "../../src/primitive-prices.js";
import type { Result, Tree } from "../../src/samples.js";
import { Plot } from "./charts.js";
import { element, find, row } from "./dom.js";
import { fillForm, readForm, suiteName } from "./form.js";
import { FrameWatch } from "./frames.js";
import type { Choice, FromWorker, Platform, ToWorker, Wish } from "./messages.js";
import { panelsOf, type View } from "./panels.js";
import { saveJson, savePng } from "./save.js";

const form = find("wish", HTMLFormElement);
const start = find("start", HTMLButtonElement);
const cancel = find("cancel", HTMLButtonElement);
const bar = find("progress", HTMLProgressElement);
const status = find("status", HTMLElement);
const problem = find("problem", HTMLElement);
const bySuite = find("view-suite", HTMLSelectElement);
const byGroup = find("view-group", HTMLSelectElement);

let platform: Platform | undefined;
let worker: Worker | undefined;
let results: readonly Result[] = [];
let primitives: readonly Primitives[] = [];
let choices: Choice[] = [];
let plots: Plot[] = [];
const frames = new FrameWatch();

function startWorker(message: ToWorker): Worker {
  const started = new Worker(new URL("./worker/worker.ts", import.meta.url), { type: "module" });
  started.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => receive(data));
  started.addEventListener("error", ({ message: words }) => receive({ kind: "failed", message: words }));
  started.postMessage(message);
  return started;
}

function receive(message: FromWorker): void {
  switch (message.kind) {
    case "platform":
      platform = message.platform;
      showPlatform(message.platform);
      fillForm(message.platform.served);
      end("idle", "Nothing measured yet.");
      return;
    case "progress":
      bar.max = message.of;
      bar.value = message.done;
      status.textContent = message.text;
      return;
    case "results":
      ({ results, primitives } = message);
      showResults();
      return;
    case "choice":
      choices.push(message.choice);
      showChoices();
      return;
    case "done":
      bar.value = bar.max;
      end("done", `Done. The page's longest pause while measuring: ${Math.round(frames.longest)} ms.`);
      return;
    case "failed":
      problem.textContent = `It failed: ${message.message}`;
      problem.hidden = false;
      end("failed", "Stopped by an error.");
      return;
  }
}

/** There is no work any more. */
function end(state: "idle" | "done" | "cancelled" | "failed", words: string): void {
  worker?.terminate();
  worker = undefined;
  frames.stop();
  status.textContent = words;
  setState(state);
}

function setState(state: string): void {
  const running = state === "running";
  document.documentElement.dataset.state = state;
  start.disabled = running;
  cancel.disabled = !running;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  problem.hidden = true;
  let wish: Wish;
  try {
    wish = readForm(form);
  } catch (error) {
    problem.textContent = (error as Error).message;
    problem.hidden = false;
    return;
  }
  [results, primitives, choices] = [[], [], []];
  shown = "";
  bySuite.replaceChildren();
  byGroup.replaceChildren();
  setState("running");
  bar.value = 0;
  status.textContent = "Starting…";
  frames.start();
  worker = startWorker({ kind: "run", wish });
  cancel.focus();
});

cancel.addEventListener("click", () => {
  end("cancelled", "Cancelled. What was measured before stays.");
  start.focus();
});

function showPlatform({ facts, served }: Platform): void {
  find("facts", HTMLElement).replaceChildren(...facts.map(({ name, value }) => row(name, [value])));
  const suites = [1, 2, 3, 4, 5, 6, 7];
  const head = ["Provider", ...suites.map((id) => `Suite ${id}`)];
  find("served-head", HTMLElement).replaceChildren(
    element(
      "tr",
      {},
      head.map((name) => element("th", { scope: "col" }, [name])),
    ),
  );
  find("served", HTMLElement).replaceChildren(
    ...served.map((one) =>
      row(
        one.problem === undefined ? one.provider : `${one.provider}: ${one.problem}`,
        suites.map((id) => (one.suites.includes(id) ? "yes" : "–")),
      ),
    ),
  );
}

function showChoices(): void {
  find("recommendation", HTMLElement).hidden = false;
  find("choices", HTMLElement).replaceChildren(
    ...choices.map(({ suite, fastest, nonExtractable, verdicts }) => {
      const why = verdicts.map(({ candidate, refusal, milliseconds }) => {
        const words = refusal
          ? refusal.detail
          : milliseconds === undefined
            ? ""
            : `${milliseconds.toFixed(1)} ms a round`;
        return element("li", {}, [`${candidate}: ${words}`]);
      });
      return row(suiteName(suite), [
        fastest ?? "none",
        nonExtractable ?? "none",
        element("ul", { className: "why" }, why),
      ]);
    }),
  );
}

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

function showResults(): void {
  if (results.length === 0) return;
  find("results", HTMLElement).hidden = false;
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

/** What the panels show: results of other groups, which come while one is looked at, change nothing of it. */
let shown = "";

function showPanels(): void {
  const { suite, members, tree } = view();
  const here = results.filter((one) => one.suite === suite && one.members === members && one.tree === tree);
  const prices = primitives.filter((one) => one.suite === suite).map(({ rounds }) => rounds);
  const key = JSON.stringify([suite, members, tree, here.map(({ runs }) => runs), prices]);
  if (key === shown) return;
  shown = key;
  for (const plot of plots) plot.remove();
  plots = panelsOf(results, primitives, view()).map((panel, i) => new Plot(panel, i));
  find("panels", HTMLElement).replaceChildren(...plots.map(({ section }) => section));
  for (const plot of plots) plot.draw();
}

bySuite.addEventListener("change", showResults);
byGroup.addEventListener("change", showPanels);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const plot of plots) plot.draw();
});

find("save-json", HTMLButtonElement).addEventListener("click", () => {
  saveJson({
    format: 1,
    date: new Date().toISOString(),
    browser: navigator.userAgent,
    platform,
    choices,
    longestPause: frames.longest,
    primitives,
    results,
  });
});
find("save-png", HTMLButtonElement).addEventListener("click", () => {
  const { suite, members, tree } = view();
  savePng(plots, `Copse, suite ${suiteName(suite)}, ${members} members, ${tree} tree`).catch(
    (error: Error) => {
      problem.textContent = error.message;
      problem.hidden = false;
    },
  );
});

// What is wider than a phone is scrolled, by the keyboard too.
for (const one of document.querySelectorAll<HTMLElement>(".scroll")) one.tabIndex = 0;

setState("looking");
cancel.disabled = true;
start.disabled = true;
worker = startWorker({ kind: "look" });
