// Parts that several views have.
import { type Child, element } from "./dom.js";
import { type Icon, icon } from "./icons.js";

interface ButtonOptions {
  readonly kind?: "primary" | "plain" | "danger";
  readonly icon?: Icon;
  readonly id?: string;
  readonly describedBy?: string;
}

/** A button with words. While its work goes on, it can't be pressed again. */
export function button(
  words: string,
  work: () => unknown,
  { kind = "plain", icon: name, id, describedBy }: ButtonOptions = {},
): HTMLButtonElement {
  const made = element(
    "button",
    { type: "button", className: `button ${kind}`, id, "aria-describedby": describedBy },
    [name && icon(name), element("span", {}, [words])],
  );
  made.addEventListener("click", () => void busy(made, work));
  return made;
}

/** A button with a picture alone. Screen readers, and whoever points at it, get the words. */
export function iconButton(words: string, name: Icon, work: () => unknown): HTMLButtonElement {
  return element(
    "button",
    { type: "button", className: "icon-button", "aria-label": words, title: words, click: work },
    [icon(name)],
  );
}

/** `aria-disabled` and not `disabled`: the focus stays where it is. */
export async function busy(control: HTMLElement, work: () => unknown): Promise<void> {
  if (control.getAttribute("aria-disabled") === "true") return;
  control.setAttribute("aria-disabled", "true");
  try {
    await work();
  } finally {
    control.removeAttribute("aria-disabled");
  }
}

/**
 * A form. Enter in one of its fields presses its button, as browsers do with one that submits.
 * @param others buttons before that one
 */
export function form(
  fields: readonly Child[],
  primary: HTMLButtonElement,
  others: readonly Child[] = [],
): HTMLFormElement {
  primary.type = "submit";
  // What the button does is its own: the page stays.
  const submit = (event: Event) => event.preventDefault();
  return element("form", { className: "stack", submit }, [
    ...fields,
    element("div", { className: "actions" }, [...others, primary]),
  ]);
}

/** A field of one line with its label. */
export function field(label: string, input: HTMLInputElement, hint?: string): HTMLElement {
  const describes = hint === undefined ? undefined : `${input.id}-hint`;
  if (describes !== undefined) input.setAttribute("aria-describedby", describes);
  return element("div", { className: "field" }, [
    element("label", { htmlFor: input.id }, [label]),
    input,
    hint !== undefined && element("p", { className: "hint", id: describes }, [hint]),
  ]);
}

/** What one sees where there is nothing yet, with what to do next. */
export function emptyState(title: string, words: string, more: readonly Child[] = []): HTMLElement {
  return element("div", { className: "empty" }, [
    element("h2", {}, [title]),
    element("p", {}, [words]),
    ...more,
  ]);
}

/** A live region says it to screen readers. */
export function say(text: string): void {
  const said = document.getElementById("said");
  if (said) said.textContent = text;
}
