// RFC 9420 §12.3: applying a list of proposals.
import { ensure } from "../../errors.js";
import type { CommittedProposal, SourcedProposal } from "../../framing/index.js";
import type { RatchetTree } from "../../tree/index.js";
import {
  type Extension,
  isCustomProposal,
  isProposal,
  type KeyPackage,
  type LeafNode,
  ofType,
  type PreSharedKeyID,
  type Proposal,
  ProposalType,
  type ReInit,
  SenderType,
} from "../../wire/index.js";
import type { CommitChanges } from "../candidate.js";
import type { Epoch } from "../epoch.js";
import type { Registry } from "../extensions/index.js";

/** A member that a commit adds. */
export interface AddedMember {
  readonly leafIndex: number;
  readonly keyPackage: KeyPackage;
}

/** The group after a list of proposals. */
export interface Applied {
  readonly tree: RatchetTree;
  readonly extensions: readonly Extension[];
  readonly added: readonly AddedMember[];
  readonly removed: readonly { readonly leafIndex: number; readonly leafNode: LeafNode }[];
  readonly updated: readonly { readonly leafIndex: number; readonly leafNode: LeafNode }[];
  /** In the order of the proposals. */
  readonly psks: readonly PreSharedKeyID[];
  readonly reinit: ReInit | undefined;
  /** The `kem_output` of an ExternalInit. */
  readonly externalInit: Uint8Array | undefined;
  /** The proposals of registered types, in the order of the list. */
  readonly custom: readonly CommittedProposal[];
  /** Whether a commit of these proposals must have a path (§12.4). */
  readonly pathRequired: boolean;
}

/** RFC 9420 §17.4, column "Path Required" */
const WITHOUT_PATH: ReadonlySet<number> = /* @__PURE__ */ new Set([
  ProposalType.add,
  ProposalType.psk,
  ProposalType.reinit,
]);

/** The extensions of a list's GroupContextExtensions proposal; without one, those of the epoch. */
export function statedExtensions(
  epoch: Pick<Epoch, "groupContext">,
  proposals: readonly SourcedProposal[],
): readonly Extension[] {
  const [stated] = ofType(proposals, ProposalType.groupContextExtensions);
  return (stated ?? epoch.groupContext).extensions;
}

/** The GroupContext extensions after a list of proposals. @throws what an extension throws */
export function extensionsAfter(
  epoch: Pick<Epoch, "groupContext">,
  proposals: readonly SourcedProposal[],
  registry: Registry,
): readonly Extension[] {
  return registry.changeExtensions(statedExtensions(epoch, proposals), proposals);
}

function needsPath(proposal: Proposal, registry: Registry): boolean {
  if (isCustomProposal(proposal)) return registry.need(proposal).pathRequired;
  return !WITHOUT_PATH.has(proposal.proposalType);
}

/** Applies a list that was checked before (§12.3): O(log n) steps for each proposal in a group of n. */
export function applyProposals(
  epoch: Pick<Epoch, "groupContext" | "tree">,
  proposals: readonly SourcedProposal[],
  registry: Registry,
  extensions = extensionsAfter(epoch, proposals, registry),
): Applied {
  let { tree } = epoch;
  const adds = ofType(proposals, ProposalType.add);
  const updated = proposals.flatMap(({ proposal, sender }) =>
    isProposal(proposal, ProposalType.update) && sender.senderType === SenderType.member
      ? [{ leafIndex: sender.leafIndex, leafNode: proposal.leafNode }]
      : [],
  );
  const removed = proposals.flatMap((sourced) => {
    const { proposal } = sourced;
    const isRemove = isProposal(proposal, ProposalType.remove);
    const leafIndex = isRemove ? proposal.removed : registry.removes(sourced);
    if (leafIndex === undefined) return [];
    const leafNode = tree.leaf(leafIndex);
    ensure(
      leafNode !== undefined,
      "12.1.3: removed must identify a non-blank leaf node",
      `leaf ${leafIndex}`,
    );
    return [{ leafIndex, leafNode }];
  });
  for (const { leafIndex, leafNode } of updated) tree = tree.update(leafIndex, leafNode);
  for (const { leafIndex } of removed) tree = tree.remove(leafIndex);
  const { tree: after, leafIndices } = tree.addAll(adds.map(({ keyPackage }) => keyPackage.leafNode));
  return {
    tree: after,
    extensions,
    added: adds.map(({ keyPackage }, i) => ({ keyPackage, leafIndex: leafIndices[i] as number })),
    removed,
    updated,
    psks: ofType(proposals, ProposalType.psk).map(({ psk }) => psk),
    reinit: ofType(proposals, ProposalType.reinit)[0],
    externalInit: ofType(proposals, ProposalType.externalInit)[0]?.kemOutput,
    custom: proposals.flatMap(({ proposal, sender }) =>
      isCustomProposal(proposal) ? [{ proposal, sender }] : [],
    ),
    pathRequired: proposals.length === 0 || proposals.some(({ proposal }) => needsPath(proposal, registry)),
  };
}

/** The changes that the application is told about. */
export function changesOf(applied: Applied): CommitChanges {
  return {
    added: applied.added.map(({ leafIndex }) => leafIndex),
    updated: applied.updated.map(({ leafIndex }) => leafIndex),
    removed: applied.removed,
    reinit: applied.reinit,
    custom: applied.custom,
  };
}
