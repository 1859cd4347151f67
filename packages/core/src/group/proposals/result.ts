// RFC 9420 §7.3, §12.2, §13.4: whether a group is valid as a whole, and so what a list of proposals makes of it.
import { ensure, MlsError } from "../../errors.js";
import type { SourcedProposal } from "../../framing/index.js";
import type { RatchetTree } from "../../tree/index.js";
import type { Extension } from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import { checkMembers, type GroupView, requirementsOf } from "../extensions/index.js";
import type { Applied } from "./apply.js";

/**
 * Whether a group with this tree and these GroupContext extensions is valid (§7.3): its keys unique, each member
 * able to do what the group and the other members require, and not larger than the policy allows. Asked about every
 * group that is created, joined, changed or followed. Takes no time that grows with the group.
 * @throws ValidationError, MlsError `limit`
 */
export function checkGroup(config: GroupConfig, tree: RatchetTree, extensions: readonly Extension[]): void {
  const { provider, registry, policy } = config;
  const repeated = tree.duplicateKey();
  ensure(repeated !== "signature_key", "7.3: signature_key must be unique among the members of the group");
  ensure(repeated !== "encryption_key", "7.3: encryption_key must be unique among the members of the group");
  ensure(
    repeated !== "parent_key",
    "12.4.3.1: the encryption key of a parent node must not appear in any other node of the tree",
  );
  checkMembers(tree.summary, requirementsOf(provider.suite, extensions));
  registry.checkExtensions(extensions, "groupContext");
  if (tree.memberCount > policy.maxMembers) {
    throw new MlsError("limit", `expected at most ${policy.maxMembers} members, got ${tree.memberCount}`);
  }
}

/**
 * §13.4, §13.5: whether this client supports the extensions of a group that it is or will be in. Its leaf node may
 * list more: GREASE values.
 * @throws ValidationError
 */
export function checkOwnSupport(
  { provider, ownExtensions }: GroupConfig,
  extensions: readonly Extension[],
): void {
  for (const type of requirementsOf(provider.suite, extensions).extensions) {
    ensure(
      ownExtensions?.has(type) !== false,
      "13.4: a client must support every extension in the GroupContext of its groups",
      () => `extension type ${type}`,
    );
  }
}

/**
 * §12.2: whether the group is valid once a commit is in force.
 * @param tree the tree that the commit leaves: with the path, if it has one
 * @throws ValidationError, MlsError `limit`, or what an extension throws
 */
export function checkOutcome(
  config: GroupConfig,
  before: GroupView,
  proposals: readonly SourcedProposal[],
  applied: Applied,
  tree: RatchetTree,
): void {
  const { custom, extensions } = applied;
  for (const type of new Set(custom.map(({ proposal }) => proposal.proposalType))) {
    ensure(
      isSupported(before, type, applied),
      "12.2: a commit must not contain a proposal of a non-default type that some member who processes it doesn't support",
      () => `proposal type ${type}`,
    );
  }
  config.registry.checkList({ proposals, group: before, extensions, tree: applied.tree });
  checkGroup(config, tree, extensions);
}

/** Whether all members support a proposal type. Those who are removed don't count. */
function isSupported({ tree }: GroupView, type: number, { removed }: Applied): boolean {
  if (tree.summary.supported.proposals.has(type)) return true;
  // Rare: some member doesn't support it, perhaps one that is removed.
  const gone = new Set(removed.map(({ leafIndex }) => leafIndex));
  for (const { leafIndex, leafNode } of tree.members()) {
    if (!gone.has(leafIndex) && !leafNode.capabilities.proposals.includes(type)) return false;
  }
  return true;
}
