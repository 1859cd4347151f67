// RFC 9420 §12: what an application asks of a group.
import type { Signer } from "../../provider/index.js";
import type { Credential, CustomProposal, CustomPsk, Extension, Proposal, ReInit } from "../../wire/index.js";

/** A pre-shared key to bring in (§8.4): an external one by its id, or that of an earlier epoch of the group. */
export type PskChoice =
  | { readonly external: Uint8Array }
  | { readonly resumption: bigint }
  /** One of a type that an extension registered */
  | { readonly custom: CustomPsk };

/** A new signature key or credential for the own leaf. */
export interface NewIdentity {
  /** Signs from then on. */
  readonly signer?: Signer;
  readonly credential?: Credential;
  /** Whether the leaf's capabilities and extensions are to be the client's present ones. */
  readonly renewCapabilities?: boolean;
}

/** One proposal (§12.1) to be sent by itself, for any member to commit. */
export type ProposalRequest =
  /** An encoded MLSMessage with a key package */
  | { readonly add: Uint8Array }
  /** A leaf index */
  | { readonly remove: number }
  /** Fresh keys for the own leaf */
  | { readonly update: true | NewIdentity }
  | { readonly psk: PskChoice }
  /** All of the GroupContext's extensions, in the place of those that it has */
  | { readonly extensions: readonly Extension[] }
  | { readonly reinit: Omit<ReInit, "version"> }
  /** One of a type that an extension registered */
  | { readonly custom: CustomProposal };

/** What somebody outside of the group may propose (§12.1.8): all but an Update. */
export type ExternalProposalRequest = Exclude<ProposalRequest, { readonly update: true | NewIdentity }>;

/** What a commit is to do, besides committing the proposals that were received (§12.4). */
export interface CommitOptions {
  /** Encoded MLSMessages with key packages */
  readonly add?: readonly Uint8Array[];
  /** Leaf indices */
  readonly remove?: readonly number[];
  readonly psks?: readonly PskChoice[];
  /** All of the GroupContext's extensions, in the place of those that it has */
  readonly extensions?: readonly Extension[];
  readonly reinit?: Omit<ReInit, "version">;
  /** Any proposals, such as those that a {@link CommitMessage} gives back. */
  readonly proposals?: readonly Proposal[];
  /**
   * Just these of the received proposals, by their references: each is committed, or the commit refused. If left
   * out, all that can be committed are, as §12.4 asks. For where somebody else decides, such as a server.
   */
  readonly references?: readonly Uint8Array[];
  /** A new signature key or credential for the own leaf. Makes the commit have a path. */
  readonly identity?: NewIdentity;
  /** Whether to send a path where none is required. A path renews the own keys, and costs a ciphertext for each subtree. */
  readonly forcePath?: boolean;
  /** Whether the Welcome carries the ratchet tree; as the policy says, if left out. */
  readonly ratchetTreeInWelcome?: boolean;
  /** Public bytes that the message authenticates and doesn't encrypt. */
  readonly authenticatedData?: Uint8Array;
}

/** How the first commit of a group that follows another one is made (§11.2, §11.3). */
export interface ResumptionOptions {
  /** Key packages of its other members, as encoded MLSMessages */
  readonly add: readonly Uint8Array[];
  readonly forcePath?: boolean;
  /** As in {@link CommitOptions} */
  readonly ratchetTreeInWelcome?: boolean;
}

/** What {@link Group.commit} made. Nothing of it is in force before `mergePendingCommit`. */
export interface CommitMessages {
  /** An encoded MLSMessage for all members */
  readonly commit: Uint8Array;
  /** An encoded MLSMessage for the members that are added; `undefined` if there are none */
  readonly welcome: Uint8Array | undefined;
  /** The encoded tree for them, if it is kept out of the Welcome: encoded when it is asked for */
  readonly ratchetTree: Uint8Array | undefined;
}
