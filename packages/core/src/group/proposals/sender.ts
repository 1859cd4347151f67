// RFC 9420 §6.1, §12.1.8: who sent a message.
import { ensure, MlsError } from "../../errors.js";
import {
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
import type { Party } from "../config.js";
import type { Epoch } from "../epoch.js";
import { memberOf } from "../member.js";
/** The leaf of a member that sent a message. @throws MlsError `unknown-sender` */
export function senderLeaf({ sender }: FramedContent, tree: Epoch["tree"]): LeafNode {
  const leafNode = sender.senderType === SenderType.member ? tree.leaf(sender.leafIndex) : undefined;
  if (leafNode === undefined) throw new MlsError("unknown-sender", "the sender is no member of the group");
  return leafNode;
}

/** The key that a public message is to be verified with. @throws MlsError `unknown-sender`; ValidationError */
export function signatureKeyOf(
  content: FramedContent,
  { tree, groupContext }: Pick<Epoch, "tree" | "groupContext">,
): Uint8Array {
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
export function partyOf({ groupContext, tree }: Pick<Epoch, "groupContext" | "tree">, sender: Sender): Party {
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
