// RFC 9420 §12.1: making the proposals that an application requests.
import { needBytes } from "../../bytes.js";
import { checkSigner } from "../../crypto/index.js";
import type { SourcedProposal } from "../../framing/index.js";
import type { LeafDescription } from "../../key-package/index.js";
import type { CipherSuiteProvider, HpkePrivateKey, Signer } from "../../provider/index.js";
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
import type {
  CommitOptions,
  ExternalProposalRequest,
  NewIdentity,
  ProposalRequest,
  PskChoice,
} from "./options.js";

/** A proposal; with the new leaf key and signer if it is an own Update. */
interface RequestedProposal {
  readonly proposal: Proposal;
  readonly leafKey?: HpkePrivateKey;
  readonly signer?: Signer;
}

/** A proposal to send separately. @throws DecodeError, UnsupportedError, MlsError `usage` */
export async function requestedProposal(
  context: MemberContext,
  request: ProposalRequest,
): Promise<RequestedProposal> {
  if ("update" in request) return ownUpdate(context, request.update === true ? {} : request.update);
  const { config, epoch } = context;
  return { proposal: proposalOf(config.provider, epoch.groupContext.groupId, request) };
}

/** The proposal that a request describes. @throws DecodeError, MlsError `usage` */
export function proposalOf(
  provider: CipherSuiteProvider,
  groupId: Uint8Array,
  request: ExternalProposalRequest,
): Proposal {
  if ("add" in request) return { proposalType: ProposalType.add, keyPackage: readKeyPackage(request.add) };
  if ("remove" in request) return { proposalType: ProposalType.remove, removed: request.remove };
  if ("psk" in request) {
    return { proposalType: ProposalType.psk, psk: pskIdOf(provider, groupId, request.psk) };
  }
  if ("extensions" in request) {
    return { proposalType: ProposalType.groupContextExtensions, extensions: request.extensions };
  }
  if ("custom" in request) return request.custom;
  return { proposalType: ProposalType.reinit, version: 1, ...request.reinit };
}

/** The PreSharedKeyID of a pre-shared key, with a random nonce (§8.4). @throws MlsError `usage` */
export function pskIdOf(provider: CipherSuiteProvider, groupId: Uint8Array, psk: PskChoice): PreSharedKeyID {
  const pskNonce = provider.random(provider.suite.hash.Nh);
  if ("custom" in psk) return { ...psk.custom, pskNonce };
  if ("external" in psk) {
    return { pskType: PSKType.external, pskId: needBytes(psk.external, "a PSK ID").slice(), pskNonce };
  }
  return {
    pskType: PSKType.resumption,
    usage: ResumptionPSKUsage.application,
    pskGroupId: groupId,
    pskEpoch: psk.resumption,
    pskNonce,
  };
}

/** The proposals that a commit includes by value. @throws DecodeError, MlsError `usage` */
export function ownProposals({ config, epoch }: MemberContext, options: CommitOptions): SourcedProposal[] {
  const { add = [], remove = [], psks = [], extensions, reinit, proposals = [] } = options;
  const requests: ExternalProposalRequest[] = [
    ...(extensions === undefined ? [] : [{ extensions }]),
    ...remove.map((leafIndex) => ({ remove: leafIndex })),
    ...add.map((keyPackage) => ({ add: keyPackage })),
    ...psks.map((psk) => ({ psk })),
    ...(reinit === undefined ? [] : [{ reinit }]),
  ];
  const sender = { senderType: SenderType.member, leafIndex: epoch.keys.leafIndex };
  const { groupId } = epoch.groupContext;
  return [...requests.map((request) => proposalOf(config.provider, groupId, request)), ...proposals].map(
    (proposal) => ({ proposal, sender }),
  );
}

async function ownUpdate(context: MemberContext, identity: NewIdentity): Promise<RequestedProposal> {
  const { provider } = context.config;
  const { groupContext, keys } = context.epoch;
  const signer = identity.signer ?? context.signer;
  checkSigner(provider, signer);
  const { publicKey, privateKey } = await provider.hpke.generateKeyPair();
  const leafNode = await signLeafNode(
    signer,
    {
      ...ownDescription(context, identity),
      encryptionKey: publicKey,
      signatureKey: signer.publicKey,
      leafNodeSource: { type: LeafNodeSource.update },
    },
    { groupId: groupContext.groupId, leafIndex: keys.leafIndex },
  );
  return { proposal: { proposalType: ProposalType.update, leafNode }, leafKey: privateKey, signer };
}

/** The content of a new leaf node of this member: the present content, changed by the identity. */
export function ownDescription(
  { config, epoch }: MemberContext,
  { credential, renewCapabilities }: NewIdentity,
): LeafDescription {
  const leaf = epoch.tree.leaf(epoch.keys.leafIndex) as LeafNode;
  const own = renewCapabilities === true ? { ...config.describeLeaf(), credential: leaf.credential } : leaf;
  const { capabilities, extensions } = own;
  return { credential: credential ?? own.credential, capabilities, extensions };
}
