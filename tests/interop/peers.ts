// RFC 9420 §12, §15: members of one group by different implementations, behind one interface.

import {
  Client,
  type ClientOptions,
  type CommitOptions,
  type Group,
  generateSigner,
  insecureAcceptAll,
} from "@copse/core";
import { type ExternalJoinOptions, joinByExternalCommit } from "@copse/core/external";
import type { CryptoProvider } from "@copse/core/provider";
import { type Handshake, type Suite, TsMlsClient } from "@copse/peer-ts-mls";

export type Kind = "copse" | "ts-mls";

export interface PeerOptions {
  readonly suite: Suite;
  readonly name: string;
  readonly handshake: Handshake;
  /** Whether its Welcomes carry the ratchet tree. */
  readonly treeInWelcome: boolean;
}

export type Request = { readonly add: Uint8Array } | { readonly remove: number } | { readonly update: true };

export interface Commit {
  readonly commit: Uint8Array;
  readonly welcome: Uint8Array | undefined;
  /** For those who join, where the Welcome comes without it. */
  readonly ratchetTree: Uint8Array | undefined;
}

export interface Content {
  readonly kind: "application" | "proposal" | "commit";
  readonly data?: Uint8Array;
  readonly authenticatedData?: Uint8Array;
}

/** One member, or one who may become a member. Commits of its own are in force at once. */
export interface Peer {
  readonly kind: Kind;
  readonly name: string;
  keyPackage(): Promise<Uint8Array>;
  createGroup(groupId: Uint8Array): Promise<void>;
  join(welcome: Uint8Array, ratchetTree: Uint8Array | undefined): Promise<void>;
  commit(add?: readonly Uint8Array[], remove?: readonly number[], aad?: Uint8Array): Promise<Commit>;
  propose(request: Request): Promise<Uint8Array>;
  encrypt(data: Uint8Array, authenticatedData?: Uint8Array): Promise<Uint8Array>;
  receive(message: Uint8Array): Promise<Content>;
  exportSecret(label: string, context: Uint8Array, length: number): Promise<Uint8Array>;
  readonly active: boolean;
  readonly epoch: bigint;
  readonly leafIndex: number;
  readonly epochAuthenticator: Uint8Array;
  readonly ratchetTree: Uint8Array;
  /** Leaf indices with the names of the members, in the order of the leaves. */
  readonly members: readonly (readonly [number, string])[];
}

/** A member by Copse. */
export class CopsePeer implements Peer {
  readonly kind = "copse";
  readonly name: string;
  readonly client: Client;
  private joined: Group | undefined;

  private constructor(name: string, client: Client) {
    this.name = name;
    this.client = client;
  }

  static async create(
    crypto: CryptoProvider,
    options: PeerOptions,
    others: Partial<ClientOptions> = {},
  ): Promise<CopsePeer> {
    const { suite, name, handshake, treeInWelcome } = options;
    const client = await Client.create({
      crypto,
      suite,
      credential: name,
      // Of its own, so that the group can be saved.
      signer: await generateSigner(crypto, suite),
      authentication: insecureAcceptAll(),
      ...others,
      policy: { handshake, ratchetTreeInWelcome: treeInWelcome, ...others.policy },
    });
    return new CopsePeer(name, client);
  }

  get group(): Group {
    if (this.joined === undefined) throw new Error(`${this.name} is in no group`);
    return this.joined;
  }

  keyPackage(): Promise<Uint8Array> {
    return this.client.createKeyPackage();
  }

  async createGroup(groupId: Uint8Array): Promise<void> {
    this.joined = await this.client.createGroup({ groupId });
  }

  async join(welcome: Uint8Array, ratchetTree: Uint8Array | undefined): Promise<void> {
    this.joined = await this.client.join(welcome, { ratchetTree });
  }

  /** @returns the external commit, once the delivery service has accepted it */
  async joinByExternalCommit(groupInfo: Uint8Array, options: ExternalJoinOptions = {}): Promise<Uint8Array> {
    const { group, commit } = await joinByExternalCommit(this.client, groupInfo, {
      ...options,
      replace: true,
    });
    await group.mergePendingCommit();
    this.joined = group;
    return commit;
  }

  async commit(add: readonly Uint8Array[] = [], remove: readonly number[] = [], aad?: Uint8Array) {
    return this.commitWith({ add, remove, ...(aad && { authenticatedData: aad }) });
  }

  async commitWith(options: CommitOptions): Promise<Commit> {
    const made = await this.group.commit(options);
    await this.group.mergePendingCommit();
    return made;
  }

  propose(request: Request): Promise<Uint8Array> {
    return this.group.propose(request);
  }

  encrypt(data: Uint8Array, authenticatedData?: Uint8Array): Promise<Uint8Array> {
    return this.group.encrypt(data, authenticatedData && { authenticatedData });
  }

  async receive(message: Uint8Array): Promise<Content> {
    const received = await this.group.receive(message);
    if (received.kind === "own") throw new Error("an own message came back");
    return received;
  }

  exportSecret(label: string, context: Uint8Array, length: number): Promise<Uint8Array> {
    return this.group.exportSecret(label, context, length);
  }

  get active(): boolean {
    return this.group.active;
  }

  get epoch(): bigint {
    return this.group.epoch;
  }

  get leafIndex(): number {
    return this.group.ownLeafIndex;
  }

  get epochAuthenticator(): Uint8Array {
    return this.group.epochAuthenticator;
  }

  get ratchetTree(): Uint8Array {
    return this.group.ratchetTree;
  }

  get members(): readonly (readonly [number, string])[] {
    return this.group.members.map(({ leafIndex, credential }) => [
      leafIndex,
      "identity" in credential ? new TextDecoder().decode(credential.identity) : "",
    ]);
  }
}

/** A member by ts-mls. */
export class TsMlsPeer implements Peer {
  readonly kind = "ts-mls";
  readonly name: string;
  private readonly client: TsMlsClient;
  private readonly options: PeerOptions;

  private constructor(client: TsMlsClient, options: PeerOptions) {
    this.name = options.name;
    this.client = client;
    this.options = options;
  }

  static async create(options: PeerOptions): Promise<TsMlsPeer> {
    return new TsMlsPeer(await TsMlsClient.create(options.suite, options.name), options);
  }

  keyPackage(): Promise<Uint8Array> {
    return this.client.keyPackage();
  }

  createGroup(groupId: Uint8Array): Promise<void> {
    return this.client.createGroup(groupId);
  }

  join(welcome: Uint8Array, ratchetTree: Uint8Array | undefined): Promise<void> {
    return this.client.join(welcome, ratchetTree);
  }

  async commit(add: readonly Uint8Array[] = [], remove: readonly number[] = [], aad?: Uint8Array) {
    const { handshake, treeInWelcome } = this.options;
    const { commit, welcome } = await this.client.commit({
      add,
      remove,
      handshake,
      ratchetTreeExtension: treeInWelcome,
      ...(aad && { authenticatedData: aad }),
    });
    const needsTree = welcome !== undefined && !treeInWelcome;
    return { commit, welcome, ratchetTree: needsTree ? this.client.ratchetTree() : undefined };
  }

  propose(request: Request): Promise<Uint8Array> {
    return this.client.propose(request, this.options.handshake);
  }

  encrypt(data: Uint8Array, authenticatedData?: Uint8Array): Promise<Uint8Array> {
    return this.client.encrypt(data, authenticatedData);
  }

  receive(message: Uint8Array): Promise<Content> {
    return this.client.receive(message);
  }

  exportSecret(label: string, context: Uint8Array, length: number): Promise<Uint8Array> {
    return this.client.exportSecret(label, context, length);
  }

  get active(): boolean {
    return this.client.active;
  }

  get epoch(): bigint {
    return this.client.epoch;
  }

  get leafIndex(): number {
    return this.client.ownLeafIndex;
  }

  get epochAuthenticator(): Uint8Array {
    return this.client.epochAuthenticator();
  }

  get ratchetTree(): Uint8Array {
    return this.client.ratchetTree();
  }

  get members(): readonly (readonly [number, string])[] {
    return this.client.members.map(({ leafIndex, identity }) => [leafIndex, identity]);
  }
}
