// A round picture of a person: the initial, in a colour of their own.
import { element } from "./dom.js";
import { hueOf, initialOf } from "./words.js";

export function avatar(name: string, size: "small" | "medium" | "large" = "medium"): HTMLElement {
  const style = `--hue: ${hueOf(name)}`;
  return element("span", { className: `avatar ${size}`, style, "aria-hidden": "true" }, [initialOf(name)]);
}

/** The pictures of a group: at most two, one above the other. */
export function avatars(names: readonly string[]): HTMLElement {
  const [first, second] = names;
  if (first === undefined || second === undefined) return avatar(first ?? "?");
  return element("span", { className: "avatars", "aria-hidden": "true" }, [
    avatar(first, "small"),
    avatar(second, "small"),
  ]);
}
