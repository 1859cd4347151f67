// RFC 9420 §12.4.2: processing a commit, by members and by followers.
import { type Bytes, copied, equalSecret, wipe } from "../../bytes.js";
import { verifyOwnSignatures } from "../../crypto/index.js";
import { ensure, MlsError } from "../../errors.js";
import type { SourcedProposal } from "../../framing/index.js";
import type { HpkePrivateKey } from "../../provider/index.js";
import {
  decryptPathSecret,
  leafNodeVerifyRequest,
  mergeUpdatePath,
  pruneKeys,
  type RatchetTree,
} from "../../tree/index.js";
import {
  type AuthenticatedContent,
  type Commit,
  ContentType,
  GroupContext,
  type LeafNode,
  LeafNodeSource,
  ProposalOrRefType,
  type Sender,
  SenderType,
  type UpdatePath,
} from "../../wire/index.js";
import { authenticate } from "../authentication.js";
import type { GroupConfig } from "../config.js";
import {
  type CommitSecrets,
  type Epoch,
  nextEpoch,
  nextGroupContext,
  type PublicEpoch,
  provisionalContext,
  wipeEpoch,
} from "../epoch.js";
import { memberOf } from "../member.js";
import {
  type Applied,
  authorizeCommit,
  checkOwnSupport,
  checkReplacement,
  checkResult,
  leafRules,
  type Replacement,
  replacedLeaf,
  validateProposals,
} from "../proposals/index.js";
import { pskSecretOf } from "../psks.js";
import { receiveExternalInit } from "./external.js";

/** A commit whose public part is valid, and the public part of the epoch that it starts. */
export interface ProcessedCommit {
  readonly authenticated: AuthenticatedContent;
  readonly path: UpdatePath | undefined;
  readonly proposals: readonly SourcedProposal[];
  readonly applied: Applied;
  readonly committer: { readonly leafIndex: number; readonly leafNode: LeafNode };
  readonly groupContext: GroupContext;
  readonly tree: RatchetTree;
  /** `Nh` bytes. Only members can verify it: {@link openEpoch}. */
  readonly confirmationTag: Uint8Array;
}

/**
 * The part of §12.4.2 that needs no secrets. Call it after the message's signature was verified. Nothing changes.
 * @param find returns the received proposal with a ProposalRef
 * @throws ValidationError, CryptoError, MlsError `missing`, `authentication`, `forbidden`, `limit`
 */
export async function processCommit(
  config: GroupConfig,
  epoch: PublicEpoch,
  authenticated: AuthenticatedContent,
  find: (reference: Uint8Array) => SourcedProposal | undefined,
): Promise<ProcessedCommit> {
  const { provider } = config;
  const { sender, content } = authenticated.content;
  if (content.contentType !== ContentType.commit) {
    throw new MlsError("usage", `expected a commit, got content type ${content.contentType}`);
  }
  const { commit } = content;
  const proposals = resolve(commit, sender, find);
  const applied = await validateProposals(config, epoch, proposals, sender, "receiving");
  const external = sender.senderType !== SenderType.member;
  ensure(
    commit.path !== undefined || !(applied.pathRequired || external),
    "12.4: the path of a commit must be populated unless all of its proposals do without",
  );
  const leafIndex = external ? applied.tree.leftmostBlank() : sender.leafIndex;
  const replaces = replacedLeaf(epoch, sender, proposals);
  const tree =
    commit.path === undefined
      ? applied.tree
      : await mergePath(config, epoch, applied, leafIndex, commit.path, replaces);
  checkResult(config, epoch, proposals, applied, tree);
  const { confirmationTag } = authenticated.auth;
  ensure(
    confirmationTag?.length === provider.suite.hash.Nh,
    "6.1: the confirmation tag of a commit is a MAC of the suite",
  );
  const leafNode = tree.leaf(leafIndex) as LeafNode;
  const { extensions } = applied;
  await authorizeCommit(config, epoch, {
    committer: sender,
    own: false,
    exact: true,
    path: commit.path !== undefined,
    proposals,
    tree,
    extensions,
    member: () => memberOf(leafIndex, leafNode),
  });
  return {
    authenticated,
    path: commit.path,
    proposals,
    applied,
    committer: { leafIndex, leafNode },
    groupContext: await nextGroupContext(provider, epoch, authenticated, tree, extensions),
    tree,
    confirmationTag,
  };
}

/** The proposals of a commit. @throws MlsError `proposal-missing` with all references that aren't known */
function resolve(
  commit: Commit,
  sender: Sender,
  find: (reference: Uint8Array) => SourcedProposal | undefined,
): SourcedProposal[] {
  const references: Bytes[] = [];
  const found = commit.proposals.flatMap((one) => {
    if (one.type === ProposalOrRefType.proposal) return { proposal: one.proposal, sender };
    const known = find(one.reference);
    if (known === undefined) references.push(copied(one.reference));
    return known ?? [];
  });
  if (references.length > 0) {
    throw new MlsError(
      "proposal-missing",
      `the commit refers to proposals that weren't received: ${references.length} of ${commit.proposals.length}`,
      { references },
    );
  }
  return found;
}

/** Validates the path's leaf node (§7.3), and merges the path (§7.5) into the tree after the proposals. */
async function mergePath(
  config: GroupConfig,
  epoch: PublicEpoch,
  applied: Applied,
  committer: number,
  path: UpdatePath,
  replaces: Replacement | undefined,
): Promise<RatchetTree> {
  const { provider } = config;
  const { groupId } = epoch.groupContext;
  const { leafNode } = path;
  const rules = leafRules(config, applied.extensions, "receiving");
  checkReplacement(leafNode, LeafNodeSource.commit, replaces?.old, rules);
  const valid = await verifyOwnSignatures(provider, [leafNodeVerifyRequest(leafNode, groupId, committer)]);
  ensure(valid, "7.3: the signature on the LeafNode must be valid using signature_key");
  await authenticate(config, groupId, { identity: leafNode, role: "member", replaces });
  return mergeUpdatePath(provider, applied.tree, committer, path, addedLeaves(applied));
}

function addedLeaves({ added }: Applied): ReadonlySet<number> {
  return new Set(added.map(({ leafIndex }) => leafIndex));
}

/**
 * The part of §12.4.2 that needs a member's secrets: the epoch that a processed commit starts.
 * @param ownLeafKey returns the private key of an own Update with a ProposalRef
 * @returns `undefined` if the commit removes this member
 * @throws ValidationError, CryptoError, MlsError `missing`
 */
export async function openEpoch(
  config: GroupConfig,
  epoch: Epoch,
  processed: ProcessedCommit,
  ownLeafKey: (reference: Uint8Array) => HpkePrivateKey | undefined,
): Promise<Epoch | undefined> {
  const { provider } = config;
  const { applied, groupContext, tree, path } = processed;
  const { leafIndex } = epoch.keys;
  if (applied.removed.some((one) => one.leafIndex === leafIndex)) return undefined;
  checkOwnSupport(config, applied.extensions);
  const zero = () => new Uint8Array(provider.suite.hash.Nh);
  const { initSecret } = epoch.secrets;
  const secrets: { -readonly [K in keyof CommitSecrets]: CommitSecrets[K] } = {
    commitSecret: zero(),
    pskSecret: zero(),
    initSecret,
  };
  try {
    secrets.pskSecret = await pskSecretOf(config, applied.psks);
    if (applied.externalInit !== undefined) {
      const { externalSecret } = epoch.secrets;
      secrets.initSecret = await receiveExternalInit(provider, externalSecret, applied.externalInit);
    }
    let keys = keysAfter(epoch, processed, ownLeafKey);
    if (path !== undefined) {
      const { treeHash } = groupContext;
      const context = GroupContext.encoding(provisionalContext(epoch, treeHash, applied.extensions));
      const { leafIndex: sender } = processed.committer;
      const added = addedLeaves(applied);
      const opened = await decryptPathSecret(provider, tree, keys, sender, path, added, context);
      keys = opened.keys;
      secrets.commitSecret = opened.commitSecret;
    }
    const next = await nextEpoch(config, { groupContext, tree, keys }, secrets);
    wipe(next.joinerSecret);
    if (!equalSecret(next.epoch.confirmationTag, processed.confirmationTag)) {
      wipeEpoch(next.epoch);
      ensure(false, "12.4.2: the confirmation tag must be the one that the new epoch gives");
    }
    return next.epoch;
  } finally {
    wipe(secrets.commitSecret, secrets.pskSecret);
    if (secrets.initSecret !== initSecret) wipe(secrets.initSecret);
  }
}

/** The member's keys after the proposals: with a new leaf key if its own Update is among them. */
function keysAfter(
  { keys }: Epoch,
  { proposals, applied }: ProcessedCommit,
  ownLeafKey: (reference: Uint8Array) => HpkePrivateKey | undefined,
): Epoch["keys"] {
  for (const { reference } of proposals) {
    const leafKey = reference && ownLeafKey(reference);
    if (leafKey !== undefined) return pruneKeys({ ...keys, leafKey }, applied.tree);
  }
  return pruneKeys(keys, applied.tree);
}
