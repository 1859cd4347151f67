// RFC 9420 §10, §12.4.3: what an application chooses for a client, and for joining groups.
import type {
  AuthenticationService,
  ExtraCapabilities,
  Member,
  MlsExtension,
  Policy,
  PskChoice,
} from "../group/index.js";
import type { Awaitable, CryptoProvider, Signer } from "../provider/index.js";
import type { Credential, CustomProposal, Extension } from "../wire/index.js";
import type { Group } from "./group.js";

export interface ClientOptions {
  readonly crypto: CryptoProvider;
  /** Code point of the cipher suite; the provider's first if left out. */
  readonly suite?: number;
  /** Who this client is: a credential, or a name for a basic one. */
  readonly credential: Credential | string;
  /** Decides whose credentials are true. There is no default: without it nobody is authenticated. */
  readonly authentication: AuthenticationService;
  /** Signs for this client; a fresh key pair of the provider if left out, which can't be saved then. */
  readonly signer?: Signer;
  readonly policy?: Partial<Policy>;
  readonly capabilities?: ExtraCapabilities;
  /** Extensions of the own leaf nodes (§7.2), such as an application_id. */
  readonly leafExtensions?: readonly Extension[];
  /** The external PSK of an id (§8.4), if there is one. */
  readonly externalPsk?: (id: Uint8Array) => Awaitable<Uint8Array | undefined>;
  /** Extensions of the protocol (§13). What they register goes into the capabilities. */
  readonly extensions?: readonly MlsExtension[];
}

export interface ExternalJoinOptions {
  /** The encoded tree, where the GroupInfo comes without it. */
  readonly ratchetTree?: Uint8Array | undefined;
  /**
   * Whether to take the place of a former self that lost its state: the member with this client's signature key,
   * or, where that is lost too, the one of whom this says so. Then the others' authentication services must take
   * the new credential for a successor of the former one (§5.3.1).
   */
  readonly resync?: boolean | ((member: Member) => boolean) | undefined;
  /** Pre-shared keys to bring in (§8.4). */
  readonly psks?: readonly PskChoice[];
  /** Proposals of registered types, of this client's own. */
  readonly custom?: readonly CustomProposal[];
  /** Proposals of members, encoded MLSMessages, of registered types that an external commit takes up. */
  readonly proposals?: readonly Uint8Array[];
  /** Public bytes that the commit authenticates. */
  readonly authenticatedData?: Uint8Array;
}

export interface JoinOptions {
  /** The encoded tree, where the Welcome comes without it. */
  readonly ratchetTree?: Uint8Array | undefined;
  /** The group that this one follows (§11.2, §11.3), if it is one of another client's, as after a change of suite. */
  readonly previous?: Group | undefined;
}

/** A group that follows another one, and what its other members join by. */
export interface NewGroup {
  readonly group: Group;
  /** An encoded MLSMessage; `undefined` if there is no other member. */
  readonly welcome: Uint8Array | undefined;
  /** The encoded tree for them, if it is kept out of the Welcome. */
  readonly ratchetTree: Uint8Array | undefined;
}

export interface ExternalJoin {
  readonly group: Group;
  readonly commit: Uint8Array;
}
