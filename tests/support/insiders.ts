// RFC 9420 §6, §12: insiders, who send invalid messages with valid signatures and MACs.

import type { Group, Signer } from "@copse/core";
import { encode } from "../../packages/core/src/codec/codec.js";
import { signContent } from "../../packages/core/src/framing/authentication.js";
import type { SourcedProposal } from "../../packages/core/src/framing/sourced-proposal.js";
import { protect } from "../../packages/core/src/group/commit/build.js";
import type { GroupConfig } from "../../packages/core/src/group/config.js";
import {
  contextBytes,
  type Epoch,
  nextEpoch,
  nextGroupContext,
  provisionalContext,
} from "../../packages/core/src/group/epoch.js";
import { Registry } from "../../packages/core/src/group/extensions/registry.js";
import { type Applied, applyProposals } from "../../packages/core/src/group/proposals/apply.js";
import { loadState } from "../../packages/core/src/group/storage/saved-group.js";
import { signLeafNode } from "../../packages/core/src/tree/leaf-node.js";
import { pruneKeys } from "../../packages/core/src/tree/tree-keys.js";
import { type CreatedUpdatePath, createUpdatePath } from "../../packages/core/src/tree/treekem.js";
import { type Commit, ProposalOrRefType } from "../../packages/core/src/wire/commit.js";
import {
  type Content,
  ContentType,
  type FramedContent,
  type Sender,
  SenderType,
  WireFormat,
} from "../../packages/core/src/wire/framed-content.js";
import { GroupContext } from "../../packages/core/src/wire/group-context.js";
import type { LeafNode } from "../../packages/core/src/wire/leaf-node.js";
import type { Proposal } from "../../packages/core/src/wire/proposal.js";
import type { UpdatePath } from "../../packages/core/src/wire/update-path.js";
import type { Party } from "./clients.js";

/** A member's own state, in the hands of somebody who ignores the rules. */
export interface Insider {
  readonly config: GroupConfig;
  readonly signer: Signer;
  readonly epoch: Epoch;
}

export async function insider({ config, signer }: Party, group: Group): Promise<Insider> {
  return { config, signer, epoch: (await loadState(config, await group.save())).state.current };
}

export interface Framing {
  readonly sender?: Sender;
  readonly epoch?: bigint;
  readonly groupId?: Uint8Array;
  readonly authenticatedData?: Uint8Array;
  readonly confirmationTag?: Uint8Array;
  readonly wireFormat?: 1 | 2;
}

/** Any content, with a good signature and a good membership tag, or well encrypted. */
export async function frame(from: Insider, content: Content, how: Framing = {}): Promise<Uint8Array> {
  const { config, epoch, signer } = from;
  const wireFormat = how.wireFormat ?? WireFormat.publicMessage;
  const framed: FramedContent = {
    groupId: how.groupId ?? epoch.groupContext.groupId,
    epoch: how.epoch ?? epoch.groupContext.epoch,
    sender: how.sender ?? { senderType: SenderType.member, leafIndex: epoch.keys.leafIndex },
    authenticatedData: how.authenticatedData ?? new Uint8Array(),
    content,
  };
  const signature = await signContent(signer, wireFormat, framed, contextBytes(epoch));
  const isCommit = content.contentType === ContentType.commit;
  const confirmationTag = isCommit
    ? (how.confirmationTag ?? new Uint8Array(config.provider.suite.hash.Nh))
    : undefined;
  return protect(config, epoch, epoch, { wireFormat, content: framed, auth: { signature, confirmationTag } });
}

/** What a commit is made of that ignores the rules. */
export interface Forgery extends Framing {
  /** The proposals, by value unless they have a reference. */
  readonly proposals?: readonly SourcedProposal[];
  /** What becomes of the path; `"none"` leaves it out. */
  readonly path?: "none" | ((made: CreatedUpdatePath, applied: Applied) => Promise<UpdatePath> | UpdatePath);
  /** Whether the confirmation tag is right though the path was changed: so it is for members whose part wasn't. */
  readonly isConfirmed?: boolean;
}

/** A forged commit, and the epoch that it starts for whoever takes it: `undefined` if nobody can. */
export interface Forged {
  readonly message: Uint8Array;
  readonly next: Epoch | undefined;
}

/** A good path for these proposals. */
export function goodPath({ config, epoch, signer }: Insider, applied: Applied): Promise<CreatedUpdatePath> {
  const sender = epoch.keys.leafIndex;
  const { credential, capabilities, extensions } = applied.tree.leaf(sender) as LeafNode;
  return createUpdatePath(config.provider, applied.tree, {
    sender,
    unsignedLeaf: { credential, capabilities, extensions, signatureKey: signer.publicKey },
    signer,
    groupId: epoch.groupContext.groupId,
    exclude: new Set(applied.added.map(({ leafIndex }) => leafIndex)),
    groupContext: (treeHash) => encode(GroupContext, provisionalContext(epoch, treeHash, applied.extensions)),
  });
}

/** A leaf node with other contents, well signed for its place. */
export async function resigned(
  { epoch, signer }: Insider,
  leafNode: LeafNode,
  changes: Partial<LeafNode>,
  by: Signer = signer,
): Promise<LeafNode> {
  const { groupId } = epoch.groupContext;
  const { signature: _, ...unsigned } = { ...leafNode, ...changes };
  return signLeafNode(by, unsigned, { groupId, leafIndex: epoch.keys.leafIndex });
}

function tryToApply(epoch: Epoch, proposals: readonly SourcedProposal[]): Applied | undefined {
  try {
    return applyProposals(epoch, proposals, new Registry());
  } catch {
    return undefined;
  }
}

/**
 * A commit in a public message. Where the proposals can be applied at all and the path is left as it is, its
 * confirmation tag is right; else the tag is zero, for what is asked for is a refusal before that.
 */
export async function forge(from: Insider, forgery: Forgery = {}): Promise<Uint8Array> {
  return (await forgeEpoch(from, forgery)).message;
}

/** {@link forge}, with the epoch that it starts. */
export async function forgeEpoch(from: Insider, forgery: Forgery = {}): Promise<Forged> {
  const unconfirmable = async (content: Content) => ({
    message: await frame(from, content, forgery),
    next: undefined,
  });
  const { config, epoch, signer } = from;
  const proposals = forgery.proposals ?? [];
  const listed: Commit["proposals"] = proposals.map(({ proposal, reference }) =>
    reference === undefined
      ? { type: ProposalOrRefType.proposal, proposal }
      : { type: ProposalOrRefType.reference, reference },
  );
  const applied = tryToApply(epoch, proposals);
  if (applied?.tree.leaf(epoch.keys.leafIndex) === undefined) {
    const commit = { proposals: listed, path: undefined };
    return unconfirmable({ contentType: ContentType.commit, commit });
  }
  const { provider } = config;
  const made = forgery.path === "none" ? undefined : await goodPath(from, applied);
  const path =
    typeof forgery.path === "function" && made !== undefined
      ? await forgery.path(made, applied)
      : made?.updatePath;
  const content: Content = { contentType: ContentType.commit, commit: { proposals: listed, path } };
  const isChanged = path !== made?.updatePath && forgery.isConfirmed !== true;
  if (isChanged || forgery.confirmationTag !== undefined || forgery.sender !== undefined)
    return unconfirmable(content);
  const wireFormat = forgery.wireFormat ?? WireFormat.publicMessage;
  const framed: FramedContent = {
    groupId: forgery.groupId ?? epoch.groupContext.groupId,
    epoch: forgery.epoch ?? epoch.groupContext.epoch,
    sender: { senderType: SenderType.member, leafIndex: epoch.keys.leafIndex },
    authenticatedData: forgery.authenticatedData ?? new Uint8Array(),
    content,
  };
  const signature = await signContent(signer, wireFormat, framed, contextBytes(epoch));
  const tree = made?.tree ?? applied.tree;
  const unconfirmed = { wireFormat, content: framed, auth: { signature, confirmationTag: undefined } };
  const groupContext = await nextGroupContext(provider, epoch, unconfirmed, tree, applied.extensions);
  const keys = made?.keys ?? pruneKeys(epoch.keys, applied.tree);
  const zero = new Uint8Array(provider.suite.hash.Nh);
  const next = await nextEpoch(
    config,
    { groupContext, tree, keys },
    { commitSecret: made?.commitSecret ?? zero, pskSecret: zero, initSecret: epoch.secrets.initSecret },
  );
  const auth = { signature, confirmationTag: next.epoch.confirmationTag };
  const message = await protect(config, epoch, epoch, { wireFormat, content: framed, auth });
  return { message, next: next.epoch };
}

/** Proposals by value, of a committer at this leaf. */
export function by(leafIndex: number, ...proposals: readonly Proposal[]): SourcedProposal[] {
  return proposals.map((proposal) => ({ proposal, sender: { senderType: SenderType.member, leafIndex } }));
}
