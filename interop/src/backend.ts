// RFC 9420 §11, §12: what an MLS stack has to do to be driven by the working group's harness, in bytes alone.

/** An extension of a GroupContext (§13). */
export interface ExtensionChoice {
  readonly extensionType: number;
  readonly extensionData: Uint8Array;
}

/** A proposal (§12.1) that the harness asks for. Key packages are encoded MLSMessages, members are named by identity. */
export type ProposalChoice =
  | { readonly type: "add"; readonly keyPackage: Uint8Array }
  | { readonly type: "update" }
  | { readonly type: "remove"; readonly identity: Uint8Array }
  | { readonly type: "externalPsk"; readonly pskId: Uint8Array }
  | { readonly type: "resumptionPsk"; readonly epoch: bigint }
  | { readonly type: "extensions"; readonly extensions: readonly ExtensionChoice[] }
  /** One more external sender, an encoded ExternalSender, besides those that the group has. */
  | { readonly type: "externalSender"; readonly externalSender: Uint8Array }
  | {
      readonly type: "reinit";
      readonly groupId: Uint8Array;
      readonly cipherSuite: number;
      readonly extensions: readonly ExtensionChoice[];
    };

/** The private keys of a key package, as raw bytes: 32-byte seeds for Ed25519, scalars for the NIST curves. */
export interface PrivateKeys {
  readonly init: Uint8Array;
  readonly encryption: Uint8Array;
  readonly signature: Uint8Array;
}

export interface CommitChoice {
  /** Encoded MLSMessages, own proposals among them. Just these are committed by reference. */
  readonly byReference: readonly Uint8Array[];
  readonly byValue: readonly ProposalChoice[];
  readonly forcePath: boolean;
  /** Whether the Welcome goes without the tree. */
  readonly externalTree: boolean;
}

export interface CommitAnswer {
  readonly commit: Uint8Array;
  readonly welcome: Uint8Array | undefined;
  /** With `externalTree` only: the encoded tree of the new epoch. */
  readonly ratchetTree: Uint8Array | undefined;
}

export interface WelcomeChoice {
  readonly welcome: Uint8Array;
  readonly ratchetTree: Uint8Array | undefined;
}

/** How a group that follows another one is made. */
export interface NewGroupChoice {
  readonly keyPackages: readonly Uint8Array[];
  readonly forcePath: boolean;
  readonly externalTree: boolean;
}

export interface NewGroupAnswer {
  readonly group: BackendGroup;
  readonly welcome: Uint8Array | undefined;
  readonly ratchetTree: Uint8Array | undefined;
}

/** A GroupInfo as an encoded MLSMessage, and the encoded tree where the GroupInfo goes without. */
export interface GroupInfoAnswer {
  readonly groupInfo: Uint8Array;
  readonly ratchetTree: Uint8Array | undefined;
}

/** A stack. All that it makes is kept, numbered and let go of by the service. */
export interface MlsClientBackend {
  readonly name: string;
  readonly suites: readonly number[];
  createGroup(choice: {
    readonly groupId: Uint8Array;
    readonly cipherSuite: number;
    readonly encryptHandshake: boolean;
    readonly identity: Uint8Array;
  }): Promise<BackendGroup>;
  createKeyPackage(choice: {
    readonly cipherSuite: number;
    readonly identity: Uint8Array;
  }): Promise<BackendJoiner>;
  externalJoin(choice: {
    readonly groupInfo: Uint8Array;
    readonly ratchetTree: Uint8Array | undefined;
    readonly encryptHandshake: boolean;
    readonly identity: Uint8Array;
    /** Whether to remove the member of the same identity. */
    readonly removePrior: boolean;
    readonly psks: readonly { readonly id: Uint8Array; readonly secret: Uint8Array }[];
  }): Promise<{ readonly group: BackendGroup; readonly commit: Uint8Array }>;
  newMemberAddProposal(choice: {
    readonly groupInfo: Uint8Array;
    readonly identity: Uint8Array;
  }): Promise<{ readonly joiner: BackendJoiner; readonly proposal: Uint8Array }>;
  createExternalSigner(choice: {
    readonly cipherSuite: number;
    readonly identity: Uint8Array;
  }): Promise<BackendSigner>;
}

/** One who has a key package and waits for a Welcome. */
export interface BackendJoiner {
  readonly keyPackage: Uint8Array;
  readonly privateKeys: PrivateKeys;
  storePsk(id: Uint8Array, secret: Uint8Array): void;
  join(choice: WelcomeChoice & { readonly encryptHandshake: boolean }): Promise<BackendGroup>;
  /** Joins a subgroup (§11.3) of a group of the same backend. */
  joinBranch(from: BackendGroup, choice: WelcomeChoice): Promise<BackendGroup>;
}

/** A member's group. */
export interface BackendGroup {
  readonly epochAuthenticator: Uint8Array;
  groupInfo(externalTree: boolean): Promise<GroupInfoAnswer>;
  exportSecret(label: string, context: Uint8Array, length: number): Promise<Uint8Array>;
  protect(plaintext: Uint8Array, authenticatedData: Uint8Array): Promise<Uint8Array>;
  unprotect(
    ciphertext: Uint8Array,
  ): Promise<{ readonly plaintext: Uint8Array; readonly authenticatedData: Uint8Array }>;
  storePsk(id: Uint8Array, secret: Uint8Array): void;
  propose(choice: ProposalChoice): Promise<Uint8Array>;
  /** The group stays in its epoch. */
  commit(choice: CommitChoice): Promise<CommitAnswer>;
  mergeCommit(): Promise<void>;
  /** @param proposals encoded MLSMessages that the commit may refer to, own ones among them */
  receiveCommit(commit: Uint8Array, proposals: readonly Uint8Array[]): Promise<void>;
  branch(
    choice: NewGroupChoice & {
      readonly groupId: Uint8Array;
      readonly extensions: readonly ExtensionChoice[];
    },
  ): Promise<NewGroupAnswer>;
  /** After a ReInit was committed: what waits for the new group (§11.2). */
  succeed(): Promise<BackendSuccessor>;
  free(): Promise<void>;
}

/** A member of a group that was reinitialized, ready for the new one. */
export interface BackendSuccessor {
  /** Of the new cipher suite */
  readonly keyPackage: Uint8Array;
  create(choice: NewGroupChoice): Promise<NewGroupAnswer>;
  join(choice: WelcomeChoice): Promise<BackendGroup>;
}

/** An external sender (§12.1.8). */
export interface BackendSigner {
  /** An encoded ExternalSender */
  readonly externalSender: Uint8Array;
  propose(
    groupInfo: { readonly groupInfo: Uint8Array; readonly ratchetTree: Uint8Array | undefined },
    choice: ProposalChoice,
  ): Promise<Uint8Array>;
}

/** What a backend throws when its stack has no way to do what is asked. The runner counts it apart. */
export class UnsupportedByStack extends Error {
  override readonly name = "UnsupportedByStack";
}
