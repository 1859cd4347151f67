// RFC 9420 §11, §12: the interface through which the working group's harness drives an MLS implementation. Bytes only.

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

/** How to create the new group of a ReInit or a branch. */
export interface NewGroupChoice {
  readonly keyPackages: readonly Uint8Array[];
  readonly forcePath: boolean;
  readonly externalTree: boolean;
}

export interface NewGroupAnswer {
  readonly group: ImplementationGroup;
  readonly welcome: Uint8Array | undefined;
  readonly ratchetTree: Uint8Array | undefined;
}

/** A GroupInfo as an encoded MLSMessage, and the encoded tree where the GroupInfo goes without. */
export interface GroupInfoAnswer {
  readonly groupInfo: Uint8Array;
  readonly ratchetTree: Uint8Array | undefined;
}

/** An MLS implementation under test. The service keeps, numbers and releases the objects that it returns. */
export interface MlsImplementation {
  readonly name: string;
  readonly suites: readonly number[];
  createGroup(choice: {
    readonly groupId: Uint8Array;
    readonly cipherSuite: number;
    readonly encryptHandshake: boolean;
    readonly identity: Uint8Array;
  }): Promise<ImplementationGroup>;
  createKeyPackage(choice: {
    readonly cipherSuite: number;
    readonly identity: Uint8Array;
  }): Promise<ImplementationJoiner>;
  externalJoin(choice: {
    readonly groupInfo: Uint8Array;
    readonly ratchetTree: Uint8Array | undefined;
    readonly encryptHandshake: boolean;
    readonly identity: Uint8Array;
    /** Whether to remove the member of the same identity. */
    readonly removePrior: boolean;
    readonly psks: readonly { readonly id: Uint8Array; readonly secret: Uint8Array }[];
  }): Promise<{ readonly group: ImplementationGroup; readonly commit: Uint8Array }>;
  newMemberAddProposal(choice: {
    readonly groupInfo: Uint8Array;
    readonly identity: Uint8Array;
  }): Promise<{ readonly joiner: ImplementationJoiner; readonly proposal: Uint8Array }>;
  createExternalSigner(choice: {
    readonly cipherSuite: number;
    readonly identity: Uint8Array;
  }): Promise<ImplementationSigner>;
}

/** A client that has a key package and waits for a Welcome. */
export interface ImplementationJoiner {
  readonly keyPackage: Uint8Array;
  readonly privateKeys: PrivateKeys;
  storePsk(id: Uint8Array, secret: Uint8Array): void;
  join(choice: WelcomeChoice & { readonly encryptHandshake: boolean }): Promise<ImplementationGroup>;
  /** Joins a subgroup (§11.3) of a group of the same implementation. */
  joinBranch(from: ImplementationGroup, choice: WelcomeChoice): Promise<ImplementationGroup>;
}

/** A member's group. */
export interface ImplementationGroup {
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
  /** After a committed ReInit: prepares this member for the new group (§11.2). */
  prepareReinit(): Promise<ReinitMember>;
  free(): Promise<void>;
}

/** A member of a reinitialized group, ready to create or join the new one. */
export interface ReinitMember {
  /** Of the new cipher suite */
  readonly keyPackage: Uint8Array;
  create(choice: NewGroupChoice): Promise<NewGroupAnswer>;
  join(choice: WelcomeChoice): Promise<ImplementationGroup>;
}

/** An external sender (§12.1.8). */
export interface ImplementationSigner {
  /** An encoded ExternalSender */
  readonly externalSender: Uint8Array;
  propose(
    groupInfo: { readonly groupInfo: Uint8Array; readonly ratchetTree: Uint8Array | undefined },
    choice: ProposalChoice,
  ): Promise<Uint8Array>;
}

/** Thrown by an implementation that can't do what the harness asks. The runner counts these calls separately. */
export class UnsupportedByImplementation extends Error {
  override readonly name = "UnsupportedByImplementation";
}
