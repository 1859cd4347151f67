// RFC 9420 §12.1.8: proposals from outside the group.
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
  WireFormat,
} from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import type { PublicEpoch } from "../epoch.js";
import { authorizeProposal } from "./authorize.js";
import { cacheProposal } from "./standalone.js";

export interface ExternalProposal extends Omit<FramedContent, "content"> {
  readonly proposal: Proposal;
  readonly signer: Signer;
}

/**
 * A proposal by an external sender or a new member, as an encoded MLSMessage.
 * @param followed the epoch, if the sender follows the group: the proposal is checked as a member would check it
 * @throws ValidationError, CryptoError, MlsError `authentication`, `forbidden`
 */
export async function createExternalProposal(
  config: GroupConfig,
  { proposal, signer, ...header }: ExternalProposal,
  followed?: PublicEpoch,
): Promise<Uint8Array> {
  if (followed === undefined) authorizeProposal(config, proposal, { kind: "new-member" });
  const content = { ...header, content: { contentType: ContentType.proposal, proposal } };
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
