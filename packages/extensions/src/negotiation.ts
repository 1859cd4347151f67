// draft-ietf-mls-extensions, Negotiating Extensions and Components: members support the components a group requires.
import { type Extension, ensure, type LeafNode } from "@copse/core/extension";
import { ComponentId } from "./component.js";
import { ComponentsList, componentIn } from "./dictionary.js";

const LISTS = [ComponentId.appComponents, ComponentId.safeAad];

function listedIn(extensions: readonly Extension[], list: number): readonly number[] {
  return componentIn(extensions, list, ComponentsList)?.componentIds ?? [];
}

/** Checks that a leaf supports all components that the group requires. @throws ValidationError */
export function checkComponents(leafNode: LeafNode, groupExtensions: readonly Extension[]): void {
  for (const list of LISTS) {
    const required = listedIn(groupExtensions, list);
    if (required.length === 0) continue;
    const supported = listedIn(leafNode.extensions, list);
    for (const id of required) {
      ensure(
        supported.includes(id),
        "draft-ietf-mls-extensions negotiation: all members must support the components that the group requires",
        () => `component ${id}`,
      );
    }
  }
}

/** Whether a group requires the same components before and after a change of its extensions. */
export function sameRequirements(before: readonly Extension[], after: readonly Extension[]): boolean {
  return LISTS.every((list) => {
    const [a, b] = [before, after].map((extensions) => listedIn(extensions, list));
    return `${a}` === `${b}`;
  });
}
