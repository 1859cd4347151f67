// Short words for what the page is made of.

export type Child = Node | string | false | undefined;
type Properties = Readonly<Record<string, unknown>>;

/** Functions are listeners, by the name of their event; what the element has no property for is an attribute. */
function fill<E extends Element>(made: E, properties: Properties, children: readonly Child[]): E {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(name, value as EventListener);
    else if (made instanceof HTMLElement && name !== "style" && name in made)
      Object.assign(made, { [name]: value });
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.filter((child) => child !== undefined && child !== false));
  return made;
}

export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  properties: Properties = {},
  children: readonly Child[] = [],
): HTMLElementTagNameMap[K] {
  return fill(document.createElement(name), properties, children);
}

export function svg<K extends keyof SVGElementTagNameMap>(
  name: K,
  properties: Properties = {},
  children: readonly Child[] = [],
): SVGElementTagNameMap[K] {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), properties, children);
}

const shownAs = new WeakMap<Element, string>();

/** Lists that wait until they aren't pressed any more. */
const waiting = new Map<Element, () => void>();

/** What is being pressed must stay the same node until it is let go: otherwise it isn't clicked. */
function letGo(): void {
  // After the click.
  setTimeout(() => {
    const all = [...waiting.values()];
    waiting.clear();
    for (const show of all) show();
  });
}
for (const end of ["pointerup", "pointercancel", "keyup"]) document.addEventListener(end, letGo, true);

/**
 * Brings the children of an element up to date: what has not changed stays the same node, so that focus, selection and
 * scrolling stay, too.
 * @param keyOf tells the items apart
 */
export function showList<T>(
  parent: Element,
  items: readonly T[],
  keyOf: (item: T) => string,
  make: (item: T) => HTMLElement,
): void {
  waiting.delete(parent);
  if (parent.matches(":active")) {
    waiting.set(parent, () => showList(parent, items, keyOf, make));
    return;
  }
  const present = new Map(
    Array.from(parent.children, (child) => [child.getAttribute("data-key") as string, child] as const),
  );
  items.forEach((item, place) => {
    const [key, stamp] = [keyOf(item), JSON.stringify(item)];
    let node = present.get(key);
    present.delete(key);
    if (node === undefined || shownAs.get(node) !== stamp) {
      const made = make(item);
      made.dataset.key = key;
      shownAs.set(made, stamp);
      if (node !== undefined) replace(node, made);
      node = made;
    }
    if (parent.children[place] !== node) parent.insertBefore(node, parent.children[place] ?? null);
  });
  for (const gone of present.values()) gone.remove();
}

const FOCUSABLE = "button, a[href], input, textarea, select, [tabindex]";

/** The focus goes over to the element at the same place. */
function replace(old: Element, made: HTMLElement): void {
  const at = old.contains(document.activeElement) ? [old, ...old.querySelectorAll(FOCUSABLE)] : [];
  const place = at.indexOf(document.activeElement as Element);
  old.replaceWith(made);
  if (place >= 0) ([made, ...made.querySelectorAll<HTMLElement>(FOCUSABLE)][place] ?? made).focus();
}

/** Sets a text where it is another one: whoever listens to it isn't told twice. */
export function setText(node: Element, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}
