// This device and others: their list, the files they come from, and all of their results in one table.

import { element, find } from "../dom.js";
import { type Device, noiseWords, providersOf, readDevice } from "./devices.js";
import { overview, wordsOf } from "./overview.js";

const list = find("devices", HTMLElement);
const chosen = find("other-devices", HTMLInputElement);
const said = find("devices-said", HTMLElement);
const operations = find("view-operations", HTMLSelectElement);
const hint = find("overview-hint", HTMLElement);
const place = find("overview", HTMLElement);

/**
 * Offers to load the results of other devices.
 * @param add takes one that was read
 */
export function offerDevices(add: (device: Device) => void, redraw: () => void): void {
  chosen.addEventListener("change", async () => {
    const files = [...(chosen.files ?? [])];
    chosen.value = "";
    const words: string[] = [];
    let failed = false;
    for (const file of files) {
      try {
        const device = await readDevice(file);
        add(device);
        words.push(`${device.name} is there.`);
      } catch (error) {
        failed = true;
        words.push(error instanceof Error ? error.message : String(error));
      }
    }
    said.textContent = words.join(" ");
    said.classList.toggle("alert", failed);
  });
  operations.addEventListener("change", redraw);
}

/** @param remove takes a device away */
export function showDevices(devices: readonly Device[], remove: (device: Device) => void): void {
  // While something is measured the list is made anew again and again: who is at a button stays there.
  const focused = document.activeElement?.ariaLabel;
  list.replaceChildren(
    ...devices.map((device) => {
      const about = [device.date, `${providersOf(device).length} providers`, noiseWords(device.results)];
      const words = `${device.name}: ${about.filter(Boolean).join("; ")}.`;
      if (device.own) return element("li", {}, [words]);
      const button = element("button", { type: "button", "aria-label": `Remove ${device.name}` }, ["Remove"]);
      button.addEventListener("click", () => {
        remove(device);
        // The button that had the focus is gone.
        chosen.focus();
      });
      return element("li", {}, [words, " ", button]);
    }),
  );
  if (focused) list.querySelector<HTMLElement>(`button[aria-label="${CSS.escape(focused)}"]`)?.focus();
  if (devices.length === 0) {
    place.replaceChildren();
    return;
  }
  hint.textContent = wordsOf(devices);
  place.replaceChildren(overview(devices, operations.value === "all"));
}
