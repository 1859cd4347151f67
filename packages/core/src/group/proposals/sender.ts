// RFC 9420 §6.1, §12.1.8, §12.2: who sent a message, and what the application allows whom to do.
import { ensure, MlsError } from "../../errors.js";
import { blame, proposalName, type SourcedProposal, verifyContent } from "../../framing/index.js";
import { isPromise } from "../../provider/index.js";
import type { RatchetTree } from "../../tree/index.js";
import {
  type AuthenticatedContent,
  ContentType,
  ExtensionType,
  type ExternalSender,
  ExternalSenders,
  type FramedContent,
  findExtension,
  type GroupContext,
  type LeafNode,
  type Proposal,
  peekContent,
  type Sender,
  SenderType,
} from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import { contextBytes, type PublicEpoch } from "../epoch.js";
import { memberOf, type Party } from "../member.js";
import type { ProposedAction } from "../policy.js";
import { snapshotOf } from "../snapshot.js";

/** The leaf of a member that sent a message. @throws MlsError `unknown-sender` */
export function senderLeaf(
  { sender }: Pick<FramedContent, "sender">,
  tree: Pick<RatchetTree, "leaf">,
): LeafNode {
  const leafNode = sender.senderType === SenderType.member ? tree.leaf(sender.leafIndex) : undefined;
  if (leafNode === undefined) throw new MlsError("unknown-sender", "the sender is no member of the group");
  return leafNode;
}

/** An entry of the group's `external_senders` (§12.1.8.1). @throws MlsError `unknown-sender` */
function externalSender({ extensions }: GroupContext, senderIndex: number): ExternalSender {
  const sender = findExtension(extensions, ExtensionType.externalSenders, ExternalSenders)?.[senderIndex];
  if (sender === undefined) {
    throw new MlsError("unknown-sender", `the group's external_senders have no entry ${senderIndex}`);
  }
  return sender;
}

/** The key that verifies a public message. @throws MlsError `unknown-sender`; ValidationError */
export function signatureKeyOf(content: FramedContent, { tree, groupContext }: PublicEpoch): Uint8Array {
  const { sender } = content;
  switch (sender.senderType) {
    case SenderType.member:
      return senderLeaf(content, tree).signatureKey;
    case SenderType.external:
      return externalSender(groupContext, sender.senderIndex).signatureKey;
    case SenderType.newMemberProposal: {
      const { contentType, signatureKey } = peekContent(content);
      ensure(
        contentType === ContentType.proposal && signatureKey !== undefined,
        "6.1: the content of a new member's proposal must be an add",
      );
      return signatureKey;
    }
    case SenderType.newMemberCommit: {
      const { contentType, signatureKey } = peekContent(content);
      ensure(
        contentType === ContentType.commit && signatureKey !== undefined,
        "12.4.3.2: external commits must contain a path",
      );
      return signatureKey;
    }
  }
}

/** A sender, as the application knows it. @throws MlsError `unknown-sender` */
export function partyOf(
  { groupContext, tree }: { readonly groupContext: GroupContext; readonly tree: Pick<RatchetTree, "leaf"> },
  sender: Sender,
): Party {
  switch (sender.senderType) {
    case SenderType.member:
      return { kind: "member", member: memberOf(sender.leafIndex, senderLeaf({ sender }, tree)) };
    case SenderType.external: {
      const { senderIndex } = sender;
      return { kind: "external", senderIndex, ...externalSender(groupContext, senderIndex) };
    }
    default:
      return { kind: "new-member" };
  }
}

/**
 * Verifies a public message's signature with its sender's key, and checks its authenticated data.
 * @throws ValidationError, MlsError `unknown-sender`, or what an extension throws
 */
export async function verifySender(
  config: GroupConfig,
  epoch: PublicEpoch,
  authenticated: AuthenticatedContent,
): Promise<void> {
  const { content } = authenticated;
  const key = signatureKeyOf(content, epoch);
  await verifyContent(config.provider, authenticated, contextBytes(epoch), key);
  config.registry.checkAuthenticatedData(content.authenticatedData, epoch.groupContext);
}

/**
 * §12.2: asks the application whether each proposal may be made by its sender, and committed by the committer; of a
 * commit without proposals, whether the committer may renew its keys.
 * @param committer `undefined` for a proposal that is sent separately
 * @throws MlsError `forbidden`; its `proposal` names the refused one
 */
export async function authorizeProposals(
  config: GroupConfig,
  epoch: PublicEpoch,
  proposals: readonly SourcedProposal[],
  committer?: Sender,
): Promise<void> {
  if (config.policy.authorize === undefined) return;
  const by = committer && partyOf(epoch, committer);
  const group = snapshotOf(epoch);
  const authorized = (proposal: Proposal | undefined, proposer: Party) =>
    authorize(config, { proposal, proposer, committer: by, group });
  if (by !== undefined && proposals.length === 0) await authorized(undefined, by);
  for (const [index, sourced] of proposals.entries()) {
    try {
      await authorized(sourced.proposal, partyOf(epoch, sourced.sender));
    } catch (error) {
      throw blame(error, sourced, index);
    }
  }
}

/** Asks the application about one proposal, or a commit without any. @throws MlsError `forbidden` */
export async function authorize({ policy }: GroupConfig, action: ProposedAction): Promise<void> {
  if (policy.authorize === undefined) return;
  const { proposal } = action;
  const answer = policy.authorize(action);
  const authorized = isPromise(answer) ? await answer : answer;
  const what = proposal === undefined ? "commit without proposals" : `${proposalName(proposal)} proposal`;
  if (authorized !== true) throw new MlsError("forbidden", `the policy doesn't authorize this ${what}`);
}
