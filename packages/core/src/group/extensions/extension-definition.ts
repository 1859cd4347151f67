// RFC 9420 §13: what an extension of the protocol consists of. The core knows none of them by name.
import type { Codec } from "../../codec/index.js";
import type { SourcedProposal } from "../../framing/index.js";
import type { Awaitable, CipherSuiteProvider } from "../../provider/index.js";
import type { RatchetTree } from "../../tree/index.js";
import type { Credential, Extension, GroupContext, KeyPackage, LeafNode, Sender } from "../../wire/index.js";

/** Where an extension may stand (§13.4, §17.3). */
export type ExtensionPlace = "keyPackage" | "leafNode" | "groupContext" | "groupInfo";

/** A group as everybody may see it, who holds no secret of it. Rules are functions of this alone, and so are the same for all. */
export interface GroupView {
  readonly groupContext: GroupContext;
  readonly tree: Pick<RatchetTree, "leaf" | "members" | "summary">;
}

/** An extension type (§13.4): one that is in a client's capabilities. */
export interface ExtensionDefinition {
  readonly extensionType: number;
  /** For people. */
  readonly name: string;
  readonly places: readonly ExtensionPlace[];
  /** Checks its content. @throws MlsError */
  check?(data: Uint8Array, place: ExtensionPlace): void;
}

/** A proposal of a registered type, with its content decoded. */
export interface ProposalCase<T> {
  readonly value: T;
  readonly sender: Sender;
  /** ProposalRef (§5.2), of one that was sent by itself. */
  readonly reference: Uint8Array | undefined;
}

/** A proposal type (§13.2). All rules are pure functions: they are asked more than once. */
export interface ProposalDefinition<T = unknown> {
  readonly proposalType: number;
  /** For people. */
  readonly name: string;
  /** How its content is read: nothing in a message says how long it is. */
  readonly codec: Codec<T>;
  /** §17.4, column "Path Required" */
  readonly pathRequired: boolean;
  /** §17.4, column "External": whether external senders may send it. */
  readonly external: boolean;
  /** The one form in which a commit may have it; both, if left out. */
  readonly committedBy?: "value" | "reference";
  /** In which form an external commit (§12.4.3.2) may have it; not at all, if left out. */
  readonly inExternalCommits?: "value" | "reference";
  /** Whether it must be sent in a PublicMessage, for those to read who aren't in the group. */
  readonly publicOnly?: boolean;
  /** Whether a member may send only one in an epoch. */
  readonly oncePerEpoch?: boolean;
  /** Whether it is valid by itself. @throws MlsError */
  check?(one: ProposalCase<T>, group: GroupView): void;
  /** The leaf that it removes, as a Remove would. */
  removes?(one: ProposalCase<T>): number;
  /**
   * What all of this type in a commit, in its order, make of the GroupContext's extensions, after a
   * GroupContextExtensions proposal.
   * @throws MlsError
   */
  changeExtensions?(
    extensions: readonly Extension[],
    cases: readonly ProposalCase<T>[],
  ): readonly Extension[];
}

/**
 * A credential type (§13.3): one that is in a client's capabilities. As with all registered types its body must be one
 * `<V>` vector, whose content this describes; so those pass over it that don't know it.
 */
export interface CredentialDefinition {
  readonly credentialType: number;
  /** For people. */
  readonly name: string;
  /** Checks its content; whether it is true is for the authentication service to say. @throws MlsError */
  check?(credential: Credential, leafNode: LeafNode): void;
}

/** A type of pre-shared keys (§8.4). No capabilities list it: members must know it from the application. */
export interface PskDefinition<T = unknown> {
  readonly pskType: number;
  /** For people. */
  readonly name: string;
  /** How what stands between the type and the nonce is read. */
  readonly codec: Codec<T>;
  /** The key of this name, if it is known here. */
  find(name: T): Awaitable<Uint8Array | undefined>;
}

/** What an extension keeps of an epoch, made of a secret of its own. */
export interface EpochLedger {
  /** All that it holds, as bytes; the same content gives the same bytes. */
  save(): Uint8Array;
  /** Overwrites it. */
  wipe(): void;
}

/** A secret of each epoch beside those of §8, table 4. */
export interface EpochSecretDefinition<T extends EpochLedger = EpochLedger> {
  /** It is `DeriveSecret(epoch_secret, label)`: a label that no one else has. */
  readonly label: string;
  /** Takes over the secret, `KDF.Nh` bytes. */
  open(provider: CipherSuiteProvider, secret: Uint8Array): T;
  /** What {@link EpochLedger.save} saved. The bytes are overwritten afterwards. @throws MlsError `state` */
  load(provider: CipherSuiteProvider, saved: Uint8Array): T;
}

/** Proposals that are to be committed together, each of them valid by itself. */
export interface ProposalList {
  readonly proposals: readonly SourcedProposal[];
  /** The group before. */
  readonly group: GroupView;
  /** The GroupContext's extensions after. */
  readonly extensions: readonly Extension[];
  /** The tree after, but for the committer's path. */
  readonly tree: GroupView["tree"];
}

/** What leaf nodes and key packages list besides what is registered (§7.2). */
export interface ListedCapabilities {
  readonly cipherSuites?: readonly number[];
  readonly extensions?: readonly number[];
  readonly proposals?: readonly number[];
  readonly credentials?: readonly number[];
}

/** `length` bytes from the provider's random source. */
export type RandomSource = (length: number) => Uint8Array;

/**
 * An extension of the protocol, to be given to a client. Its types go into the client's capabilities; its rules hold
 * in all groups of the client. Members of a group must have the same extensions of the rules that it uses.
 */
export interface MlsExtension {
  /** For people. */
  readonly name: string;
  readonly extensions?: readonly ExtensionDefinition[];
  readonly proposals?: readonly ProposalDefinition[];
  readonly credentials?: readonly CredentialDefinition[];
  readonly psks?: readonly PskDefinition[];
  readonly secrets?: readonly EpochSecretDefinition[];
  /** What is listed in a new leaf node that isn't supported: values that others are to ignore (§13.5). */
  greaseCapabilities?(random: RandomSource): ListedCapabilities;
  /** Extensions of new leaf nodes, unless the application gives one of the type. */
  leafNodeExtensions?(random: RandomSource): readonly Extension[];
  /** Extensions of new key packages, unless the application gives one of the type. */
  keyPackageExtensions?(random: RandomSource): readonly Extension[];
  /** Extensions of new GroupInfos, unless the application gives one of the type. */
  groupInfoExtensions?(random: RandomSource, group: GroupView): readonly Extension[];
  /** Whether a leaf may be in a group with these GroupContext extensions. @throws MlsError */
  checkLeafNode?(leafNode: LeafNode, groupExtensions: readonly Extension[]): void;
  /** Whether proposals may be committed together. @throws MlsError */
  checkList?(list: ProposalList): void;
  /** Whether a key package may be used to join more than once. */
  isReusable?(keyPackage: KeyPackage): boolean;
  /** What `authenticated_data` is where the application gives none; nothing, if left out. */
  defaultAuthenticatedData?(groupContext: GroupContext): Uint8Array | undefined;
  /** Checks the `authenticated_data` of a message that is sent or received. @throws MlsError */
  checkAuthenticatedData?(data: Uint8Array, groupContext: GroupContext): void;
}
