// RFC 9420 §12.1.8: proposals from outside of the group.
import { EMPTY } from "../../bytes.js";
import { encode } from "../../codec/index.js";
import { sealPublic, signContent } from "../../framing/index.js";
import type { Signer } from "../../provider/index.js";
import {
  type AuthenticatedContent,
  ContentType,
  type FramedContent,
  MlsMessage,
  type Proposal,
  type Sender,
  WireFormat,
} from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import type { PublicEpoch } from "../epoch.js";
import { authorizeProposal } from "./authorize.js";
import { cacheProposal } from "./standalone.js";

export interface ExternalProposal {
  readonly groupId: Uint8Array;
  readonly epoch: bigint;
  readonly sender: Sender;
  readonly signer: Signer;
  readonly proposal: Proposal;
  readonly authenticatedData: Uint8Array;
}

/**
 * A proposal by an external sender or a new member, as an encoded MLSMessage.
 * @param followed the epoch, where the sender follows the group: then the proposal is checked as members check it
 * @throws ValidationError, CryptoError, MlsError `authentication`, `forbidden`
 */
export async function createExternalProposal(
  config: GroupConfig,
  { groupId, epoch, sender, signer, proposal, authenticatedData }: ExternalProposal,
  followed?: PublicEpoch,
): Promise<Uint8Array> {
  if (followed === undefined) authorizeProposal(config, proposal, { kind: "new-member" });
  const content: FramedContent = {
    groupId,
    epoch,
    sender,
    authenticatedData,
    content: { contentType: ContentType.proposal, proposal },
  };
  const wireFormat = WireFormat.publicMessage;
  // §6.1: the signature of a non-member covers no GroupContext.
  const signature = await signContent(signer, wireFormat, content, undefined);
  const auth = { signature, confirmationTag: undefined };
  const authenticated: AuthenticatedContent = { wireFormat, content, auth };
  const { proposalTypes } = config.registry;
  const publicMessage = await sealPublic(config.provider, authenticated, EMPTY, undefined, proposalTypes);
  if (followed !== undefined) await cacheProposal(config, followed, authenticated);
  return encode(MlsMessage, { version: 1, wireFormat, publicMessage });
}
