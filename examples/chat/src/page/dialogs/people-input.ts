// A field for names of people: each becomes a chip.
import { avatar } from "../avatar.js";
import { element, showList } from "../dom.js";
import { icon } from "../icons.js";
import { field } from "../parts.js";

export interface PeopleInput {
  readonly element: HTMLElement;
  /** The names, with what stands in the field. */
  names(): string[];
  readonly input: HTMLInputElement;
}

let inputs = 0;

/** @param known names that are offered */
export function peopleInput(label: string, hint: string, known: readonly string[]): PeopleInput {
  const id = `people-${++inputs}`;
  const names: string[] = [];
  const chips = element("ul", { className: "chips", "aria-label": "Chosen" });
  const offers = element("div", { className: "offers" });
  const input = element("input", {
    id,
    type: "text",
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: false,
    maxLength: 60,
  });
  const show = () => {
    showList(chips, names, String, (name) =>
      element("li", {}, [
        element(
          "button",
          { type: "button", className: "chip", "aria-label": `Take out ${name}`, click: () => drop(name) },
          [avatar(name, "small"), name, icon("close")],
        ),
      ]),
    );
    const offered = known.filter((name) => !names.includes(name)).slice(0, 8);
    showList(offers, offered, String, (name) =>
      element(
        "button",
        { type: "button", className: "chip offer", "aria-label": `Add ${name}`, click: () => add(name) },
        [avatar(name, "small"), name, icon("plus")],
      ),
    );
  };
  const drop = (name: string) => {
    names.splice(names.indexOf(name), 1);
    show();
    input.focus();
  };
  const add = (text: string) => {
    for (const name of text.split(",").map((part) => part.trim())) {
      if (name !== "" && !names.includes(name)) names.push(name);
    }
    input.value = "";
    show();
  };
  input.addEventListener("keydown", (event) => {
    if (event.key === "Backspace" && input.value === "" && names.length > 0) drop(names.at(-1) as string);
    if ((event.key !== "Enter" && event.key !== ",") || input.value.trim() === "") return;
    event.preventDefault();
    add(input.value);
  });
  show();
  const whole = element("div", { className: "people-input" }, [field(label, input, hint), chips, offers]);
  return {
    element: whole,
    input,
    names: () => {
      add(input.value);
      return [...names];
    },
  };
}
