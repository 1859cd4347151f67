// RFC 9420 §12.1.8: proposals from outside of the group.

import { EMPTY } from "../../bytes.js";
import { encode } from "../../codec/index.js";
import { sealPublic, signContent } from "../../framing/index.js";
import type { CipherSuiteProvider, Signer } from "../../provider/index.js";
import {
  type AuthenticatedContent,
  ContentType,
  type FramedContent,
  MlsMessage,
  type Proposal,
  type ProposalTypes,
  type Sender,
  WireFormat,
} from "../../wire/index.js";

export interface ExternalProposalRequest {
  readonly groupId: Uint8Array;
  readonly epoch: bigint;
  readonly sender: Sender;
  readonly signer: Signer;
  readonly proposal: Proposal;
  readonly authenticatedData: Uint8Array;
  /** The proposal types of extensions. */
  readonly proposalTypes?: ProposalTypes | undefined;
}

/**
 * A proposal by an external sender or a new member, as an encoded MLSMessage.
 * @throws ValidationError if this type of sender may not propose this
 */
export async function createExternalProposal(
  provider: CipherSuiteProvider,
  request: ExternalProposalRequest,
): Promise<Uint8Array> {
  const { groupId, epoch, sender, signer, proposal, authenticatedData, proposalTypes } = request;
  const content: FramedContent = {
    groupId,
    epoch,
    sender,
    authenticatedData,
    content: { contentType: ContentType.proposal, proposal },
  };
  const wireFormat = WireFormat.publicMessage;
  // §6.1: who is no member doesn't sign for a GroupContext.
  const signature = await signContent(signer, wireFormat, content, undefined);
  const authenticated: AuthenticatedContent = {
    wireFormat,
    content,
    auth: { signature, confirmationTag: undefined },
  };
  const publicMessage = await sealPublic(provider, authenticated, EMPTY, undefined, proposalTypes);
  return encode(MlsMessage, { version: 1, wireFormat, publicMessage });
}
