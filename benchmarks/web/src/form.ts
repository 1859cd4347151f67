// What the visitor wants measured: the form, filled by the address so that a wish can be kept as a link.
import { CIPHER_SUITES } from "@copse/core/provider";
import type { Tree } from "../../src/samples.js";
import { element, find } from "./dom.js";
import { BUILT_IN, EFFORTS, type EffortName, type Served, type Wish } from "./messages.js";
import { suiteName } from "./suites.js";

const SIZES = [2, 10, 100, 1000, 10_000];
const TREES: Readonly<Record<Tree, string>> = {
  "lived-in": "lived-in: everybody has committed",
  fresh: "fresh: parents are blank",
};
const EFFORT_NAMES: Readonly<Record<EffortName, string>> = {
  glance: "at a glance",
  quick: "quickly",
  thorough: "thoroughly",
};

const DEFAULTS = {
  suites: ["1", "2", "3"],
  providers: BUILT_IN,
  sizes: ["2", "100"],
  trees: ["fresh", "lived-in"],
  efforts: ["quick"],
} as const;
type Name = keyof typeof DEFAULTS;

const address = new URLSearchParams(location.search);

/** What is chosen at first: by the address, else by default. */
function initial(name: Name): readonly string[] {
  return address.get(name)?.split(",") ?? DEFAULTS[name];
}

/** Whether it is chosen: as the visitor left it, else as at first. A provider that the visitor brings is chosen. */
function isChosen(name: Name, value: string): boolean {
  const boxes = [...document.querySelectorAll<HTMLInputElement>(`input[name="${name}"]`)];
  const isBrought = name === "providers" && !BUILT_IN.includes(value);
  return boxes.find((box) => box.value === value)?.checked ?? (isBrought || initial(name).includes(value));
}

function choices(
  name: Name,
  type: "checkbox" | "radio",
  options: readonly (readonly [string, string, boolean])[],
) {
  find(name, HTMLElement).replaceChildren(
    ...options.map(([value, label, possible]) =>
      element("label", {}, [
        element("input", {
          type,
          name,
          value,
          checked: possible && isChosen(name, value),
          disabled: !possible,
        }),
        label,
      ]),
    ),
  );
}

/** Chooses the first of these suites if none of them is chosen: who brings a provider wants it measured. */
export function chooseOneOf(suites: readonly number[]): void {
  const boxes = suites.flatMap((id) => [
    ...document.querySelectorAll<HTMLInputElement>(`input[name="suites"][value="${id}"]`),
  ]);
  const [first] = boxes;
  if (first !== undefined && !boxes.some(({ checked }) => checked)) first.checked = true;
}

/** Shows what can be chosen here: again when there is more. */
export function fillForm(served: readonly Served[]): void {
  const has = (suite: number) => served.some(({ suites }) => suites.includes(suite));
  const able = (name: string) =>
    served.some(({ provider, suites }) => provider === name && suites.length > 0);
  const own = served.flatMap(({ suites }) =>
    suites.filter((id) => !CIPHER_SUITES.some((one) => one.id === id)),
  );
  const suites = [...CIPHER_SUITES.map(({ id }) => id), ...new Set(own)];
  choices(
    "suites",
    "checkbox",
    suites.map((id) => [String(id), suiteName(id), has(id)]),
  );
  choices(
    "providers",
    "checkbox",
    served.map(({ provider }) => [provider, provider, able(provider)]),
  );
  const sizes = [
    ...new Set([
      ...SIZES,
      ...initial("sizes")
        .map(Number)
        .filter((n) => n >= 2 && n <= 1e5),
    ]),
  ];
  choices(
    "sizes",
    "checkbox",
    sizes.sort((a, b) => a - b).map((size) => [String(size), size.toLocaleString("en"), true]),
  );
  choices(
    "trees",
    "checkbox",
    Object.entries(TREES).map(([tree, label]) => [tree, label, true]),
  );
  choices(
    "efforts",
    "radio",
    EFFORTS.map((effort) => [effort, EFFORT_NAMES[effort], true]),
  );
}

/** What is chosen. @throws Error, for people, if something is missing */
export function readForm(form: HTMLFormElement): Wish {
  const data = new FormData(form);
  const all = (name: Name, what: string): string[] => {
    const values = data.getAll(name).map(String);
    if (values.length === 0) throw new Error(`Choose ${what}.`);
    return values;
  };
  return {
    suites: all("suites", "a cipher suite").map(Number),
    providers: all("providers", "a provider"),
    sizes: all("sizes", "a number of members").map(Number),
    trees: all("trees", "a kind of tree") as Tree[],
    effort: all("efforts", "how thoroughly")[0] as EffortName,
  };
}
