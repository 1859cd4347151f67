// RFC 9420 §6.1, §12.1.8: who sent a message.
import { ensure, MlsError } from "../../errors.js";
import { verifyContent } from "../../framing/index.js";
import {
  type AuthenticatedContent,
  ContentType,
  ExtensionType,
  ExternalSenders,
  findExtension,
  type FramedContent,
  isProposal,
  type LeafNode,
  ProposalType,
  type Sender,
  SenderType,
} from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import { contextBytes, type Epoch, type PublicEpoch } from "../epoch.js";
import { memberOf, type Party } from "../member.js";
/** The leaf of a member that sent a message. @throws MlsError `unknown-sender` */
export function senderLeaf({ sender }: FramedContent, tree: Epoch["tree"]): LeafNode {
  const leafNode = sender.senderType === SenderType.member ? tree.leaf(sender.leafIndex) : undefined;
  if (leafNode === undefined) throw new MlsError("unknown-sender", "the sender is no member of the group");
  return leafNode;
}

/** The key that a public message is to be verified with. @throws MlsError `unknown-sender`; ValidationError */
export function signatureKeyOf(content: FramedContent, { tree, groupContext }: PublicEpoch): Uint8Array {
  const { sender, content: body } = content;
  switch (sender.senderType) {
    case SenderType.member:
      return senderLeaf(content, tree).signatureKey;
    case SenderType.external: {
      const allowed = findExtension(groupContext.extensions, ExtensionType.externalSenders, ExternalSenders);
      const key = allowed?.[sender.senderIndex]?.signatureKey;
      if (key === undefined) throw new MlsError("unknown-sender", "the group allows no such external sender");
      return key;
    }
    case SenderType.newMemberProposal: {
      const added =
        body.contentType === ContentType.proposal && isProposal(body.proposal, ProposalType.add)
          ? body.proposal.keyPackage.leafNode
          : undefined;
      ensure(added !== undefined, "6.1: the content of a new member's proposal must be an add");
      return added.signatureKey;
    }
    case SenderType.newMemberCommit: {
      const path = body.contentType === ContentType.commit ? body.commit.path : undefined;
      ensure(path !== undefined, "12.4.3.2: external commits must contain a path");
      return path.leafNode.signatureKey;
    }
  }
}

/** Who sent something, as an application knows them. */
export function partyOf({ groupContext, tree }: PublicEpoch, sender: Sender): Party {
  switch (sender.senderType) {
    case SenderType.member: {
      const leafNode = tree.leaf(sender.leafIndex);
      if (leafNode === undefined)
        throw new MlsError("unknown-sender", "the sender is no member of the group");
      return { kind: "member", member: memberOf(sender.leafIndex, leafNode) };
    }
    case SenderType.external: {
      const allowed = findExtension(groupContext.extensions, ExtensionType.externalSenders, ExternalSenders);
      const external = allowed?.[sender.senderIndex];
      if (external === undefined)
        throw new MlsError("unknown-sender", "the group allows no such external sender");
      return { kind: "external", senderIndex: sender.senderIndex, ...external };
    }
    default:
      return { kind: "new-member" };
  }
}

/**
 * Verifies the signature of a public message by its sender's key, and checks its authenticated data.
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
