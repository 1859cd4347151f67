// RFC 9420 §12.1: making the proposals that an application requests.
import { needBytes } from "../../bytes.js";
import { validateSigner } from "../../crypto/index.js";
import { MlsError } from "../../errors.js";
import type { SourcedProposal } from "../../framing/index.js";
import type { LeafDescription } from "../../key-package/index.js";
import type { CipherSuiteProvider, HpkePrivateKey, Signer } from "../../provider/index.js";
import { signLeafNode } from "../../tree/index.js";
import {
  type Credential,
  type CustomProposal,
  type CustomPsk,
  type Extension,
  type LeafNode,
  LeafNodeSource,
  MAX_ID_SIZE,
  type PreSharedKeyID,
  type Proposal,
  ProposalType,
  PSKType,
  type ReInit,
  ResumptionPSKUsage,
  SenderType,
} from "../../wire/index.js";
import { type Member, memberOf } from "../member.js";
import type { MemberContext } from "../state.js";
import { type KeyPackageToAdd, keyPackageOf } from "./key-package-to-add.js";

/** A proposal; with the new leaf key and signer if it is an own Update. */
interface RequestedProposal {
  readonly proposal: Proposal;
  readonly leafKey?: HpkePrivateKey;
  readonly signer?: Signer | undefined;
}

/** A proposal to send separately. @throws DecodeError, UnsupportedError, MlsError `usage` */
export async function requestedProposal(
  context: MemberContext,
  request: ProposalRequest,
): Promise<RequestedProposal> {
  if ("update" in request) return ownUpdate(context, request.update === true ? {} : request.update);
  const { config, epoch } = context;
  const { groupId, extensions } = epoch.groupContext;
  return { proposal: proposalOf(config.provider, groupId, request, extensions) };
}

/**
 * The proposal that a request describes, which shares its memory.
 * @param present the GroupContext's extensions; `undefined` if they aren't known
 * @throws DecodeError, MlsError `usage`, `limit`
 */
export function proposalOf(
  provider: CipherSuiteProvider,
  groupId: Uint8Array,
  request: ExternalProposalRequest,
  present?: readonly Extension[],
): Proposal {
  if ("add" in request) return { proposalType: ProposalType.add, keyPackage: keyPackageOf(request.add) };
  if ("remove" in request) return { proposalType: ProposalType.remove, removed: request.remove };
  if ("psk" in request) {
    return { proposalType: ProposalType.psk, psk: pskIdOf(provider, groupId, request.psk) };
  }
  if ("extensions" in request) {
    return { proposalType: ProposalType.groupContextExtensions, extensions: request.extensions };
  }
  if ("custom" in request) return request.custom;
  if ("reinit" in request) {
    needBytes(request.reinit.groupId, "the group ID", MAX_ID_SIZE);
    return { proposalType: ProposalType.reinit, version: 1, ...request.reinit };
  }
  const extensions = changedExtensions(present, request);
  return { proposalType: ProposalType.groupContextExtensions, extensions };
}

/** A list of extensions after a change of single ones. @throws MlsError `usage` */
function changedExtensions(
  present: readonly Extension[] | undefined,
  { setExtensions = [], dropExtensions = [] }: ExtensionChanges,
): readonly Extension[] {
  if (present === undefined)
    throw new MlsError(
      "usage",
      "expected the whole list of `extensions`: the group's present one isn't known",
    );
  const typesIn = (list: readonly Extension[]) => list.map(({ extensionType }) => extensionType);
  const set = typesIn(setExtensions);
  const wrong = dropExtensions.find((type) => set.includes(type) || !typesIn(present).includes(type));
  if (wrong !== undefined) {
    throw new MlsError(
      "usage",
      `expected dropExtensions that the group has, and that aren't set, got ${wrong}`,
    );
  }
  const changed = [...set, ...dropExtensions];
  return [...present.filter(({ extensionType }) => !changed.includes(extensionType)), ...setExtensions];
}

/** The leaves that a commit removes. @throws MlsError `usage` if no member matches */
function leavesToRemove({ epoch }: MemberContext, remove: MembersToRemove = []): readonly number[] {
  if (typeof remove !== "function") return remove;
  const found: number[] = [];
  for (const { leafIndex, leafNode } of epoch.tree.members()) {
    // A promise isn't a yes.
    if (remove(memberOf(leafIndex, leafNode)) === true) found.push(leafIndex);
  }
  if (found.length === 0) throw new MlsError("usage", "expected a member to remove, but no member matches");
  return found;
}

/** The PreSharedKeyID of a pre-shared key, with a random nonce (§8.4). @throws MlsError `usage`, `limit` */
export function pskIdOf(provider: CipherSuiteProvider, groupId: Uint8Array, psk: PskChoice): PreSharedKeyID {
  const pskNonce = provider.random(provider.suite.hash.Nh);
  if ("custom" in psk) return { ...psk.custom, pskNonce };
  if ("external" in psk) {
    return {
      pskType: PSKType.external,
      pskId: needBytes(psk.external, "the PSK ID", MAX_ID_SIZE),
      pskNonce,
    };
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
export function ownProposals(context: MemberContext, options: CommitOptions): SourcedProposal[] {
  const { config, epoch } = context;
  const { add = [], remove, psks = [], extensions, reinit, proposals = [] } = options;
  const { setExtensions = [], dropExtensions = [] } = options;
  const isChange = setExtensions.length + dropExtensions.length > 0;
  if (isChange && extensions !== undefined) {
    throw new MlsError("usage", "expected either `extensions`, the whole list, or changes of single ones");
  }
  const requests: ExternalProposalRequest[] = [
    ...(extensions === undefined ? [] : [{ extensions }]),
    ...(isChange ? [{ setExtensions, dropExtensions }] : []),
    ...leavesToRemove(context, remove).map((leafIndex) => ({ remove: leafIndex })),
    ...add.map((keyPackage) => ({ add: keyPackage })),
    ...psks.map((psk) => ({ psk })),
    ...(reinit === undefined ? [] : [{ reinit }]),
  ];
  const sender = { senderType: SenderType.member, leafIndex: epoch.keys.leafIndex };
  const { groupId, extensions: present } = epoch.groupContext;
  return [
    ...requests.map((request) => proposalOf(config.provider, groupId, request, present)),
    ...proposals,
  ].map((proposal) => ({ proposal, sender }));
}

async function ownUpdate(context: MemberContext, identity: NewIdentity): Promise<RequestedProposal> {
  const { provider } = context.config;
  const { groupContext, keys } = context.epoch;
  const signer = identity.signer === undefined ? context.signer : context.config.guard(identity.signer);
  if (identity.signer !== undefined) await validateSigner(provider, identity.signer);
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
  return {
    proposal: { proposalType: ProposalType.update, leafNode },
    leafKey: privateKey,
    signer: identity.signer,
  };
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

/** A pre-shared key to inject (§8.4): an external one by its ID, or the resumption PSK of an epoch of the group. */
export type PskChoice =
  /** At most 1,024 bytes */
  | { readonly external: Uint8Array }
  | { readonly resumption: bigint }
  /** Of a registered type */
  | { readonly custom: CustomPsk };

/** A new signature key or credential for the own leaf. */
export interface NewIdentity {
  /** Signs once the new leaf is in force. Default: the present signer. */
  readonly signer?: Signer;
  readonly credential?: Credential;
  /** Whether to replace the leaf's capabilities and extensions by the client's present ones. Default: false. */
  readonly renewCapabilities?: boolean;
}

/** Changes of single GroupContext extensions. The others stay. */
export interface ExtensionChanges {
  /** Extensions to add, or to put in the place of those of their types. */
  readonly setExtensions?: readonly Extension[];
  /** Types of extensions to take out, which the group must have. */
  readonly dropExtensions?: readonly number[];
}

/** At least one of the two changes. */
export type ExtensionChange =
  | (ExtensionChanges & Required<Pick<ExtensionChanges, "setExtensions">>)
  | (ExtensionChanges & Required<Pick<ExtensionChanges, "dropExtensions">>);

/** A proposal (§12.1) to send separately, for any member to commit. */
export type ProposalRequest =
  /** A key package */
  | { readonly add: KeyPackageToAdd }
  /** A leaf index */
  | { readonly remove: number }
  /** Fresh keys for the own leaf */
  | { readonly update: true | NewIdentity }
  | { readonly psk: PskChoice }
  /** The new list of GroupContext extensions: it replaces the present one */
  | { readonly extensions: readonly Extension[] }
  | ExtensionChange
  | { readonly reinit: Omit<ReInit, "version"> }
  /** Of a registered type */
  | { readonly custom: CustomProposal };

/** A proposal from outside the group (§12.1.8): any except an Update. */
export type ExternalProposalRequest = Exclude<ProposalRequest, { readonly update: true | NewIdentity }>;

/** The content of a GroupInfo besides the GroupContext. */
export interface GroupInfoOptions {
  /** Whether it has `external_pub`, which an external commit needs (§12.4.3.2). Default: true. */
  readonly externalPub?: boolean;
  /** Whether it carries the ratchet tree. Default: true. */
  readonly ratchetTree?: boolean;
  /** Further GroupInfo extensions. */
  readonly extensions?: readonly Extension[];
}

/** Leaf indices, or a function that says of each member whether to remove it. */
export type MembersToRemove = readonly number[] | ((member: Member) => boolean);

/** What a commit contains besides the received proposals (§12.4). */
export interface CommitOptions extends ExtensionChanges {
  /** Key packages of new members */
  readonly add?: readonly KeyPackageToAdd[];
  /** A function must match at least one member. */
  readonly remove?: MembersToRemove;
  readonly psks?: readonly PskChoice[];
  /** The new list of GroupContext extensions: it replaces the present one */
  readonly extensions?: readonly Extension[];
  readonly reinit?: Omit<ReInit, "version">;
  /** Further proposals, such as `dropped` of a {@link CommitMessage}. */
  readonly proposals?: readonly Proposal[];
  /**
   * ProposalRefs of the received proposals to commit: exactly these, or the call fails. Default: all that can be
   * committed, as §12.4 requires. For applications in which, for example, a server decides.
   */
  readonly references?: readonly Uint8Array[];
  /** A new signature key or credential for the own leaf. The commit then has a path. */
  readonly identity?: NewIdentity;
  /** Whether to send a path that isn't required. A path renews the own keys. Default: false. */
  readonly forcePath?: boolean;
  /** Whether the Welcome carries the ratchet tree. Default: the policy's. */
  readonly ratchetTreeInWelcome?: boolean;
  /**
   * Whether this commit takes the place of an own one that is staged, which is discarded. Default: false, and there must
   * be none.
   */
  readonly replacePending?: boolean;
  /** Bytes that the message authenticates but doesn't encrypt. */
  readonly authenticatedData?: Uint8Array;
}

/** The first commit of a group that resumes another one (§11.2, §11.3). */
export interface ResumptionOptions {
  /** Key packages of the other members */
  readonly add: readonly KeyPackageToAdd[];
  readonly forcePath?: boolean;
  /** As in {@link CommitOptions} */
  readonly ratchetTreeInWelcome?: boolean;
}
