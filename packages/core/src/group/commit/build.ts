// RFC 9420 §12.4.1, §12.4.3.2: building a commit, by a member or by a new member who joins by it.
import { type Bytes, wipe } from "../../bytes.js";
import { encode } from "../../codec/index.js";
import { isVerdict, MlsError } from "../../errors.js";
import {
  asCommitted,
  checkMessageSize,
  type SourcedProposal,
  sealPrivate,
  sealPublic,
  signContent,
} from "../../framing/index.js";
import type { LeafDescription } from "../../key-package/index.js";
import type { Signer } from "../../provider/index.js";
import { type CreatedUpdatePath, createUpdatePath, pruneKeys, type RatchetTree } from "../../tree/index.js";
import {
  type AuthenticatedContent,
  ContentType,
  type FramedContent,
  GroupContext,
  type LeafNode,
  LeafNodeSource,
  MlsMessage,
  type Sender,
  SenderType,
  WireFormat,
} from "../../wire/index.js";
import { authenticate } from "../authentication.js";
import type { GroupConfig } from "../config.js";
import {
  contextBytes,
  type Epoch,
  type NextEpoch,
  nextEpoch,
  nextGroupContext,
  type PublicEpoch,
  provisionalContext,
  wipeEpoch,
} from "../epoch.js";
import { checkResumption, createWelcome, type ResumptionPskId } from "../join/index.js";
import { checkGrowth, maxMessageSize } from "../limits.js";
import { memberOf } from "../member.js";
import { handshakeFormat } from "../policy.js";
import {
  type Applied,
  authorizeCommit,
  checkGroup,
  checkOwnSupport,
  checkReplacement,
  checkResult,
  filterProposals,
  leafRules,
  replacedLeaf,
  type Selection,
  validateProposals,
} from "../proposals/index.js";
import { pskSecretOf } from "../psks.js";
import type { GroupState } from "../state.js";

/** The builder of a commit. */
export interface Committer {
  /** A member, or a new member who joins by the commit. */
  readonly sender: Sender;
  readonly epoch: PublicEpoch;
  /** The `init_secret` (§8), or that of an external commit (§8.3): `Nh` bytes. */
  readonly initSecret: Uint8Array;
  /** The epoch with its secrets; `undefined` for a new member. */
  readonly member: Epoch | undefined;
}

export interface CommitRequest {
  /**
   * Gives the proposals in the commit's order: by reference if one has a reference, else by value.
   * @param leaveOut whether the application wants a received one to be left out
   */
  readonly select: (leaveOut: (received: SourcedProposal) => boolean) => Selection;
  /** Whether to send a path that isn't required. */
  readonly forcePath: boolean;
  /**
   * Whether to send a path with a Welcome. Without a path nothing of a commit is random where signatures aren't, as with
   * Ed25519: the same Adds again give the same joiner secret, with which a second Welcome would be encrypted by the key
   * and nonce (§12.4.3.1) of the first.
   */
  readonly freshWelcome: boolean;
  /** The signer in the epoch that ends. */
  readonly signer: Signer;
  /** The signer from the new epoch on. */
  readonly nextSigner: Signer;
  /** The content of the committer's new leaf. Default: that of its present leaf. */
  readonly description?: LeafDescription | undefined;
  readonly authenticatedData: Uint8Array;
  readonly ratchetTreeInWelcome: boolean;
  /** In the first commit of a group that resumes another one (§11.2, §11.3): the resumption PSK, and that group. */
  readonly resumption?: { readonly id: ResumptionPskId; readonly from: GroupState } | undefined;
}

/** A commit. It is not in force before the delivery service accepts it. */
export interface BuiltCommit {
  /** An encoded MLSMessage */
  readonly commit: Bytes;
  /** An encoded MLSMessage; `undefined` if no members are added */
  readonly welcome: Bytes | undefined;
  readonly path: boolean;
  readonly proposals: readonly SourcedProposal[];
  readonly applied: Applied;
  /** The epoch that the commit starts. */
  readonly epoch: Epoch;
}

/**
 * Builds a commit, its Welcome, and the epoch that it starts. The present epoch doesn't change, except that a commit
 * in a PrivateMessage uses a key of the handshake ratchet.
 * @throws ValidationError, CryptoError, MlsError `authentication`, `forbidden`, `limit`, `missing`
 */
export async function buildCommit(
  config: GroupConfig,
  committer: Committer,
  request: CommitRequest,
): Promise<BuiltCommit> {
  const { provider } = config;
  const { epoch } = committer;
  const chosen = await chooseProposals(config, committer, request);
  const { proposals, applied } = chosen;
  const path = await makePath(config, committer, chosen, request);
  let pskSecret: Uint8Array | undefined;
  let next: NextEpoch | undefined;
  try {
    const tree = path?.tree ?? applied.tree;
    if (path !== undefined) checkGroup(config, tree, applied.extensions);
    pskSecret = await pskSecretOf(config, applied.psks);
    const signed = await signCommit(config, committer, request, proposals, path);
    const groupContext = await nextGroupContext(provider, epoch, signed, tree, applied.extensions);
    const keys = path?.keys ?? pruneKeys((committer.member as Epoch).keys, tree);
    const commitSecret = path?.commitSecret ?? new Uint8Array(provider.suite.hash.Nh);
    const secrets = { initSecret: committer.initSecret, commitSecret, pskSecret };
    next = await nextEpoch(config, { groupContext, tree, keys }, secrets);
    const { resumption } = request;
    if (resumption !== undefined) checkResumption(config, resumption.id, resumption.from, next.epoch);
    const { added, psks } = applied;
    const welcome = await createWelcome(config, next, {
      added,
      psks,
      pskSecret,
      pathSecrets: path?.pathSecrets,
      signer: request.nextSigner,
      ratchetTree: request.ratchetTreeInWelcome,
    });
    const auth = { ...signed.auth, confirmationTag: next.epoch.confirmationTag };
    const commit = await protect(config, epoch, committer.member, { ...signed, auth });
    return { commit, welcome, path: path !== undefined, proposals, applied, epoch: next.epoch };
  } catch (error) {
    if (next !== undefined) wipeEpoch(next.epoch);
    throw error;
  } finally {
    wipe(path?.commitSecret, ...(path?.pathSecrets.values() ?? []), pskSecret, next?.joinerSecret);
  }
}

/** The proposals of a commit, and what they lead to. */
interface Chosen {
  readonly proposals: readonly SourcedProposal[];
  readonly applied: Applied;
  readonly hasPath: boolean;
  /** The committer's leaf index after them. */
  readonly leafIndex: number;
}

/** How often the application may leave out some received proposals. After that, all of them are left out. */
const MAX_ROUNDS = 16;

/** The proposals to commit: valid, and authorized by the application. */
async function chooseProposals(
  config: GroupConfig,
  committer: Committer,
  request: CommitRequest,
): Promise<Chosen> {
  const { sender, epoch } = committer;
  const without = new Set<SourcedProposal>();
  for (let round = 0; ; round++) {
    const selection = request.select((one) => round > MAX_ROUNDS || without.has(one));
    const chosen = await validProposals(config, committer, request, selection);
    const { applied, leafIndex } = chosen;
    const refused = await authorizeCommit(config, epoch, {
      committer: sender,
      own: true,
      exact: selection.fallback === undefined,
      path: chosen.hasPath,
      proposals: chosen.proposals,
      tree: applied.tree,
      extensions: applied.extensions,
      member: () => {
        const { credential } = request.description ?? leafAt(applied.tree, leafIndex);
        return memberOf(leafIndex, { credential, signatureKey: request.nextSigner.publicKey });
      },
    });
    if (refused.length === 0) return chosen;
    for (const one of refused) without.add(one);
  }
}

/** The proposals of a selection that are valid together. Leaves out received ones only after the whole list failed. */
async function validProposals(
  config: GroupConfig,
  { epoch, sender }: Committer,
  { resumption, description, nextSigner, forcePath, freshWelcome }: CommitRequest,
  { proposals, fallback }: Selection,
): Promise<Chosen> {
  const isMember = sender.senderType === SenderType.member;
  // The path comes later. But received proposals must fit what is known of the committer's new leaf.
  const withOwnLeaf = (tree: RatchetTree): RatchetTree => {
    if (description === undefined || !isMember) return tree;
    const { credential, capabilities, extensions } = description;
    const leaf = { credential, capabilities, extensions, signatureKey: nextSigner.publicKey };
    return tree.update(sender.leafIndex, { ...leafAt(tree, sender.leafIndex), ...leaf });
  };
  const attempt = async (chosen: readonly SourcedProposal[]) => {
    const applied = await validateProposals(config, epoch, chosen, sender, "sending", resumption?.id.usage);
    checkResult(config, epoch, chosen, applied, withOwnLeaf(applied.tree));
    checkOwnSupport(config, applied.extensions);
    // The leaf of a new member comes with the path.
    checkGrowth(config.policy, epoch.tree.memberCount, applied.tree.memberCount + (isMember ? 0 : 1));
    return {
      proposals: chosen,
      applied,
      hasPath: !isMember || applied.pathRequired || forcePath || (freshWelcome && applied.added.length > 0),
      leafIndex: isMember ? sender.leafIndex : applied.tree.leftmostBlank(),
    };
  };
  try {
    return await attempt(proposals);
  } catch (error) {
    if (fallback === undefined || !isVerdict(error)) throw error;
    const filtered = filterProposals(config, epoch, fallback, withOwnLeaf);
    const isSame = filtered.length === proposals.length && filtered.every((one, i) => one === proposals[i]);
    if (isSame) throw error;
    return attempt(filtered);
  }
}

/** The path of a commit, if it has one. Its leaf is checked as every receiver will check it. */
async function makePath(
  config: GroupConfig,
  { sender, epoch }: Committer,
  { proposals, applied, hasPath, leafIndex }: Chosen,
  { nextSigner, description }: CommitRequest,
): Promise<CreatedUpdatePath | undefined> {
  if (!hasPath) return undefined;
  const { credential, capabilities, extensions } = description ?? leafAt(applied.tree, leafIndex);
  const { groupId } = epoch.groupContext;
  const signatureKey = nextSigner.publicKey;
  const replaces = replacedLeaf(epoch, sender, proposals);
  if (description !== undefined) {
    const identity = { credential, signatureKey };
    await authenticate(config, groupId, { identity, role: "member", replaces });
  }
  const path = await createUpdatePath(config.provider, applied.tree, {
    sender: leafIndex,
    unsignedLeaf: { credential, capabilities, extensions, signatureKey },
    signer: nextSigner,
    groupId,
    exclude: new Set(applied.added.map((one) => one.leafIndex)),
    groupContext: (treeHash) =>
      GroupContext.encoding(provisionalContext(epoch, treeHash, applied.extensions)),
  });
  try {
    const rules = leafRules(config, applied.extensions, "sending");
    checkReplacement(path.updatePath.leafNode, LeafNodeSource.commit, replaces?.old, rules);
    return path;
  } catch (error) {
    wipe(path.commitSecret, ...path.pathSecrets.values());
    throw error;
  }
}

function leafAt(tree: RatchetTree, leafIndex: number): LeafNode {
  const leafNode = tree.leaf(leafIndex);
  if (leafNode === undefined) throw new MlsError("removed", "this client is no longer a member of the group");
  return leafNode;
}

/** The signed commit (§6.1), without its confirmation tag. */
async function signCommit(
  { policy }: GroupConfig,
  { sender, epoch, member }: Committer,
  { signer, authenticatedData }: CommitRequest,
  proposals: readonly SourcedProposal[],
  path: CreatedUpdatePath | undefined,
): Promise<AuthenticatedContent> {
  const { groupId, epoch: number } = epoch.groupContext;
  const commit = { proposals: proposals.map(asCommitted), path: path?.updatePath };
  const content: FramedContent = {
    groupId,
    epoch: number,
    sender,
    authenticatedData,
    content: { contentType: ContentType.commit, commit },
  };
  const wireFormat = member === undefined ? WireFormat.publicMessage : handshakeFormat(policy);
  const signature = await signContent(signer, wireFormat, content, contextBytes(epoch));
  return { wireFormat, content, auth: { signature, confirmationTag: undefined } };
}

/**
 * A signed handshake message as an encoded MLSMessage, in the wire format that it was signed for.
 * @param member the epoch with its secrets; `undefined` for a sender who isn't a member
 */
export async function protect(
  config: GroupConfig,
  epoch: PublicEpoch,
  member: Epoch | undefined,
  authenticated: AuthenticatedContent,
): Promise<Bytes> {
  const { provider, registry } = config;
  const { sender, content, epoch: number } = authenticated.content;
  const { contentType } = content;
  const kind = { contentType, senderType: sender.senderType, epoch: number };
  const maxSize = maxMessageSize(config, epoch, kind);
  if (authenticated.wireFormat === WireFormat.privateMessage && member !== undefined) {
    const { secretTree, secrets } = member;
    const isAlone = member.tree.memberCount === 1;
    const keys = { secretTree, senderDataSecret: secrets.senderDataSecret, isAlone };
    const privateMessage = await sealPrivate(provider, authenticated, keys, 0, maxSize);
    return encode(MlsMessage, { version: 1, wireFormat: WireFormat.privateMessage, privateMessage });
  }
  const publicMessage = await sealPublic(
    provider,
    authenticated,
    contextBytes(epoch),
    member?.secrets.membershipKey,
    registry.proposalTypes,
  );
  const message = encode(MlsMessage, { version: 1, wireFormat: WireFormat.publicMessage, publicMessage });
  checkMessageSize(maxSize, message.length);
  return message;
}

/** A member as the committer. */
export function memberCommitter(epoch: Epoch): Committer {
  const sender = { senderType: SenderType.member, leafIndex: epoch.keys.leafIndex };
  return { sender, epoch, initSecret: epoch.secrets.initSecret, member: epoch };
}
