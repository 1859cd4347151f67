// RFC 9420 §12: options of proposals and commits.
import type { Signer } from "../../provider/index.js";
import type { Credential, CustomProposal, CustomPsk, Extension, Proposal, ReInit } from "../../wire/index.js";

/** A pre-shared key to inject (§8.4): an external one by its ID, or the resumption PSK of an epoch of the group. */
export type PskChoice =
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

/** A proposal (§12.1) to send separately, for any member to commit. */
export type ProposalRequest =
  /** An encoded MLSMessage with a key package */
  | { readonly add: Uint8Array }
  /** A leaf index */
  | { readonly remove: number }
  /** Fresh keys for the own leaf */
  | { readonly update: true | NewIdentity }
  | { readonly psk: PskChoice }
  /** The new list of GroupContext extensions: it replaces the present one */
  | { readonly extensions: readonly Extension[] }
  | { readonly reinit: Omit<ReInit, "version"> }
  /** Of a registered type */
  | { readonly custom: CustomProposal };

/** A proposal from outside the group (§12.1.8): any except an Update. */
export type ExternalProposalRequest = Exclude<ProposalRequest, { readonly update: true | NewIdentity }>;

/** What a commit contains besides the received proposals (§12.4). */
export interface CommitOptions {
  /** Encoded MLSMessages with key packages */
  readonly add?: readonly Uint8Array[];
  /** Leaf indices */
  readonly remove?: readonly number[];
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
  /** Bytes that the message authenticates but doesn't encrypt. */
  readonly authenticatedData?: Uint8Array;
}

/** The first commit of a group that resumes another one (§11.2, §11.3). */
export interface ResumptionOptions {
  /** Key packages of the other members, as encoded MLSMessages */
  readonly add: readonly Uint8Array[];
  readonly forcePath?: boolean;
  /** As in {@link CommitOptions} */
  readonly ratchetTreeInWelcome?: boolean;
}

/** The result of {@link Group.commit}. The commit is in force after `mergePendingCommit`. */
export interface CommitMessages {
  /** An encoded MLSMessage for all members */
  readonly commit: Uint8Array;
  /** An encoded MLSMessage for the new members; `undefined` without any */
  readonly welcome: Uint8Array | undefined;
  /** The encoded tree for the new members, if the Welcome doesn't carry it. Encoded when it is read. */
  readonly ratchetTree: Uint8Array | undefined;
}
