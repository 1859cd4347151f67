// RFC 9420 §13: the parts of an extension of the protocol. The core contains no particular extension.
import type { Codec } from "../../codec/index.js";
import type { SourcedProposal } from "../../framing/index.js";
import type { Awaitable, CipherSuiteProvider } from "../../provider/index.js";
import type { TreeSummary } from "../../tree/index.js";
import type { Credential, Extension, GroupContext, KeyPackage, LeafNode, Sender } from "../../wire/index.js";

/** Where an extension may be used (§13.4, §17.3). */
export type ExtensionPlace = "keyPackage" | "leafNode" | "groupContext" | "groupInfo";

/** The public state of a ratchet tree, for reading. */
export interface TreeView {
  /** The leaf node at a leaf index; `undefined` for a blank leaf. */
  leaf(leafIndex: number): LeafNode | undefined;
  /** The members, in the order of their leaf indices. */
  members(): Iterable<{ readonly leafIndex: number; readonly leafNode: LeafNode }>;
  /** What the members have in common. */
  readonly summary: TreeSummary;
}

/**
 * The public part of a group's state. Rules of extensions depend on nothing else, so that all members and followers
 * come to the same result.
 */
export interface GroupView {
  readonly groupContext: GroupContext;
  readonly tree: TreeView;
}

/** An extension type (§13.4), which the client's capabilities list. */
export interface ExtensionDefinition {
  readonly extensionType: number;
  /** For error messages. */
  readonly name: string;
  readonly places: readonly ExtensionPlace[];
  /**
   * Checks the extension's content. Called for all own lists, and for received ones if the group requires its members to
   * support the type: members who don't could not refuse with the others.
   * @param group the GroupContext extensions of the group that the content was received for; `undefined` for own content
   * @throws MlsError
   */
  check?(data: Uint8Array, place: ExtensionPlace, group: readonly Extension[] | undefined): void;
}

/** A proposal of a registered type, with its content decoded. */
export interface ProposalCase<T> {
  readonly value: T;
  readonly sender: Sender;
  /** ProposalRef (§5.2): `Nh` bytes; `undefined` for a proposal by value. */
  readonly reference: Uint8Array | undefined;
}

/** A proposal type (§13.2). Its functions must be pure: the core calls them more than once. */
export interface ProposalDefinition<T = unknown> {
  readonly proposalType: number;
  /** For error messages. */
  readonly name: string;
  /** The codec of the content. A proposal in a message has no length prefix, so this must find its end. */
  readonly codec: Codec<T>;
  /** §17.4, column "Path Required" */
  readonly pathRequired: boolean;
  /** §17.4, column "External": whether external senders may send it. */
  readonly external: boolean;
  /** How a commit may include it. Default: by value and by reference. */
  readonly committedBy?: "value" | "reference";
  /** How an external commit (§12.4.3.2) may include it. Default: not at all. */
  readonly inExternalCommits?: "value" | "reference";
  /** Whether it must be sent in a PublicMessage, so that non-members can read it. Default: false. */
  readonly publicOnly?: boolean;
  /** Whether a member may send at most one in an epoch. Default: false. */
  readonly oncePerEpoch?: boolean;
  /** Checks one proposal. @throws MlsError */
  check?(one: ProposalCase<T>, group: GroupView): void;
  /** The leaf that it removes, as a Remove would. */
  removes?(one: ProposalCase<T>): number;
  /**
   * The GroupContext extensions after all proposals of this type in a commit.
   * @param extensions those before, or of the commit's GroupContextExtensions proposal
   * @param cases in the order of the commit
   * @throws MlsError
   */
  changeExtensions?(
    extensions: readonly Extension[],
    cases: readonly ProposalCase<T>[],
  ): readonly Extension[];
}

/**
 * A credential type (§13.3), which the client's capabilities list. Its body must be one `<V>` vector, so that clients
 * that don't know the type can skip it.
 */
export interface CredentialDefinition {
  readonly credentialType: number;
  /** For error messages. */
  readonly name: string;
  /** Checks the credential's form. The authentication service decides whether it is valid. @throws MlsError */
  check?(credential: Credential, leafNode: LeafNode): void;
}

/** A type of pre-shared keys (§8.4). Capabilities don't list it: applications must agree on its use. */
export interface PskDefinition<T = unknown> {
  readonly pskType: number;
  /** For error messages. */
  readonly name: string;
  /** The codec of the fields of a PreSharedKeyID between its type and its nonce: the name of the key. */
  readonly codec: Codec<T>;
  /** The key with this name; `undefined` if it isn't known here. */
  find(name: T): Awaitable<Uint8Array | undefined>;
}

/**
 * The state that an extension has in an epoch, derived from its own epoch secret: for example, which keys of a tree
 * of secrets were used. The core saves it with the epoch, and overwrites it at the epoch's end.
 */
export interface EpochLedger {
  /** The whole state as bytes. The same state gives the same bytes. */
  save(): Uint8Array;
  /** Overwrites all secrets. */
  wipe(): void;
}

/** A secret of each epoch, besides those of §8, table 4. */
export interface EpochSecretDefinition<T extends EpochLedger = EpochLedger> {
  /** The secret is `DeriveSecret(epoch_secret, label)`. Must be unique. */
  readonly label: string;
  /** The state at the start of an epoch. It takes ownership of the secret: `Nh` bytes. */
  open(provider: CipherSuiteProvider, secret: Uint8Array): T;
  /** Loads what {@link EpochLedger.save} returned. Must copy: the bytes are overwritten. @throws MlsError `state` */
  load(provider: CipherSuiteProvider, saved: Uint8Array): T;
}

/** The proposals of a commit, each of which was checked. */
export interface ProposalList {
  readonly proposals: readonly SourcedProposal[];
  /** The group before the commit. */
  readonly group: GroupView;
  /** The GroupContext extensions after the commit. */
  readonly extensions: readonly Extension[];
  /** The tree after the commit, without the committer's path. */
  readonly tree: GroupView["tree"];
}

/** Code points for a leaf node's `capabilities` (§7.2). */
export interface ListedCapabilities {
  readonly cipherSuites?: readonly number[];
  readonly extensions?: readonly number[];
  readonly proposals?: readonly number[];
  readonly credentials?: readonly number[];
}

/** Returns `length` bytes of the provider's random source. */
export type RandomSource = (length: number) => Uint8Array;

/**
 * An extension of the protocol, for `ClientOptions.extensions`. Its types go into the client's capabilities. Its rules
 * apply to all groups of the client. All members of a group must use the same rules, or the group splits.
 */
export interface MlsExtension {
  /** For error messages. */
  readonly name: string;
  readonly extensions?: readonly ExtensionDefinition[];
  readonly proposals?: readonly ProposalDefinition[];
  readonly credentials?: readonly CredentialDefinition[];
  readonly psks?: readonly PskDefinition[];
  readonly secrets?: readonly EpochSecretDefinition[];
  /** GREASE values for a new leaf node's capabilities (§13.5). */
  greaseCapabilities?(random: RandomSource): ListedCapabilities;
  /** Extensions of new leaf nodes, unless the application sets one of the type. */
  leafNodeExtensions?(random: RandomSource): readonly Extension[];
  /** Extensions of new key packages, unless the application sets one of the type. */
  keyPackageExtensions?(random: RandomSource): readonly Extension[];
  /** Extensions of new GroupInfos, unless the application sets one of the type. */
  groupInfoExtensions?(random: RandomSource, group: GroupView): readonly Extension[];
  /**
   * Checks a leaf node for a group with these GroupContext extensions, in groups that require their members to support
   * one of this extension's types. All leaves are checked when the group's extensions change. @throws MlsError
   */
  checkLeafNode?(leafNode: LeafNode, groupExtensions: readonly Extension[]): void;
  /** Checks the proposals of a commit together. @throws MlsError */
  checkList?(list: ProposalList): void;
  /** Whether a client may join more than once with a key package. */
  isReusable?(keyPackage: KeyPackage): boolean;
  /** The `authenticated_data` of a message for which the application sets none. Default: empty. */
  defaultAuthenticatedData?(groupContext: GroupContext): Uint8Array | undefined;
  /** Checks the `authenticated_data` of a sent or received message. @throws MlsError */
  checkAuthenticatedData?(data: Uint8Array, groupContext: GroupContext): void;
}
