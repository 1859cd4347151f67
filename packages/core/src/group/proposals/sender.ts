// RFC 9420 §6.1, §12.1.8: who sent a message.
import { copied } from "../../bytes.js";
import { ensure, MlsError } from "../../errors.js";
import { verifyContent } from "../../framing/index.js";
import type { RatchetTree } from "../../tree/index.js";
import {
  type AuthenticatedContent,
  ExtensionType,
  type ExternalSender,
  ExternalSenders,
  type FramedContent,
  findExtension,
  type GroupContext,
  type LeafNode,
  peekContent,
  type Sender,
  SenderType,
} from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import { contextBytes, type PublicEpoch } from "../epoch.js";
import { memberOf, type Party } from "../member.js";

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
    default: {
      // `checkSender` has seen to it that a new member's proposal is an Add, which has a key.
      const { signatureKey } = peekContent(content);
      ensure(signatureKey !== undefined, "12.4.3.2: external commits must contain a path");
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
      return { kind: "external", senderIndex, ...copied(externalSender(groupContext, senderIndex)) };
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
