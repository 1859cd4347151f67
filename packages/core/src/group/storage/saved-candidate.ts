// RFC 9420 §12.4: staged commits in a saved state.
import { encode, opaque, optional, struct, type TypeOf, uint8, uint32, vector } from "../../codec/index.js";
import type { CipherSuiteProvider } from "../../provider/index.js";
import {
  GroupContext,
  isCustomProposal,
  isProposal,
  LeafNode,
  Proposal,
  ProposalType,
  Sender,
} from "../../wire/index.js";
import type { Candidate, CommitChanges } from "../candidate.js";
import type { GroupConfig } from "../config.js";
import { contextBytes, type Epoch } from "../epoch.js";
import { copied, loadEpoch, SavedChanges, SavedMember, saveMember } from "./saved-epoch.js";
import type { KeyLoader } from "./stored-key.js";

const RemovedMembers = vector(struct({ leafIndex: uint32, leafNode: LeafNode }));
const ListedProposals = vector(struct({ sender: Sender, proposal: Proposal, reference: optional(opaque) }));

/** A staged commit. Public parts are opaque bytes, so that they can be copied, and the saved state overwritten. */
export const SavedCandidate = struct({
  commit: opaque,
  own: uint8,
  committer: uint32,
  external: uint8,
  path: uint8,
  /** ListedProposals */
  proposals: opaque,
  added: vector(uint32),
  updated: vector(uint32),
  /** RemovedMembers */
  removed: opaque,
  authenticatedData: opaque,
  /** `undefined` if it is the current epoch: for who joins by the commit. */
  next: optional(
    struct({
      groupContext: opaque,
      /** SavedChanges to the tree of the current epoch */
      tree: opaque,
      /** `undefined` if the commit removes this client */
      member: optional(SavedMember),
    }),
  ),
  generation: optional(uint32),
  welcome: optional(opaque),
  needsTree: uint8,
  discarded: uint8,
});
type SavedCandidate = TypeOf<typeof SavedCandidate>;

const flag = (value: boolean) => (value ? 1 : 0);

export async function saveCandidate(
  provider: CipherSuiteProvider,
  current: Epoch,
  one: Candidate,
): Promise<SavedCandidate> {
  const { changes, next, epoch } = one;
  const { added, updated, removed } = changes;
  return {
    ...one,
    own: flag(one.own),
    external: flag(one.external),
    path: flag(one.path),
    proposals: encode(ListedProposals, one.proposals),
    added,
    updated,
    removed: encode(RemovedMembers, removed),
    next:
      epoch === current
        ? undefined
        : {
            groupContext: contextBytes(next),
            tree: encode(SavedChanges, current.tree.changesTo(next.tree)),
            member: epoch && (await saveMember(provider, epoch)),
          },
    needsTree: flag(one.needsTree),
    discarded: flag(one.discarded),
  };
}

/** @throws MlsError `state` */
export async function loadCandidate(
  config: GroupConfig,
  current: Epoch,
  saved: SavedCandidate,
  keys: KeyLoader,
): Promise<Candidate> {
  const { next, epoch } = await loadNext(config, current, saved, keys);
  const proposals = copied(ListedProposals, saved.proposals, config.registry.proposalTypes);
  let reinit: CommitChanges["reinit"];
  for (const { proposal } of proposals) if (isProposal(proposal, ProposalType.reinit)) reinit = proposal;
  return {
    commit: saved.commit.slice(),
    own: saved.own === 1,
    committer: saved.committer,
    external: saved.external === 1,
    path: saved.path === 1,
    proposals,
    changes: {
      added: saved.added,
      updated: saved.updated,
      removed: copied(RemovedMembers, saved.removed),
      reinit,
      custom: proposals.flatMap(({ sender, proposal }) =>
        isCustomProposal(proposal) ? [{ sender, proposal }] : [],
      ),
    },
    authenticatedData: saved.authenticatedData.slice(),
    next,
    epoch,
    generation: saved.generation,
    welcome: saved.welcome?.slice(),
    needsTree: saved.needsTree === 1,
    discarded: saved.discarded === 1,
  };
}

async function loadNext(
  config: GroupConfig,
  current: Epoch,
  { next }: SavedCandidate,
  keys: KeyLoader,
): Promise<Pick<Candidate, "next" | "epoch">> {
  if (next === undefined) return { next: current, epoch: current };
  const tree = current.tree.withChanges(copied(SavedChanges, next.tree));
  if (next.member === undefined)
    return { next: { groupContext: copied(GroupContext, next.groupContext), tree }, epoch: undefined };
  const epoch = await loadEpoch(config, next.groupContext, tree, next.member, keys);
  return { next: epoch, epoch };
}
