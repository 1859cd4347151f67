// RFC 9420 §7.3, §12.2, §13.4: whether a group is valid, such as the group after a commit.
import { ensure, MlsError } from "../../errors.js";
import type { SourcedProposal } from "../../framing/index.js";
import { type RatchetTree, supportOf } from "../../tree/index.js";
import { type Extension, isGrease, type LeafNode } from "../../wire/index.js";
import { sameClient } from "../authentication.js";
import type { GroupConfig } from "../config.js";
import { checkMembers, type GroupView, requirementsOf } from "../extensions/index.js";
import type { Applied } from "./apply.js";

/**
 * Checks a group with this tree and these GroupContext extensions (§7.3): its keys are unique, and each member supports
 * what the group and the other members use. Called for every group that is created, joined, changed or followed. Takes
 * constant time in the size of the group.
 * @throws ValidationError
 */
export function checkGroup(config: GroupConfig, tree: RatchetTree, extensions: readonly Extension[]): void {
  const { provider, registry } = config;
  const duplicate = tree.duplicateKey();
  ensure(duplicate !== "signature_key", "7.3: signature_key must be unique among the members of the group");
  ensure(duplicate !== "encryption_key", "7.3: encryption_key must be unique among the members of the group");
  ensure(
    duplicate !== "parent_key",
    "12.4.3.1: the encryption key of a parent node must not appear in any other node of the tree",
  );
  checkMembers(tree.summary, requirementsOf(provider.suite, extensions));
  registry.checkExtensions(extensions, "groupContext", extensions);
}

/**
 * §13.4, §13.5: checks that this client supports a group's extensions. Uses the client's own list, because its leaf
 * node may list GREASE values too.
 * @throws ValidationError
 */
export function checkOwnSupport({ provider, own }: GroupConfig, extensions: readonly Extension[]): void {
  for (const type of requirementsOf(provider.suite, extensions).extensions) {
    ensure(
      own?.extensions.includes(type) !== false,
      "13.4: a client must support every extension in the GroupContext of its groups",
      () => `extension type ${type}`,
    );
  }
}

/**
 * Checks that this client still supports what its leaf node tells the others that it supports (§7.2): else they would
 * go on without it, as soon as they use it.
 * @throws MlsError `usage`
 */
export function checkOwnLeaf({ own }: GroupConfig, { capabilities }: Pick<LeafNode, "capabilities">): void {
  if (own === undefined) return;
  const missing = (["extensions", "proposals", "credentials"] as const).flatMap((list) =>
    capabilities[list]
      .filter((type) => !own[list].includes(type) && !isGrease(type))
      .map((type) => `${list.slice(0, -1)} type ${type}`),
  );
  if (missing.length > 0) {
    const listed = missing.slice(0, 8).join(", ");
    throw new MlsError(
      "usage",
      `expected a client that supports what its leaf node lists, but it doesn't support ${listed}: create it with these extensions and capabilities`,
    );
  }
}

/**
 * §12.2: checks the group after a commit.
 * @param tree the tree after the commit: with the path, if it has one
 * @param leaves those to check for changed extensions. Default: all
 * @throws ValidationError, or what an extension throws
 */
export function checkOutcome(
  config: GroupConfig,
  before: GroupView,
  proposals: readonly SourcedProposal[],
  applied: Applied,
  tree: RatchetTree,
  leaves: (tree: RatchetTree) => Iterable<LeafNode> = leavesOf,
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
  if (extensions !== before.groupContext.extensions) checkChange(config, applied, leaves(tree));
  checkClients(config, applied, tree);
}

/**
 * §7.3, §12.1.7: after a change of the group's extensions, every leaf must fit the new ones, and so must every key
 * package that was checked for the old ones: else no new member could join.
 */
function checkChange({ registry }: GroupConfig, { extensions, added }: Applied, leaves: Iterable<LeafNode>) {
  if (registry.definitions.length === 0) return;
  for (const leafNode of leaves) registry.checkLeafNode(leafNode, extensions);
  for (const { keyPackage } of added)
    registry.checkExtensions(keyPackage.extensions, "keyPackage", extensions);
}

function* leavesOf(tree: RatchetTree): Iterable<LeafNode> {
  for (const { leafNode } of tree.members()) yield leafNode;
}

/**
 * §12.2: no client is added that is a member already, or that the same commit adds too. By default, clients are the
 * same if their signature keys are: {@link checkGroup} refuses that. An application's own rule is asked about each
 * added member and each other one.
 */
function checkClients(config: GroupConfig, { added }: Applied, tree: RatchetTree): void {
  if (config.authentication.sameClient === undefined) return;
  for (const { leafIndex, keyPackage } of added) {
    for (const other of tree.members()) {
      ensure(
        other.leafIndex === leafIndex || sameClient(config, keyPackage.leafNode, other.leafNode) !== true,
        "12.2: a commit must not add a client that is already in the group",
        () => `the client at leaf ${other.leafIndex}`,
      );
    }
  }
}

/** Whether all members except the removed ones support a proposal type. */
function isSupported({ tree }: GroupView, type: number, { removed }: Applied): boolean {
  if (tree.summary.supported.proposals.has(type)) return true;
  // Rare: some member doesn't support it, perhaps a removed one.
  const removedLeaves = new Set(removed.map(({ leafIndex }) => leafIndex));
  for (const { leafIndex, leafNode } of tree.members()) {
    if (!removedLeaves.has(leafIndex) && !supportOf(leafNode).proposals.has(type)) return false;
  }
  return true;
}
