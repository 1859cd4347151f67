// RFC 9420 §12.4: staged commits in a saved state.
import { opaque, optional, struct, type TypeOf, uint32, vector } from "../../codec/index.js";
import { SecretTree } from "../../schedule/index.js";
import {
  GroupContext,
  isCustomProposal,
  LeafNode,
  ofType,
  Proposal,
  ProposalType,
  Sender,
} from "../../wire/index.js";
import type { Candidate } from "../candidate.js";
import type { GroupConfig } from "../config.js";
import type { Epoch } from "../epoch.js";
import { flag, later, nested, ownBytes, publicBytes } from "./fields.js";
import {
  loadEpoch,
  loadLedgers,
  SavedChanges,
  SavedLedger,
  SavedMember,
  SavedPieces,
  savedLedgers,
  saveMember,
} from "./saved-epoch.js";
import type { LoadKey, Saver } from "./stored-key.js";

/** A staged commit. */
export const SavedCandidate = struct({
  commit: ownBytes,
  own: flag,
  committer: uint32,
  external: flag,
  path: flag,
  proposals: later(vector(struct({ sender: Sender, proposal: Proposal, reference: optional(opaque) }))),
  added: vector(uint32),
  updated: vector(uint32),
  removed: nested(vector(struct({ leafIndex: uint32, leafNode: LeafNode }))),
  authenticatedData: publicBytes,
  /** `undefined` if it is the current epoch: for who joins by the commit. */
  next: optional(
    struct({
      groupContext: nested(GroupContext),
      /** The changes to the tree of the current epoch. */
      tree: nested(SavedChanges),
      /** `undefined` if the commit removes this client */
      member: optional(
        struct({ ...SavedMember.fields, secretTree: SavedPieces, ledgers: vector(SavedLedger) }),
      ),
    }),
  ),
  generation: optional(uint32),
  welcome: optional(ownBytes),
  needsTree: flag,
  discarded: flag,
});
type SavedCandidate = TypeOf<typeof SavedCandidate>;

export async function saveCandidate(save: Saver, current: Epoch, one: Candidate): Promise<SavedCandidate> {
  const { changes, next, epoch } = one;
  return {
    ...one,
    ...changes,
    proposals: () => one.proposals,
    next:
      epoch === current
        ? undefined
        : {
            groupContext: next.groupContext,
            tree: current.tree.changesTo(next.tree),
            member: epoch && {
              ...(await saveMember(save, epoch)),
              secretTree: save.secretTree(epoch.secretTree),
              ledgers: savedLedgers(save, epoch),
            },
          },
  };
}

/** @throws MlsError `state` */
export async function loadCandidate(
  config: GroupConfig,
  current: Epoch,
  { added, updated, removed, next: savedNext, ...saved }: SavedCandidate,
  loadKey: LoadKey,
): Promise<Candidate> {
  const { next, epoch } = await loadNext(config, current, savedNext, loadKey);
  const proposals = saved.proposals();
  const [reinit] = ofType(proposals, ProposalType.reinit);
  const custom = proposals.flatMap(({ sender, proposal }) =>
    isCustomProposal(proposal) ? [{ sender, proposal }] : [],
  );
  return { ...saved, proposals, changes: { added, updated, removed, reinit, custom }, next, epoch };
}

async function loadNext(
  config: GroupConfig,
  current: Epoch,
  next: SavedCandidate["next"],
  loadKey: LoadKey,
): Promise<Pick<Candidate, "next" | "epoch">> {
  if (next === undefined) return { next: current, epoch: current };
  const { groupContext, member } = next;
  const tree = current.tree.withChanges(next.tree);
  if (member === undefined) return { next: { groupContext, tree }, epoch: undefined };
  const { provider, policy } = config;
  const secretTree = SecretTree.load(provider, tree, member.secretTree, policy.ratchets);
  const used = { secretTree, ledgers: loadLedgers(config, member.ledgers) };
  const epoch = await loadEpoch(config, groupContext, tree, member, used, loadKey);
  return { next: epoch, epoch };
}
