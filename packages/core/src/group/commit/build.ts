// RFC 9420 §12.4.1: creating a commit.
import { wipe } from "../../bytes.js";
import { encode } from "../../codec/index.js";
import { MlsError } from "../../errors.js";
import {
  asCommitted,
  sealPrivate,
  sealPublic,
  signContent,
  type SourcedProposal,
} from "../../framing/index.js";
import type { LeafDescription } from "../../key-package/index.js";
import type { Signer } from "../../provider/index.js";
import { type CreatedUpdatePath, createUpdatePath, pruneKeys } from "../../tree/index.js";
import {
  type AuthenticatedContent,
  ContentType,
  type FramedContent,
  GroupContext,
  type LeafNode,
  MlsMessage,
  SenderType,
  WireFormat,
} from "../../wire/index.js";
import { type GroupConfig, handshakeFormat } from "../config.js";
import { contextBytes, type Epoch, nextEpoch, provisionalContext, wipeEpoch } from "../epoch.js";
import { createWelcome, ratchetTreeExtension } from "../join/index.js";
import {
  type Applied,
  applyProposals,
  blameOne,
  checkAuthorized,
  checkCustomList,
  checkOwnSupport,
  checkProposals,
  checkRegularList,
  checkResult,
  checkSize,
  extensionsAfter,
  type ResumptionUsage,
} from "../proposals/index.js";
import { pskSecretOf } from "../psks.js";

export interface CommitRequest {
  /** What to commit, in this order: by reference where a proposal has one, else by value. */
  readonly proposals: readonly SourcedProposal[];
  /** Whether to send a path where none is required. */
  readonly forcePath: boolean;
  /** Who signs in the epoch that ends. */
  readonly signer: Signer;
  /** Who signs from the new epoch on; the same, unless the key is rotated. */
  readonly nextSigner: Signer;
  /** What the committer's new leaf says of it; what it said before, if left out. */
  readonly description?: LeafDescription | undefined;
  readonly authenticatedData: Uint8Array;
  readonly ratchetTreeInWelcome: boolean;
  /** In the first commit of a group that follows another one (§11.2, §11.3). */
  readonly resumption?: ResumptionUsage | undefined;
}

/** A commit that was created, not in force before the delivery service has taken it. */
export interface CreatedCommit {
  /** An encoded MLSMessage */
  readonly commit: Uint8Array;
  /** An encoded MLSMessage, where members are added */
  readonly welcome: Uint8Array | undefined;
  readonly epoch: Epoch;
  readonly applied: Applied;
  readonly nextSigner: Signer;
}

/**
 * Signs a handshake message and wraps it as the policy says, as an encoded MLSMessage.
 * @param complete what is still to be added to the signed content: a commit's confirmation tag
 */
export async function protect(
  config: GroupConfig,
  epoch: Epoch,
  authenticated: AuthenticatedContent,
): Promise<Uint8Array> {
  const { provider } = config;
  if (authenticated.wireFormat === WireFormat.publicMessage) {
    const publicMessage = await sealPublic(
      provider,
      authenticated,
      contextBytes(epoch),
      epoch.secrets.membershipKey,
      config.registry.proposalTypes,
    );
    return encode(MlsMessage, { version: 1, wireFormat: WireFormat.publicMessage, publicMessage });
  }
  const privateMessage = await sealPrivate(
    provider,
    authenticated,
    { secretTree: epoch.secretTree, senderDataSecret: epoch.secrets.senderDataSecret },
    0,
  );
  return encode(MlsMessage, { version: 1, wireFormat: WireFormat.privateMessage, privateMessage });
}

function descriptionOf({ credential, capabilities, extensions }: LeafNode): LeafDescription {
  return { credential, capabilities, extensions };
}

/**
 * Creates a commit, its Welcome and the epoch that it starts. The epoch that it ends stays as it is, but for one
 * key of the handshake ratchet where the commit is sent encrypted.
 * @throws ValidationError, CryptoError, MlsError `authentication`, `missing`
 */
export async function createCommit(
  config: GroupConfig,
  epoch: Epoch,
  request: CommitRequest,
): Promise<CreatedCommit> {
  const { provider } = config;
  const { proposals, signer, nextSigner } = request;
  const registry = config.registry;
  const committer = epoch.keys.leafIndex;
  checkRegularList(proposals, committer, registry);
  const extensions = extensionsAfter(epoch, proposals, registry);
  await checkProposals(config, epoch, proposals, extensions, request.resumption);
  checkAuthorized(config, epoch, proposals, { senderType: SenderType.member, leafIndex: committer });
  const applied = applyProposals(epoch, proposals, registry);
  checkCustomList(config, epoch, proposals, applied);
  try {
    checkResult(config, applied.tree, applied.extensions);
    checkSize(config, applied.tree);
  } catch (error) {
    throw blameOne(config, epoch, proposals, error);
  }
  checkOwnSupport(config, applied.extensions);

  const path =
    applied.pathRequired || request.forcePath ? await makePath(config, epoch, applied, request) : undefined;
  let pskSecret: Uint8Array | undefined;
  let made: Awaited<ReturnType<typeof nextEpoch>> | undefined;
  try {
    if (path !== undefined) checkResult(config, path.tree, applied.extensions);
    pskSecret = await pskSecretOf(config, applied.psks);
    const content: FramedContent = {
      groupId: epoch.groupContext.groupId,
      epoch: epoch.groupContext.epoch,
      sender: { senderType: SenderType.member, leafIndex: committer },
      authenticatedData: request.authenticatedData,
      content: {
        contentType: ContentType.commit,
        commit: {
          proposals: proposals.map(asCommitted),
          path: path?.updatePath,
        },
      },
    };
    const wireFormat = handshakeFormat(config);
    const signature = await signContent(signer, wireFormat, content, contextBytes(epoch));
    const signed: AuthenticatedContent = {
      wireFormat,
      content,
      auth: { signature, confirmationTag: undefined },
    };
    made = await nextEpoch(config, epoch, signed, {
      tree: path?.tree ?? applied.tree,
      extensions: applied.extensions,
      keys: path === undefined ? pruneKeys(epoch.keys, applied.tree) : path.keys,
      commitSecret: path?.commitSecret ?? new Uint8Array(provider.suite.hash.Nh),
      pskSecret,
      initSecret: epoch.secrets.initSecret,
    });
    const welcome =
      applied.added.length === 0
        ? undefined
        : await createWelcome(provider, made, {
            added: applied.added,
            pathSecrets: path?.pathSecrets,
            psks: applied.psks,
            signer: nextSigner,
            extensions: registry.groupInfoExtensions(
              request.ratchetTreeInWelcome ? [ratchetTreeExtension(made.epoch)] : [],
              (length) => provider.random(length),
              made.epoch,
            ),
          });
    const commit = await protect(config, epoch, {
      ...signed,
      auth: { signature, confirmationTag: made.epoch.confirmationTag },
    });
    return {
      commit,
      welcome: welcome && encode(MlsMessage, { version: 1, wireFormat: WireFormat.welcome, welcome }),
      epoch: made.epoch,
      applied,
      nextSigner,
    };
  } catch (error) {
    if (made !== undefined) wipeEpoch(made.epoch);
    throw error;
  } finally {
    wipe(path?.commitSecret, ...(path?.pathSecrets.values() ?? []), pskSecret, made?.joinerSecret);
  }
}

function makePath(
  config: GroupConfig,
  epoch: Epoch,
  applied: Applied,
  { nextSigner, description }: CommitRequest,
): Promise<CreatedUpdatePath> {
  const sender = epoch.keys.leafIndex;
  const own = applied.tree.leaf(sender);
  if (own === undefined) throw new MlsError("removed", "this client is no member of the group any more");
  return createUpdatePath(config.provider, applied.tree, {
    sender,
    unsignedLeaf: { ...(description ?? descriptionOf(own)), signatureKey: nextSigner.publicKey },
    signer: nextSigner,
    groupId: epoch.groupContext.groupId,
    exclude: new Set(applied.added.map(({ leafIndex }) => leafIndex)),
    groupContext: (treeHash) =>
      GroupContext.encoding(provisionalContext(epoch, treeHash, applied.extensions)),
  });
}
