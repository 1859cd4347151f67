// RFC 9420 §12.2, §13.2: proposals of types that extensions registered.
import { ensure } from "../../errors.js";
import type { SourcedProposal } from "../../framing/index.js";
import type { GroupConfig } from "../config.js";
import type { GroupView } from "../extensions/index.js";
import type { Applied } from "./apply.js";

/**
 * §12.2: whether proposals of registered types may be committed, as far as that depends on the others and on the
 * members: those who process the commit must support the types.
 * @throws ValidationError, or what an extension throws
 */
export function checkCustomList(
  config: GroupConfig,
  group: GroupView,
  proposals: readonly SourcedProposal[],
  applied: Applied,
): void {
  const types = new Set(applied.custom.map(({ proposal }): number => proposal.proposalType));
  for (const type of types) {
    ensure(
      isSupported(group, type, applied),
      "12.2: a commit must not contain a proposal of a non-default type that some member who processes it doesn't support",
      () => `proposal type ${type}`,
    );
  }
  config.registry.checkList({
    proposals,
    group,
    extensions: applied.extensions,
    tree: applied.tree,
  });
}

/** Whether all members support a proposal type, but for those who are removed. */
function isSupported({ tree }: GroupView, type: number, { removed }: Applied): boolean {
  if (tree.summary.supported.proposals.has(type)) return true;
  // Seldom: some member doesn't support it, who may be one that is removed.
  const gone = new Set(removed.map(({ leafIndex }) => leafIndex));
  for (const { leafIndex, leafNode } of tree.members()) {
    if (!gone.has(leafIndex) && !leafNode.capabilities.proposals.includes(type)) return false;
  }
  return true;
}
