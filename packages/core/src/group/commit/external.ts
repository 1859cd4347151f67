// RFC 9420 §12.4.3.2: joining by an external commit.
import { EMPTY, utf8, wipe } from "../../bytes.js";
import { decode } from "../../codec/index.js";
import { MlsError } from "../../errors.js";
import { checkMessageSize, readPublic, type SourcedProposal } from "../../framing/index.js";
import type { LeafDescription } from "../../key-package/index.js";
import type { CipherSuiteProvider, Signer } from "../../provider/index.js";
import {
  type CustomProposal,
  ExtensionType,
  ExternalPub,
  findExtension,
  type GroupInfo,
  MlsMessage,
  type Proposal,
  ProposalType,
  SenderType,
  WireFormat,
} from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import type { PublicEpoch } from "../epoch.js";
import { openPublicEpoch } from "../join/index.js";
import { MAX_PROPOSAL_SIZE } from "../limits.js";
import { type Member, memberOf } from "../member.js";
import { checkEpoch, checkGroupId } from "../past-epoch.js";
import { cacheProposal, checkSharedPsks, type PskChoice, pskIdOf, verifySender } from "../proposals/index.js";
import type { GroupState } from "../state.js";
import { buildCommit } from "./build.js";
import { type OwnCommit, ownCommit } from "./own.js";

/** As `ExternalJoinOptions.resync` */
export type Resync = boolean | "if-member" | ((member: Member) => boolean);

export interface ExternalCommitRequest {
  readonly signer: Signer;
  readonly description: LeafDescription;
  /** The encoded tree, if the GroupInfo doesn't carry it. */
  readonly ratchetTree: Uint8Array | undefined;
  /** Whether a leaf is this client's: it may have had another signature key in this group than its present one. */
  readonly isOwn: (member: Member) => boolean;
  /** This client's state in the group, if it has one still: it knows who can have a resumption PSK of the group. */
  readonly former: GroupState | undefined;
  /** Whether to remove a former leaf of this client: the one that is its own, if there is one, or a chosen one. */
  readonly resync: Resync | undefined;
  readonly psks: readonly PskChoice[];
  /** Proposals of registered types, to be included by value. */
  readonly custom: readonly CustomProposal[];
  /** Members' proposals of registered types, to be included by reference: encoded MLSMessages. */
  readonly proposals: readonly Uint8Array[];
  readonly authenticatedData: Uint8Array | undefined;
}

/**
 * A commit by which its sender joins a group: staged, like a member's, until the delivery service has accepted it.
 * @throws MlsError `missing` without an `external_pub` extension or a tree; `usage` if no former leaf is found;
 *   otherwise as {@link buildCommit}
 */
export async function buildExternalCommit(
  config: GroupConfig,
  groupInfo: GroupInfo,
  request: ExternalCommitRequest,
): Promise<OwnCommit> {
  const external = findExtension(groupInfo.extensions, ExtensionType.externalPub, ExternalPub);
  if (external === undefined) {
    throw new MlsError("missing", "expected a GroupInfo with the external_pub extension");
  }
  const epoch = await openPublicEpoch(config, groupInfo, request.ratchetTree);
  const others = await proposalsOf(config, epoch, request);
  const { former } = request;
  if (former !== undefined) checkSharedPsks({ ...former, epoch: former.current }, others, epoch.tree);
  const { kemOutput, initSecret } = await sendExternalInit(config.provider, external.externalPub);
  try {
    const { signer, description } = request;
    const sender = { senderType: SenderType.newMemberCommit };
    const externalInit: Proposal = { proposalType: ProposalType.externalInit, kemOutput };
    const authenticatedData = config.registry.authenticatedData(
      request.authenticatedData,
      epoch.groupContext,
    );
    const built = await buildCommit(
      config,
      { sender, epoch, initSecret, member: undefined },
      {
        select: () => ({ proposals: [{ sender, proposal: externalInit }, ...others] }),
        forcePath: true,
        freshWelcome: false,
        signer,
        nextSigner: signer,
        description,
        authenticatedData,
        ratchetTreeInWelcome: false,
      },
    );
    return ownCommit(built, { external: true, authenticatedData });
  } finally {
    wipe(initSecret);
  }
}

/** The proposals of an external commit besides its ExternalInit. */
async function proposalsOf(
  config: GroupConfig,
  epoch: PublicEpoch,
  { isOwn, resync, psks, custom, proposals }: ExternalCommitRequest,
): Promise<SourcedProposal[]> {
  const { groupId } = epoch.groupContext;
  const own: Proposal[] = [];
  if (resync) {
    const removed = findMember(epoch, typeof resync === "function" ? resync : isOwn);
    if (removed !== undefined) own.push({ proposalType: ProposalType.remove, removed });
    else if (resync !== "if-member")
      throw new MlsError(
        "usage",
        "expected a former leaf of this client to replace, but no member matches: give resync a function that finds it",
      );
  }
  for (const choice of psks) {
    own.push({ proposalType: ProposalType.psk, psk: pskIdOf(config.provider, groupId, choice) });
  }
  const sender = { senderType: SenderType.newMemberCommit };
  const all: SourcedProposal[] = [...own, ...custom].map((proposal) => ({ proposal, sender }));
  for (const message of proposals) all.push(await openProposal(config, epoch, message));
  return all;
}

/** Checks a member's proposal, except for its membership tag, which needs a secret of the group. */
async function openProposal(
  config: GroupConfig,
  epoch: PublicEpoch,
  message: Uint8Array,
): Promise<SourcedProposal> {
  const { proposalTypes } = config.registry;
  checkMessageSize(MAX_PROPOSAL_SIZE, message.length);
  const decoded = decode(MlsMessage, message, proposalTypes);
  if (decoded.wireFormat !== WireFormat.publicMessage) {
    throw new MlsError("usage", "expected a proposal in a PublicMessage");
  }
  checkGroupId(epoch.groupContext, decoded.publicMessage.content);
  checkEpoch(epoch.groupContext, decoded.publicMessage.content);
  const authenticated = readPublic(decoded.publicMessage, proposalTypes);
  await verifySender(config, epoch, authenticated);
  return cacheProposal(config, epoch, authenticated, { direction: "sending", own: false, known: [] });
}

/** The first matching leaf. */
function findMember({ tree }: PublicEpoch, matches: (member: Member) => boolean): number | undefined {
  for (const { leafIndex, leafNode } of tree.members()) {
    if (matches(memberOf(leafIndex, leafNode))) return leafIndex;
  }
  return undefined;
}

const LABEL = /* @__PURE__ */ utf8("MLS 1.0 external init secret");

/** The new member's side: a fresh init secret of `Nh` bytes, and the `kem_output` for the group. */
export async function sendExternalInit(
  { hpke, suite }: CipherSuiteProvider,
  externalPub: Uint8Array,
): Promise<{ kemOutput: Uint8Array; initSecret: Uint8Array }> {
  const { kemOutput, secret } = await hpke.sendExport(externalPub, EMPTY, LABEL, suite.hash.Nh);
  return { kemOutput, initSecret: secret };
}

/** The members' side: the init secret of `Nh` bytes. @throws CryptoError for an invalid `kem_output` */
export async function receiveExternalInit(
  { hpke, suite }: CipherSuiteProvider,
  externalSecret: Uint8Array,
  kemOutput: Uint8Array,
): Promise<Uint8Array> {
  const { privateKey } = await hpke.deriveKeyPair(externalSecret);
  return hpke.receiveExport(privateKey, kemOutput, EMPTY, LABEL, suite.hash.Nh);
}
