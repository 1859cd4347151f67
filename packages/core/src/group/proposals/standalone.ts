// RFC 9420 §12.1, §12.1.8: proposals that are sent by themselves, by members and from outside of the group.
import { type Bytes, EMPTY, equalBytes } from "../../bytes.js";
import { decode, encode } from "../../codec/index.js";
import { checkSigner, makeProposalRef } from "../../crypto/index.js";
import { ensure, MlsError } from "../../errors.js";
import { checkMessageSize, type SourcedProposal, sealPublic, signContent } from "../../framing/index.js";
import type { Signer } from "../../provider/index.js";
import {
  AuthenticatedContent,
  ContentType,
  type Extension,
  type FramedContent,
  isCustomProposal,
  type KeyPackage,
  MlsMessage,
  Proposal,
  ProposalType,
  Sender,
  SenderType,
  WireFormat,
} from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import type { PublicEpoch } from "../epoch.js";
import type { GroupView } from "../extensions/index.js";
import { MAX_PROPOSAL_SIZE } from "../limits.js";
import { handshakeFormat } from "../policy.js";
import type { CachedProposal } from "../state.js";
import { authorizeProposal } from "./authorize.js";
import { findProposal } from "./cache.js";
import { type ExternalProposalRequest, proposalOf } from "./requests.js";
import { checkRoom } from "./room.js";
import { partyOf } from "./sender.js";
import { checkProposals, type Direction } from "./single-proposal.js";

/** Who brings a proposal to the cache, and what is there already. */
interface Arrival {
  /** Whether it is held to the rules for senders too. */
  readonly direction: Direction;
  /** Whether it was made here. */
  readonly own: boolean;
  /** The proposals of this epoch that are cached already. */
  readonly known: readonly CachedProposal[];
}

/**
 * Checks a proposal that is sent separately, asks the application about it, and makes its ProposalRef (§5.2).
 * @throws ValidationError, CryptoError, MlsError `authentication`, `forbidden`; `limit` above the sender's share
 */
export async function cacheProposal(
  config: GroupConfig,
  epoch: PublicEpoch,
  authenticated: AuthenticatedContent,
  { direction, own, known }: Arrival,
): Promise<CachedProposal> {
  const { content, sender } = authenticated.content;
  if (content.contentType !== ContentType.proposal) throw new MlsError("usage", "expected a proposal");
  checkForm(config, content.proposal, authenticated.wireFormat);
  const reference = await makeProposalRef(config.provider, encode(AuthenticatedContent, authenticated));
  const same = findProposal(known, reference);
  if (same !== undefined) return same;
  // A copy: a view would keep the whole message in memory, with its padding and authenticated data.
  const encoded = encode(Proposal, content.proposal);
  const proposal =
    direction === "sending" ? content.proposal : decode(Proposal, encoded, config.registry.proposalTypes);
  const size = encoded.length;
  checkRoom(config.provider.suite, known, { sender, size }, direction);
  const sourced = [{ proposal, sender }];
  await checkProposals(config, epoch, sourced, epoch.groupContext.extensions, direction);
  const proposer = partyOf(epoch, sender);
  const dropped = await authorizeProposal(config, { own, proposal, proposer, group: epoch });
  return { proposal, sender, reference, size, checked: true, dropped };
}

/** Checks how a proposal of a registered type is sent. @throws ValidationError */
function checkForm(config: GroupConfig, proposal: Proposal, wireFormat: number): void {
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

/** The wire format in which to send a proposal. */
export function proposalFormat(config: GroupConfig, proposal: Proposal): 1 | 2 {
  const isPublic = isCustomProposal(proposal) && config.registry.need(proposal).publicOnly === true;
  return isPublic ? WireFormat.publicMessage : handshakeFormat(config.policy);
}

/**
 * Checks that a member may send a proposal: all members must be able to process a commit of it, as far as extensions of
 * the protocol and registered types go.
 * @param others the other proposals of the epoch
 * @throws ValidationError
 */
export function checkMaySend(
  config: GroupConfig,
  group: GroupView,
  sourced: SourcedProposal,
  others: readonly SourcedProposal[],
): void {
  const { tree } = group;
  checkOwnType(config, tree, sourced, others);
  const { extensions } = group.groupContext;
  config.registry.checkList({ proposals: [sourced], group, extensions, tree });
}

/** Checks that a member may send a proposal of a registered type, and now. @throws ValidationError */
function checkOwnType(
  config: GroupConfig,
  tree: GroupView["tree"],
  { proposal, sender }: SourcedProposal,
  others: readonly SourcedProposal[],
): void {
  if (!isCustomProposal(proposal)) return;
  const type = proposal.proposalType;
  const { oncePerEpoch, name } = config.registry.need(proposal);
  ensure(
    tree.summary.supported.proposals.has(type),
    "13.2: a proposal type must be supported by all members",
    () => name,
  );
  const isRepeated = others.some(
    (one) =>
      isCustomProposal(one.proposal, type) && equalBytes(encode(Sender, one.sender), encode(Sender, sender)),
  );
  ensure(
    oncePerEpoch !== true || !isRepeated,
    "12.1: a proposal of a registered type is sent as often in an epoch as its registration says",
    () => `${name} may be sent once`,
  );
}

interface ExternalProposal extends Omit<FramedContent, "content"> {
  readonly proposal: Proposal;
  readonly signer: Signer;
}

/** A proposal of who isn't a member, signed, and as an encoded MLSMessage. */
interface SealedProposal {
  readonly authenticated: AuthenticatedContent;
  readonly message: Bytes;
}

/** What an external sender needs to know of a group (§12.1.8). */
export interface ExternalSenderContext {
  /** The code point of the group's cipher suite (§17.1). */
  readonly suite: number;
  readonly groupId: Uint8Array;
  /** The group's present epoch. */
  readonly epoch: bigint;
  /** The sender's index in the group's `external_senders`. */
  readonly senderIndex: number;
}

/** Signs a proposal of who isn't a member. */
async function sealExternal(
  { provider, registry: { proposalTypes } }: GroupConfig,
  { proposal, signer, ...header }: ExternalProposal,
): Promise<SealedProposal> {
  const content = { ...header, content: { contentType: ContentType.proposal, proposal } };
  const wireFormat = WireFormat.publicMessage;
  // §6.1: the signature of a non-member covers no GroupContext.
  const signature = await signContent(signer, wireFormat, content, undefined);
  const auth = { signature, confirmationTag: undefined };
  const authenticated: AuthenticatedContent = { wireFormat, content, auth };
  const publicMessage = await sealPublic(provider, authenticated, EMPTY, undefined, proposalTypes);
  const message = encode(MlsMessage, { version: 1, wireFormat, publicMessage });
  checkMessageSize(MAX_PROPOSAL_SIZE, message.length);
  return { authenticated, message };
}

/**
 * A new member's proposal to be added, as an encoded MLSMessage.
 * @throws MlsError `forbidden`
 */
export async function newMemberProposal(
  config: GroupConfig,
  group: Pick<ExternalSenderContext, "groupId" | "epoch">,
  { keyPackage, signer, authenticatedData }: NewMemberProposal,
): Promise<Bytes> {
  const proposal: Proposal = { proposalType: ProposalType.add, keyPackage };
  const proposer = { kind: "new-member" } as const;
  await authorizeProposal(config, { own: true, proposal, proposer, group: undefined });
  const sender = { senderType: SenderType.newMemberProposal };
  const sealed = await sealExternal(config, { ...group, sender, proposal, signer, authenticatedData });
  return sealed.message;
}

interface NewMemberProposal {
  readonly keyPackage: KeyPackage;
  readonly signer: Signer;
  readonly authenticatedData: Uint8Array;
}

/**
 * A proposal of an external sender. Members check it against the group; here only the signer's scheme is checked.
 * @param extensions those of the GroupContext, if they are known
 * @throws UnsupportedError for a signer of another scheme; DecodeError, MlsError `usage`
 */
export async function externalSenderProposal(
  config: GroupConfig,
  { groupId, epoch, senderIndex }: Omit<ExternalSenderContext, "suite">,
  signer: Signer,
  request: ExternalProposalRequest,
  authenticatedData: Uint8Array,
  extensions?: readonly Extension[],
): Promise<SealedProposal> {
  checkSigner(config.provider, signer);
  const proposal = proposalOf(config.provider, groupId, request, extensions);
  const sender = { senderType: SenderType.external, senderIndex };
  return sealExternal(config, { groupId, epoch, sender, proposal, signer, authenticatedData });
}
