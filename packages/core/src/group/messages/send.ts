// RFC 9420 §6, §12.1, §12.4.3, §15: the messages that a member sends besides commits.
import type { Bytes } from "../../bytes.js";
import { encode } from "../../codec/index.js";
import { sealPrivate, signContent } from "../../framing/index.js";
import { type Awaitable, chain } from "../../provider/index.js";
import {
  type AuthenticatedContent,
  ContentType,
  type FramedContent,
  MlsMessage,
  type Proposal,
  SenderType,
  WireFormat,
} from "../../wire/index.js";
import { protect } from "../commit/index.js";
import { contextBytes } from "../epoch.js";
import { cacheProposal, checkMaySend, proposalFormat } from "../proposals/index.js";
import type { CachedProposal, MemberContext } from "../state.js";

/** A message's content, signed by this member (§6.1). Not for commits: it has no confirmation tag. */
function signed(
  { config, epoch, signer }: MemberContext,
  wireFormat: 1 | 2,
  content: FramedContent["content"],
  authenticatedData: Uint8Array | undefined,
): Awaitable<AuthenticatedContent> {
  const { groupContext, keys } = epoch;
  const framed: FramedContent = {
    groupId: groupContext.groupId,
    epoch: groupContext.epoch,
    sender: { senderType: SenderType.member, leafIndex: keys.leafIndex },
    authenticatedData: config.registry.authenticatedData(authenticatedData, groupContext),
    content,
  };
  return chain(signContent(signer, wireFormat, framed, contextBytes(epoch)), (signature) => ({
    wireFormat,
    content: framed,
    auth: { signature, confirmationTag: undefined },
  }));
}

/** Application data (§15), padded by the policy and encrypted: an encoded MLSMessage. */
export async function applicationMessage(
  context: MemberContext,
  applicationData: Uint8Array,
  authenticatedData: Uint8Array | undefined,
): Promise<Bytes> {
  const { provider, policy } = context.config;
  const { secretTree, secrets } = context.epoch;
  const wireFormat = WireFormat.privateMessage;
  const content = { contentType: ContentType.application, applicationData };
  const authenticated = await signed(context, wireFormat, content, authenticatedData);
  const padding = Math.max(0, policy.padding(applicationData.length) - applicationData.length);
  const keys = { secretTree, senderDataSecret: secrets.senderDataSecret };
  const privateMessage = await sealPrivate(provider, authenticated, keys, padding, policy.maxApplicationSize);
  return encode(MlsMessage, { version: 1, wireFormat, privateMessage });
}

/**
 * A proposal (§12.1) as an encoded MLSMessage, and as it is cached until it is committed.
 * @param others the other proposals of this epoch
 * @throws ValidationError, CryptoError, MlsError `authentication`, `forbidden`
 */
export async function proposalMessage(
  context: MemberContext,
  proposal: Proposal,
  authenticatedData: Uint8Array | undefined,
  others: readonly CachedProposal[],
): Promise<{ message: Bytes; cached: CachedProposal }> {
  const { config, epoch } = context;
  const content = { contentType: ContentType.proposal, proposal };
  const authenticated = await signed(context, proposalFormat(config, proposal), content, authenticatedData);
  const cached = await cacheProposal(config, epoch, authenticated, {
    direction: "sending",
    own: true,
    known: others,
  });
  checkMaySend(config, epoch, cached, others);
  const message = await protect(config, epoch, epoch, authenticated);
  return { message, cached: { ...cached, message: message.slice() } };
}
