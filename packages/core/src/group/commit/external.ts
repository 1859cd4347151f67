// RFC 9420 §12.4.3.2: joining by an external commit.
import { equalBytes, wipe } from "../../bytes.js";
import { decode, encode } from "../../codec/index.js";
import { ensure, MlsError } from "../../errors.js";
import {
  asCommitted,
  checkSender,
  sealPublic,
  signContent,
  type SourcedProposal,
  verifyContent,
} from "../../framing/index.js";
import type { LeafDescription } from "../../key-package/index.js";
import type { Signer } from "../../provider/index.js";
import { interimTranscriptHash } from "../../schedule/index.js";
import { type CreatedUpdatePath, createUpdatePath } from "../../tree/index.js";
import {
  type AuthenticatedContent,
  ContentType,
  type CustomProposal,
  ExtensionType,
  ExternalPub,
  findExtension,
  type FramedContent,
  GroupContext,
  type GroupInfo,
  MlsMessage,
  type PreSharedKeyID,
  ProposalType,
  SenderType,
  WireFormat,
} from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import { type Epoch, type NextEpoch, nextEpoch, provisionalContext, wipeEpoch } from "../epoch.js";
import { openTree } from "../join/index.js";
import { type Member, memberOf } from "../member.js";
import {
  applyProposals,
  cacheProposal,
  checkCustomList,
  checkExternalList,
  checkOwnSupport,
  checkProposals,
  checkResult,
  extensionsAfter,
  signatureKeyOf,
} from "../proposals/index.js";
import { pskSecretOf } from "../psks.js";
import { sendExternalInit } from "./external-init.js";

export interface ExternalCommitRequest {
  readonly signer: Signer;
  readonly description: LeafDescription;
  /** The encoded tree, if the GroupInfo doesn't hold it. */
  readonly ratchetTree: Uint8Array | undefined;
  /** Which member to remove: a former self that lost its state. */
  readonly formerSelf: ((member: Member) => boolean) | undefined;
  readonly psks: readonly PreSharedKeyID[];
  /** Proposals of registered types, to be included by value. */
  readonly custom: readonly CustomProposal[];
  /** Proposals of members, of registered types, to be included by reference: encoded MLSMessages. */
  readonly proposals: readonly Uint8Array[];
  readonly authenticatedData: Uint8Array | undefined;
}

/**
 * A commit by which its sender joins a group, and the epoch that it starts, once the group has taken it.
 * @returns the commit as an encoded MLSMessage
 * @throws MlsError `missing` without an `external_pub` extension or a tree; `usage` if there is no former self to
 *   remove, or one that isn't to be; ValidationError, CryptoError
 */
export async function createExternalCommit(
  config: GroupConfig,
  groupInfo: GroupInfo,
  request: ExternalCommitRequest,
): Promise<{ commit: Uint8Array; epoch: Epoch }> {
  const { provider } = config;
  const { groupContext } = groupInfo;
  const { signer } = request;
  const registry = config.registry;
  ensure(
    groupContext.cipherSuite === provider.suite.id,
    "12.4.3.1: the cipher suite in the GroupInfo must match the client's",
    () => `suite ${groupContext.cipherSuite}`,
  );
  const external = findExtension(groupInfo.extensions, ExtensionType.externalPub, ExternalPub);
  if (external === undefined) {
    throw new MlsError("missing", "the GroupInfo has no external_pub extension: nobody can join by it");
  }
  const tree = await openTree(config, groupInfo, request.ratchetTree);
  const before = {
    groupContext,
    tree,
    interimTranscriptHash: await interimTranscriptHash(
      provider,
      groupContext.confirmedTranscriptHash,
      groupInfo.confirmationTag,
    ),
  };
  const { kemOutput, initSecret } = await sendExternalInit(provider, external.externalPub);
  let path: CreatedUpdatePath | undefined;
  let pskSecret: Uint8Array | undefined;
  let made: NextEpoch | undefined;
  try {
    const sender = { senderType: SenderType.newMemberCommit };
    const proposals: SourcedProposal[] = [
      { sender, proposal: { proposalType: ProposalType.externalInit, kemOutput } },
    ];
    if (request.formerSelf !== undefined) {
      const removed = findMember(before, request.formerSelf);
      proposals.push({ sender, proposal: { proposalType: ProposalType.remove, removed } });
    }
    for (const psk of request.psks) {
      proposals.push({ sender, proposal: { proposalType: ProposalType.psk, psk } });
    }
    for (const proposal of request.custom) proposals.push({ sender, proposal });
    for (const message of request.proposals) proposals.push(await openProposal(config, before, message));
    checkExternalList(proposals, registry);
    const extensions = extensionsAfter(before, proposals, registry);
    checkOwnSupport(config, extensions);
    await checkProposals(config, before, proposals, extensions);
    const applied = applyProposals(before, proposals, registry);
    checkCustomList(config, before, proposals, applied);
    path = await createUpdatePath(provider, applied.tree, {
      sender: applied.tree.leftmostBlank(),
      unsignedLeaf: { ...request.description, signatureKey: signer.publicKey },
      signer,
      groupId: groupContext.groupId,
      exclude: new Set(),
      groupContext: (treeHash) => GroupContext.encoding(provisionalContext(before, treeHash, extensions)),
    });
    checkResult(config, path.tree, extensions);
    registry.checkLeafNode(path.updatePath.leafNode, extensions);
    pskSecret = await pskSecretOf(config, applied.psks);
    const content: FramedContent = {
      groupId: groupContext.groupId,
      epoch: groupContext.epoch,
      sender,
      authenticatedData: registry.authenticatedData(request.authenticatedData, groupContext),
      content: {
        contentType: ContentType.commit,
        commit: {
          proposals: proposals.map(asCommitted),
          path: path.updatePath,
        },
      },
    };
    const wireFormat = WireFormat.publicMessage;
    const context = GroupContext.encoding(groupContext);
    const signature = await signContent(signer, wireFormat, content, context);
    const signed: AuthenticatedContent = {
      wireFormat,
      content,
      auth: { signature, confirmationTag: undefined },
    };
    const next = await nextEpoch(config, before, signed, {
      tree: path.tree,
      extensions,
      keys: path.keys,
      commitSecret: path.commitSecret,
      pskSecret,
      initSecret,
    });
    made = next;
    const auth = { signature, confirmationTag: next.epoch.confirmationTag };
    const publicMessage = await sealPublic(provider, { ...signed, auth }, context, undefined);
    return { commit: encode(MlsMessage, { version: 1, wireFormat, publicMessage }), epoch: next.epoch };
  } catch (error) {
    if (made !== undefined) wipeEpoch(made.epoch);
    throw error;
  } finally {
    wipe(
      initSecret,
      made?.joinerSecret,
      path?.commitSecret,
      ...(path?.pathSecrets.values() ?? []),
      pskSecret,
    );
  }
}

/**
 * A member's proposal, for one who isn't a member: all is checked but its membership tag, which takes a secret of the
 * group.
 */
async function openProposal(
  config: GroupConfig,
  group: Pick<Epoch, "groupContext" | "tree">,
  message: Uint8Array,
): Promise<SourcedProposal> {
  const { groupContext } = group;
  const decoded = decode(MlsMessage, message, config.registry.proposalTypes);
  if (decoded.wireFormat !== WireFormat.publicMessage)
    throw new MlsError("usage", "a newcomer can only read proposals in PublicMessages");
  const { content, auth } = decoded.publicMessage;
  if (!equalBytes(content.groupId, groupContext.groupId))
    throw new MlsError("wrong-group", "the proposal belongs to another group");
  if (content.epoch !== groupContext.epoch)
    throw new MlsError("wrong-epoch", `the proposal is of epoch ${content.epoch}`);
  checkSender(content, config.registry.proposalTypes);
  const authenticated = { wireFormat: decoded.wireFormat, content, auth };
  const context = GroupContext.encoding(groupContext);
  await verifyContent(config.provider, authenticated, context, signatureKeyOf(content, group));
  return cacheProposal(config, group, authenticated);
}

/** The leaf of a member. @throws MlsError `usage` if there is none */
function findMember({ tree }: Pick<Epoch, "tree">, isWanted: (member: Member) => boolean): number {
  for (const { leafIndex, leafNode } of tree.members()) {
    if (isWanted(memberOf(leafIndex, leafNode))) return leafIndex;
  }
  throw new MlsError("usage", "there is no member who is this client's former self, to take the place of");
}
