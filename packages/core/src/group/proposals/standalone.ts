// RFC 9420 §12.1: a proposal that is sent by itself.
import { equalBytes } from "../../bytes.js";
import { encode } from "../../codec/index.js";
import { makeProposalRef } from "../../crypto/index.js";
import { ensure, MlsError } from "../../errors.js";
import type { SourcedProposal } from "../../framing/index.js";
import {
  AuthenticatedContent,
  ContentType,
  isCustomProposal,
  type Proposal,
  type Sender,
  SenderType,
  WireFormat,
} from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import type { PublicEpoch } from "../epoch.js";
import type { GroupView } from "../extensions/index.js";
import { handshakeFormat } from "../policy.js";
import type { CachedProposal } from "../state.js";
import { authorizeProposals } from "./authorize.js";
import { checkProposals } from "./single-proposal.js";
/**
 * A proposal that came by itself, found valid, with its reference (§5.2).
 * @throws ValidationError, CryptoError, MlsError `authentication`, `forbidden`
 */
export async function cacheProposal(
  config: GroupConfig,
  epoch: PublicEpoch,
  authenticated: AuthenticatedContent,
): Promise<CachedProposal> {
  const { content, sender } = authenticated.content;
  if (content.contentType !== ContentType.proposal)
    throw new MlsError("usage", "this content is no proposal");
  const { proposal } = content;
  checkSent(config, { proposal, sender, wireFormat: authenticated.wireFormat });
  const sourced = [{ proposal, sender }];
  await checkProposals(config, epoch, sourced, epoch.groupContext.extensions);
  authorizeProposals(config, epoch, sourced);
  const reference = await makeProposalRef(config.provider, encode(AuthenticatedContent, authenticated));
  return { proposal, sender, reference, checked: true };
}

/** The state with one more proposal to be committed. The same one twice counts once. */
export function withProposal<S extends { readonly proposals: readonly CachedProposal[] }>(
  state: S,
  proposal: CachedProposal,
): S {
  if (state.proposals.some(({ reference }) => equalBytes(reference, proposal.reference))) return state;
  return { ...state, proposals: [...state.proposals, proposal] };
}

/** A proposal that is sent by itself, and how. */
export interface SentProposal extends Pick<SourcedProposal, "proposal" | "sender"> {
  readonly wireFormat: number;
}

/** What an extension says of a proposal that is sent by itself, besides whether it is valid. @throws ValidationError */
export function checkSent(config: GroupConfig, { proposal, wireFormat }: SentProposal): void {
  if (!isCustomProposal(proposal)) return;
  const { publicOnly, committedBy, name } = config.registry.need(proposal);
  ensure(
    committedBy !== "value",
    "12.4: a proposal that commits have by value only isn't sent by itself",
    () => name,
  );
  ensure(
    publicOnly !== true || wireFormat === WireFormat.publicMessage,
    "6: a proposal of a registered type is sent in the wire format that its registration says",
    () => `${name} must be sent in a PublicMessage`,
  );
}

/** The wire format in which a proposal is sent. */
export function proposalFormat(config: GroupConfig, proposal: Proposal): 1 | 2 {
  const isPublic = isCustomProposal(proposal) && config.registry.need(proposal).publicOnly === true;
  return isPublic ? WireFormat.publicMessage : handshakeFormat(config.policy);
}

/**
 * Whether a member may send a proposal of a registered type by itself, beside those of the epoch: all members must
 * support the type.
 * @throws ValidationError
 */
export function checkProposable(
  config: GroupConfig,
  { tree }: GroupView,
  { proposal, sender }: SourcedProposal,
  others: readonly SourcedProposal[],
): void {
  if (!isCustomProposal(proposal)) return;
  const type: number = proposal.proposalType;
  const { oncePerEpoch, name } = config.registry.need(proposal);
  ensure(
    tree.summary.supported.proposals.has(type),
    "13.2: a proposal type must be supported by all members",
    () => name,
  );
  const before = others.some((one) => isCustomProposal(one.proposal, type) && isSame(one.sender, sender));
  ensure(
    oncePerEpoch !== true || !before,
    "12.1: a proposal of a registered type is sent as often in an epoch as its registration says",
    () => `${name} may be sent once`,
  );
}

export function isSame(a: Sender, b: Sender): boolean {
  return (
    a.senderType === SenderType.member && b.senderType === SenderType.member && a.leafIndex === b.leafIndex
  );
}
