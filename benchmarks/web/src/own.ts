// Providers of the visitor's own: from an address or from a file, tried in a worker before they are offered.
import { find } from "./dom.js";
import type { OwnModule, Served, ToProbe } from "./messages.js";

/** Then a module hangs, or its server does. */
const SECONDS = 30;

/** Loads a provider in a worker of its own, which is ended. */
export function probe(what: ToProbe): Promise<Served> {
  const worker = new Worker(new URL("./worker/probe.ts", import.meta.url), { type: "module" });
  const provider = "name" in what ? what.name : what.module.label;
  return new Promise<Served>((resolve) => {
    worker.addEventListener("message", ({ data }: MessageEvent<Served>) => resolve(data));
    worker.addEventListener("error", ({ message }) => {
      resolve({ provider, suites: [], problem: message || "its worker failed" });
    });
    setTimeout(() => {
      resolve({ provider, suites: [], problem: `it didn't answer within ${SECONDS} seconds` });
    }, 1000 * SECONDS);
    worker.postMessage(what);
  }).finally(() => worker.terminate());
}

const form = find("own", HTMLFormElement);
const address = find("own-address", HTMLInputElement);
const chosen = find("own-file", HTMLInputElement);
const said = find("own-said", HTMLElement);

/**
 * Offers the fields for a module.
 * @param taken whether a provider has this name
 * @param add takes the provider of a module; its name is one that no other has
 */
export function offerOwn(taken: (name: string) => boolean, add: (served: Served) => void): void {
  const take = async (module: OwnModule) => {
    say(`Loading ${module.label}…`);
    const served = await probe({ module });
    if (served.problem !== undefined) return say(`${module.label}: ${served.problem}`, true);
    const { provider: name } = served;
    const provider = taken(name) ? `${name} (${module.label})` : name;
    if (taken(provider)) return say(`${module.label}: a provider of this name is there already`, true);
    add({ ...served, provider });
    say(
      `“${provider}” is there, with suites ${served.suites.join(", ")}. It will be measured with the others.`,
    );
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = address.value.trim();
    if (text === "") return say("Give the address of a module, or choose a file.", true);
    const url = URL.canParse(text, location.href) ? new URL(text, location.href) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol)) {
      return say(`“${text}” is no address: expected one like https://example.org/provider.js`, true);
    }
    void take({ url: url.href, label: url.pathname.split("/").pop() || url.href });
  });
  chosen.addEventListener("change", () => {
    const [file] = chosen.files ?? [];
    if (file === undefined) return;
    // Files have no type that a worker takes for a module's everywhere.
    const url = URL.createObjectURL(new Blob([file], { type: "text/javascript" }));
    void take({ url, label: file.name });
    // The same file can be chosen again, when it has changed.
    chosen.value = "";
  });
}

function say(words: string, isProblem = false): void {
  said.textContent = words;
  said.classList.toggle("alert", isProblem);
}
