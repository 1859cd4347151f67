// Short words for what the page is made of.

/** The element with an id, of a class. @throws Error if the page has none */
export function find<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page has no ${type.name} "${id}"`);
  return found;
}

/** An element with properties and children; `aria-` and `data-` names are attributes. */
export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  properties: Readonly<Record<string, unknown>> = {},
  children: readonly (Node | string)[] = [],
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-") || !(key in made)) made.setAttribute(key, String(value));
    else Object.assign(made, { [key]: value });
  }
  made.append(...children);
  return made;
}

/** A row of a table: the first cell is its head. Numbers are told by their class. */
export function row(
  head: string | Node,
  cells: readonly (string | Node)[],
  className = "",
): HTMLTableRowElement {
  return element("tr", {}, [
    element("th", { scope: "row" }, [head]),
    ...cells.map((cell) => element("td", className === "" ? {} : { className }, [cell])),
  ]);
}
