// The page: starts and ends the worker that measures, and shows what comes of it.
import type { Primitives } from "../../src/primitive-prices.js";
import type { Result } from "../../src/samples.js";
import { find } from "./dom.js";
import { chooseOneOf, fillForm, readForm } from "./form.js";
import { FrameWatch } from "./frames.js";
import {
  BUILT_IN,
  type Choice,
  type FromWorker,
  type OwnModules,
  type Platform,
  type Served,
  type ToWorker,
  type Wish,
} from "./messages.js";
import { offerOwn, probe } from "./own.js";
import { savePicture, showCharts } from "./results/charts-view.js";
import { browserName, type Device } from "./results/devices.js";
import { offerDevices, showDevices } from "./results/devices-view.js";
import { showChoices, showPlatform, showServed } from "./results/platform-view.js";
import { saveJson } from "./results/save.js";

const form = find("wish", HTMLFormElement);
const start = find("start", HTMLButtonElement);
const cancel = find("cancel", HTMLButtonElement);
const bar = find("progress", HTMLProgressElement);
const status = find("status", HTMLElement);
const problem = find("problem", HTMLElement);
const save = find("save-json", HTMLButtonElement);

let platform: Platform | undefined;
let served: readonly Served[] = [];
let worker: Worker | undefined;
let wish: Wish | undefined;
let results: readonly Result[] = [];
let primitives: readonly Primitives[] = [];
let choices: readonly Choice[] = [];
let others: readonly Device[] = [];
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
      worker?.terminate();
      void tryAll();
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
      choices = [...choices, message.choice];
      showChoices(choices);
      return;
    case "done":
      bar.value = bar.max;
      end("done", `Done. The page's longest pause while measuring: ${Math.round(frames.longest)} ms.`);
      return;
    case "failed":
      say(`It failed: ${message.message}`);
      end("failed", "Stopped by an error.");
      return;
  }
}

/** One after the other: what one takes to be loaded is its own. */
async function tryAll(): Promise<void> {
  for (const name of BUILT_IN) {
    const one = await probe({ name });
    // Meanwhile the visitor may have brought one.
    served = [...served, one];
    showServed(served);
  }
  fillForm(served);
  end("idle", "Nothing measured yet.");
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

function say(words: string): void {
  problem.textContent = words;
  problem.hidden = false;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  problem.hidden = true;
  try {
    wish = readForm(form);
  } catch (error) {
    say((error as Error).message);
    return;
  }
  [results, primitives, choices] = [[], [], []];
  showChoices(choices);
  showResults();
  setState("running");
  bar.value = 0;
  status.textContent = "Starting…";
  frames.start();
  const modules: OwnModules = Object.fromEntries(
    served.flatMap(({ provider, module }) => (module === undefined ? [] : [[provider, module]])),
  );
  worker = startWorker({ kind: "run", wish, modules });
  cancel.focus();
});

cancel.addEventListener("click", () => {
  end("cancelled", "Cancelled. What was measured before stays.");
  start.focus();
});

/** This device, once something of it is measured, and those that were loaded. */
function devices(): readonly Device[] {
  if (results.length === 0) return others;
  const date = new Date().toISOString().slice(0, 10);
  const name = `This device, ${browserName(navigator.userAgent)}`;
  return [{ name, date, results, primitives, served, wish, own: true }, ...others];
}

function showResults(): void {
  const all = devices();
  find("results", HTMLElement).hidden = all.length === 0;
  find("charts", HTMLElement).hidden = all.length === 0;
  save.disabled = results.length === 0;
  showDevices(all, (gone) => {
    others = others.filter((one) => one !== gone);
    showResults();
  });
  showCharts(all);
}

offerOwn(
  (name) => served.some(({ provider }) => provider === name),
  (one) => {
    served = [...served, one];
    showServed(served);
    fillForm(served);
    chooseOneOf(one.suites);
  },
);
offerDevices((device) => {
  // Two of the same name couldn't be told apart.
  const same = others.filter(({ name }) => name.replace(/ \(\d+\)$/, "") === device.name).length;
  others = [...others, same === 0 ? device : { ...device, name: `${device.name} (${same + 1})` }];
  showResults();
}, showResults);

save.addEventListener("click", () => {
  saveJson({
    format: 1,
    date: new Date().toISOString(),
    browser: navigator.userAgent,
    platform,
    served,
    wish,
    choices,
    longestPause: frames.longest,
    primitives,
    results,
  });
});
find("save-png", HTMLButtonElement).addEventListener("click", () => {
  savePicture().catch((error: Error) => say(error.message));
});

// What is wider than a phone is scrolled, by the keyboard too.
for (const one of document.querySelectorAll<HTMLElement>(".scroll")) one.tabIndex = 0;

setState("looking");
cancel.disabled = true;
start.disabled = true;
worker = startWorker({ kind: "look" });
