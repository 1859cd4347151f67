// RFC 9420 §12.1: the proposals that an application asks for.

import { needBytes } from "../../bytes.js";
import { checkSigner } from "../../crypto/index.js";
import type { SourcedProposal } from "../../framing/index.js";
import type { LeafDescription } from "../../key-package/index.js";
import type { HpkePrivateKey, Signer } from "../../provider/index.js";
import { signLeafNode } from "../../tree/index.js";
import {
  type LeafNode,
  LeafNodeSource,
  type PreSharedKeyID,
  type Proposal,
  ProposalType,
  PSKType,
  readKeyPackage,
  ResumptionPSKUsage,
  SenderType,
} from "../../wire/index.js";
import type { MemberContext } from "../member-context.js";
import type { CommitOptions, NewIdentity, ProposalRequest, PskChoice } from "./options.js";

/** A proposal, with what belongs to it if it is an own Update. */
interface RequestedProposal {
  readonly proposal: Proposal;
  readonly leafKey?: HpkePrivateKey;
  readonly signer?: Signer;
}

/**
 * The proposal that is to be sent by itself.
 * @throws DecodeError, UnsupportedError, MlsError `usage`
 */
export async function requestedProposal(
  at: MemberContext,
  request: ProposalRequest,
): Promise<RequestedProposal> {
  if ("add" in request) {
    return { proposal: { proposalType: ProposalType.add, keyPackage: readKeyPackage(request.add) } };
  }
  if ("remove" in request)
    return { proposal: { proposalType: ProposalType.remove, removed: request.remove } };
  if ("psk" in request)
    return { proposal: { proposalType: ProposalType.psk, psk: pskIdOf(at, request.psk) } };
  if ("extensions" in request) {
    return {
      proposal: { proposalType: ProposalType.groupContextExtensions, extensions: request.extensions },
    };
  }
  if ("custom" in request) return { proposal: request.custom };
  if ("reinit" in request) {
    return { proposal: { proposalType: ProposalType.reinit, version: 1, ...request.reinit } };
  }
  return ownUpdate(at, request.update === true ? {} : request.update);
}

async function ownUpdate(at: MemberContext, identity: NewIdentity): Promise<RequestedProposal> {
  const { provider } = at.host.config;
  const { groupContext, keys } = at.epoch;
  const signer = identity.signer ?? at.signer;
  checkSigner(provider, signer);
  const { publicKey, privateKey } = await provider.hpke.generateKeyPair();
  const leafNode = await signLeafNode(
    signer,
    {
      ...ownDescription(at, identity),
      encryptionKey: publicKey,
      signatureKey: signer.publicKey,
      leafNodeSource: { type: LeafNodeSource.update },
    },
    { groupId: groupContext.groupId, leafIndex: keys.leafIndex },
  );
  return { proposal: { proposalType: ProposalType.update, leafNode }, leafKey: privateKey, signer };
}

/** What a new leaf node of the own member says: what it said before, but for what is to be new. */
export function ownDescription(
  { host, epoch }: MemberContext,
  { credential, renewCapabilities }: NewIdentity,
): LeafDescription {
  const leaf = epoch.tree.leaf(epoch.keys.leafIndex) as LeafNode;
  const own = renewCapabilities === true ? { ...host.describe(), credential: leaf.credential } : leaf;
  const { capabilities, extensions } = own;
  return { credential: credential ?? own.credential, capabilities, extensions };
}

function pskIdOf({ host, epoch }: MemberContext, choice: PskChoice): PreSharedKeyID {
  const { provider } = host.config;
  const pskNonce = provider.random(provider.suite.hash.Nh);
  if ("custom" in choice) return { ...choice.custom, pskNonce };
  if ("external" in choice) {
    return { pskType: PSKType.external, pskId: needBytes(choice.external, "a PSK's id").slice(), pskNonce };
  }
  return {
    pskType: PSKType.resumption,
    usage: ResumptionPSKUsage.application,
    pskGroupId: epoch.groupContext.groupId,
    pskEpoch: choice.resumption,
    pskNonce,
  };
}

/** The proposals that a commit is to have by value. @throws DecodeError, MlsError `usage` */
export function ownProposals(at: MemberContext, options: CommitOptions): SourcedProposal[] {
  const sender = { senderType: SenderType.member, leafIndex: at.epoch.keys.leafIndex };
  const proposals: Proposal[] = [];
  if (options.extensions !== undefined) {
    proposals.push({ proposalType: ProposalType.groupContextExtensions, extensions: options.extensions });
  }
  for (const removed of options.remove ?? []) proposals.push({ proposalType: ProposalType.remove, removed });
  for (const bytes of options.add ?? []) {
    proposals.push({ proposalType: ProposalType.add, keyPackage: readKeyPackage(bytes) });
  }
  for (const choice of options.psks ?? []) {
    proposals.push({ proposalType: ProposalType.psk, psk: pskIdOf(at, choice) });
  }
  if (options.reinit !== undefined) {
    proposals.push({ proposalType: ProposalType.reinit, version: 1, ...options.reinit });
  }
  proposals.push(...(options.proposals ?? []));
  return proposals.map((proposal) => ({ proposal, sender }));
}
