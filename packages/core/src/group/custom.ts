// RFC 9420 §12.2, §13.2: proposals of types that extensions registered.
import { ensure } from "../errors.js";
import { isCustomProposal, type Proposal, type Sender, SenderType, WireFormat } from "../framing/index.js";
import type { Applied } from "./apply.js";
import type { GroupView } from "./module.js";
import type { SourcedProposal } from "./proposal-validation.js";
import { handshakeFormat, registryOf, type Setting } from "./setting.js";

/**
 * §12.2: whether proposals of registered types may be committed, as far as that depends on the others and on the
 * members: those who process the commit must support the types.
 * @throws ValidationError, or what an extension throws
 */
export function checkCustomList(
  setting: Setting,
  group: GroupView,
  proposals: readonly SourcedProposal[],
  applied: Applied,
): void {
  const types = new Set(applied.custom.map(({ proposal }): number => proposal.proposalType));
  for (const type of types) {
    ensure(
      isSupported(group, type, applied),
      "12.2: a commit must not contain a proposal of a non-default type that some member who processes it doesn't support",
      () => `proposal type ${type}`,
    );
  }
  registryOf(setting).checkList({
    proposals,
    group,
    extensions: applied.extensions,
    tree: applied.tree,
  });
}

/** Whether all members support a proposal type, but for those who are removed. */
function isSupported({ tree }: GroupView, type: number, { removed }: Applied): boolean {
  if (tree.summary.supported.proposals.has(type)) return true;
  // Seldom: some member doesn't support it, who may be one that is removed.
  const gone = new Set(removed.map(({ leafIndex }) => leafIndex));
  for (const { leafIndex, leafNode } of tree.members()) {
    if (!gone.has(leafIndex) && !leafNode.capabilities.proposals.includes(type)) return false;
  }
  return true;
}

/** A proposal that is sent by itself, and how. */
export interface SentProposal extends Pick<SourcedProposal, "proposal" | "sender"> {
  readonly wireFormat: number;
}

/** What an extension says of a proposal that is sent by itself, besides whether it is valid. @throws ValidationError */
export function checkSent(setting: Setting, { proposal, wireFormat }: SentProposal): void {
  if (!isCustomProposal(proposal)) return;
  const { publicOnly, committedBy, name } = registryOf(setting).need(proposal);
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
export function proposalFormat(setting: Setting, proposal: Proposal): 1 | 2 {
  const isPublic = isCustomProposal(proposal) && registryOf(setting).need(proposal).publicOnly === true;
  return isPublic ? WireFormat.publicMessage : handshakeFormat(setting);
}

/**
 * Whether a member may send a proposal of a registered type by itself, beside those of the epoch: all members must
 * support the type.
 * @throws ValidationError
 */
export function checkProposable(
  setting: Setting,
  { tree }: GroupView,
  { proposal, sender }: SourcedProposal,
  others: readonly SourcedProposal[],
): void {
  if (!isCustomProposal(proposal)) return;
  const type: number = proposal.proposalType;
  const { oncePerEpoch, name } = registryOf(setting).need(proposal);
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

function isSame(a: Sender, b: Sender): boolean {
  return (
    a.senderType === SenderType.member && b.senderType === SenderType.member && a.leafIndex === b.leafIndex
  );
}
