// The platform, and what each provider takes to be loaded.
import { CIPHER_SUITES } from "@copse/core/provider";
import { duration } from "../../../src/format.js";
import { element, find, row } from "../dom.js";
import type { Choice, Loading, Platform, Served } from "../messages.js";
import { suiteName } from "../suites.js";
import { NEVER_IN_A_PAGE } from "./missing.js";

export function showPlatform({ facts, warnings }: Platform): void {
  find("facts", HTMLElement).replaceChildren(...facts.map(({ name, value }) => row(name, [value])));
  const list = find("warnings", HTMLElement);
  list.replaceChildren(...warnings.map((words) => element("li", {}, [words])));
  list.hidden = warnings.length === 0;
  find("never", HTMLElement).replaceChildren(
    ...NEVER_IN_A_PAGE.map(([what, why]) => element("li", {}, [`${what}: ${why}`])),
  );
}

/** A row for each provider that was tried. */
export function showServed(all: readonly Served[]): void {
  const suites = [
    ...new Set([...CIPHER_SUITES.map(({ id }) => id), ...all.flatMap((one) => one.suites)]),
  ].sort((a, b) => a - b);
  const head = ["Provider", "To load, gzipped", "Time to load", ...suites.map((id) => `Suite ${id}`)];
  find("served-head", HTMLElement).replaceChildren(
    element(
      "tr",
      {},
      head.map((name) => element("th", { scope: "col" }, [name])),
    ),
  );
  find("served", HTMLElement).replaceChildren(
    ...all.map(({ provider, suites: own, problem, loading }) =>
      problem === undefined
        ? row(provider, [
            sizeOf(loading),
            timeOf(loading),
            ...suites.map((id) => (own.includes(id) ? "yes" : "–")),
          ])
        : element("tr", {}, [
            element("th", { scope: "row" }, [provider]),
            element("td", { colSpan: head.length - 1, className: "alert" }, [`can't be loaded: ${problem}`]),
          ]),
    ),
  );
}

const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(bytes < 9950 ? 1 : 0)} KB`;

function sizeOf(loading: Loading | undefined): Node | string {
  if (loading?.gzipped === undefined || loading.bytes === undefined) return "not told here";
  const whole = element("small", {}, [`${kilobytes(loading.bytes)} unpacked`]);
  return element("span", {}, [kilobytes(loading.gzipped), whole]);
}

const timeOf = (loading: Loading | undefined): string =>
  loading === undefined ? "–" : duration(loading.milliseconds);

export function showChoices(choices: readonly Choice[]): void {
  find("recommendation", HTMLElement).hidden = choices.length === 0;
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
