// RFC 9420 §12.4.2: processing a commit.
import { wipe } from "../../bytes.js";
import { verifyAll } from "../../crypto/index.js";
import { ensure, MlsError } from "../../errors.js";
import type { SourcedProposal } from "../../framing/index.js";
import type { HpkePrivateKey } from "../../provider/index.js";
import {
  decryptPathSecret,
  leafNodeVerifyRequest,
  mergeUpdatePath,
  pruneKeys,
  type RatchetTree,
  type TreeKeys,
} from "../../tree/index.js";
import {
  type AuthenticatedContent,
  type Commit,
  ContentType,
  type Extension,
  GroupContext,
  isProposal,
  type LeafNode,
  LeafNodeSource,
  ProposalOrRefType,
  ProposalType,
  SenderType,
  type UpdatePath,
} from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import { type Epoch, nextEpoch, provisionalContext } from "../epoch.js";
import {
  type Applied,
  applyProposals,
  authenticate,
  blameOne,
  checkAuthorized,
  checkCustomList,
  checkExternalList,
  checkOwnSupport,
  checkProposals,
  checkRegularList,
  checkReplacement,
  checkResult,
  checkSize,
  extensionsAfter,
  leafRules,
} from "../proposals/index.js";
import { pskSecretOf } from "../psks.js";
import { receiveExternalInit } from "./external-init.js";

/** What the group knows of the proposals that were sent by themselves. */
export interface KnownProposals {
  /** The proposal of a ProposalRef. */
  find(reference: Uint8Array): SourcedProposal | undefined;
  /** The private key for an own Update that was proposed, by its proposal's reference. */
  ownLeafKey(reference: Uint8Array): HpkePrivateKey | undefined;
}

/** What a group's public state is in an epoch: all that one knows of it who is no member. */
export interface PublicEpoch {
  readonly groupContext: GroupContext;
  readonly tree: RatchetTree;
  readonly interimTranscriptHash: Uint8Array;
}

/** A commit whose public part was found right. */
export interface StagedCommit {
  readonly commit: Commit;
  readonly applied: Applied;
  /** The tree that the commit gives. */
  readonly tree: RatchetTree;
  readonly extensions: readonly Extension[];
  readonly committer: { readonly leafIndex: number; readonly leafNode: LeafNode };
  readonly proposals: readonly SourcedProposal[];
}

/** What a commit that was received does. */
export interface ProcessedCommit extends StagedCommit {
  /** The new epoch; `undefined` if the commit removes this member. */
  readonly epoch: Epoch | undefined;
}

/** The proposals of a commit, those by reference looked up. @throws MlsError `missing` for an unknown reference */
function resolve(
  commit: Commit,
  sender: AuthenticatedContent["content"]["sender"],
  find: KnownProposals["find"],
): SourcedProposal[] {
  return commit.proposals.map((one) => {
    if (one.type === ProposalOrRefType.proposal) return { proposal: one.proposal, sender };
    const found = find(one.reference);
    if (found === undefined) {
      throw new MlsError("missing", "the commit refers to a proposal that wasn't received");
    }
    return found;
  });
}

/**
 * §12.4.2, as far as it takes no secrets; the message's signature was verified before. Nothing that exists changes.
 * @throws ValidationError, CryptoError, MlsError `missing`, `authentication`, `forbidden`
 */
export async function stageCommit(
  config: GroupConfig,
  epoch: Pick<PublicEpoch, "groupContext" | "tree">,
  authenticated: AuthenticatedContent,
  find: KnownProposals["find"],
): Promise<StagedCommit> {
  const registry = config.registry;
  const { sender, content } = authenticated.content;
  if (content.contentType !== ContentType.commit) throw new MlsError("usage", "this content is no commit");
  const { commit } = content;
  const external = sender.senderType === SenderType.newMemberCommit;
  const proposals = resolve(commit, sender, find);
  if (sender.senderType === SenderType.member) checkRegularList(proposals, sender.leafIndex, registry);
  else {
    ensure(external, "6.1: a commit is sent by a member, or by a new member");
    checkExternalList(proposals, registry);
  }
  const extensions = extensionsAfter(epoch, proposals, registry);
  await checkProposals(config, epoch, proposals, extensions);
  checkAuthorized(config, epoch, proposals, sender);
  const applied = applyProposals(epoch, proposals, registry);
  checkCustomList(config, epoch, proposals, applied);
  ensure(
    commit.path !== undefined || !(applied.pathRequired || external),
    "12.4: the path of a commit must be populated unless all of its proposals do without",
  );
  const leafIndex = sender.senderType === SenderType.member ? sender.leafIndex : applied.tree.leftmostBlank();
  // §12.2: a leaf that joins by an external commit and removes its former self must do as an Update of that.
  const replaced = epoch.tree.leaf(external ? removedBy(proposals) : leafIndex);
  const merged =
    commit.path === undefined
      ? undefined
      : await mergePath(config, epoch, applied, leafIndex, commit.path, replaced);
  const tree = merged ?? applied.tree;
  try {
    checkResult(config, tree, extensions);
    checkSize(config, tree);
  } catch (error) {
    throw blameOne(config, epoch, proposals, error);
  }
  const committer = { leafIndex, leafNode: tree.leaf(leafIndex) as LeafNode };
  return { commit, applied, tree, extensions, committer, proposals };
}

/**
 * §12.4.2, from the check of the proposals on; the message's signature was verified before. Nothing that exists
 * changes.
 * @throws ValidationError, CryptoError, MlsError `missing`, `authentication`, `forbidden`
 */
export async function processCommit(
  config: GroupConfig,
  epoch: Epoch,
  authenticated: AuthenticatedContent,
  known: KnownProposals,
): Promise<ProcessedCommit> {
  const { provider } = config;
  const staged = await stageCommit(config, epoch, authenticated, known.find);
  const { commit, applied, tree, extensions, committer, proposals } = staged;
  const own = epoch.keys.leafIndex;
  if (applied.removed.some(({ leafIndex }) => leafIndex === own)) return { ...staged, epoch: undefined };

  checkOwnSupport(config, extensions);
  const ownUpdate = proposals.find(
    ({ reference }) => reference !== undefined && known.ownLeafKey(reference) !== undefined,
  )?.reference;
  const newLeafKey = ownUpdate && known.ownLeafKey(ownUpdate);
  let keys: TreeKeys = newLeafKey === undefined ? epoch.keys : { ...epoch.keys, leafKey: newLeafKey };
  keys = pruneKeys(keys, applied.tree);
  const zero = () => new Uint8Array(provider.suite.hash.Nh);
  const secrets: { commit: Uint8Array; psk: Uint8Array; init: Uint8Array | undefined } = {
    commit: zero(),
    psk: zero(),
    init: undefined,
  };
  try {
    secrets.psk = await pskSecretOf(config, applied.psks);
    if (applied.externalInit !== undefined)
      secrets.init = await receiveExternalInit(provider, epoch.secrets.externalSecret, applied.externalInit);
    if (commit.path !== undefined) {
      const context = provisionalContext(epoch, await tree.treeHash(provider), extensions);
      const opened = await decryptPathSecret(
        provider,
        tree,
        keys,
        committer.leafIndex,
        commit.path,
        new Set(applied.added.map(({ leafIndex }) => leafIndex)),
        GroupContext.encoding(context),
      );
      keys = opened.keys;
      secrets.commit = opened.commitSecret;
    }
    const next = await nextEpoch(config, epoch, authenticated, {
      tree,
      extensions,
      keys,
      commitSecret: secrets.commit,
      pskSecret: secrets.psk,
      initSecret: secrets.init ?? epoch.secrets.initSecret,
    });
    wipe(next.joinerSecret);
    return { ...staged, epoch: next.epoch };
  } finally {
    wipe(secrets.commit, secrets.psk, secrets.init);
  }
}

/** The leaf that a Remove among the proposals is about; none for -1. */
function removedBy(proposals: readonly SourcedProposal[]): number {
  for (const { proposal } of proposals) {
    if (isProposal(proposal, ProposalType.remove)) return proposal.removed;
  }
  return -1;
}

/** Validates the path's leaf node (§7.3), and merges the path (§7.5) into the tree of the proposals. */
async function mergePath(
  config: GroupConfig,
  epoch: Pick<PublicEpoch, "groupContext" | "tree">,
  applied: Applied,
  committer: number,
  path: UpdatePath,
  replaced: LeafNode | undefined,
): Promise<RatchetTree> {
  const { provider } = config;
  const { groupId } = epoch.groupContext;
  const { leafNode } = path;
  checkReplacement(leafNode, LeafNodeSource.commit, replaced, leafRules(config, applied.extensions));
  const [valid] = await verifyAll(provider, [leafNodeVerifyRequest(leafNode, groupId, committer)]);
  ensure(valid === true, "7.3: the signature on the LeafNode must be valid using signature_key");
  await authenticate(config, groupId, leafNode, replaced?.credential);
  const exclude = new Set(applied.added.map(({ leafIndex }) => leafIndex));
  return mergeUpdatePath(provider, applied.tree, committer, path, exclude);
}
