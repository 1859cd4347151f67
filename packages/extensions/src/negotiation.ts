// draft-ietf-mls-extensions, Negotiating Extensions and Components: members support the components a group requires.
import { type Extension, ensure, type GroupView, type LeafNode } from "@copse/core/extension";
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
    const supported = new Set(listedIn(leafNode.extensions, list));
    for (const id of required) {
      ensure(
        supported.has(id),
        "draft-ietf-mls-extensions negotiation: all members must support the components that the group requires",
        () => `component ${id}`,
      );
    }
  }
}

/**
 * Checks that all members list the components that the proposals of a commit are for. A member that doesn't know a
 * component can't process the commit: everybody else would go on without it. All depends on the tree alone, so all who
 * can process such a commit refuse it.
 * @throws ValidationError
 */
export function checkListed(used: Iterable<number>, tree: Pick<GroupView["tree"], "members">): void {
  const components = new Set(used);
  if (components.size === 0) return;
  for (const { leafIndex, leafNode } of tree.members()) {
    const listed = new Set(listedIn(leafNode.extensions, ComponentId.appComponents));
    for (const id of components) {
      ensure(
        listed.has(id),
        "draft-ietf-mls-extensions negotiation: all members must list a component before proposals for it are committed",
        () => `component ${id}, leaf ${leafIndex}`,
      );
    }
  }
}

/**
 * The components whose data all members of a group check: those of the draft, and those that `app_components` in the
 * GroupContext requires all to support.
 */
export function requiredComponents(groupExtensions: readonly Extension[]): readonly number[] {
  return [...LISTS, ...listedIn(groupExtensions, ComponentId.appComponents)];
}
