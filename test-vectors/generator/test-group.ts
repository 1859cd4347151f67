// RFC 9420 §11, §12: a group through several epochs, with a passive client. It only receives, and the vector records
// what it is given.

import { joinByExternalCommit, proposeJoin } from "@copse/core/external";
import { Client } from "../../packages/core/src/client/client.js";
import type { Group } from "../../packages/core/src/client/group.js";
import { decode } from "../../packages/core/src/codec/codec.js";
import { insecureAcceptAll } from "../../packages/core/src/group/authentication.js";
import type { Policy } from "../../packages/core/src/group/policy.js";
import type { CommitOptions, ProposalRequest } from "../../packages/core/src/group/proposals/requests.js";
import { SavedKeyPackages } from "../../packages/core/src/group/storage/saved-key-packages.js";
import { toHex, type VectorContext } from "./source.js";
import { signerPair } from "./trees.js";

/** 1 January 2000, in milliseconds: the start of all lifetimes, which last a century. */
const NOW = 946_684_800_000;
const CENTURY = 100 * 365 * 24 * 60 * 60;

export interface Epoch {
  readonly proposals: readonly string[];
  readonly commit: string;
  readonly epoch_authenticator: string;
}

/** What the passive client is given. */
interface PassiveView {
  readonly cipher_suite: number;
  readonly external_psks: readonly { readonly psk_id: string; readonly psk: string }[];
  readonly key_package: string;
  readonly signature_priv: string;
  readonly encryption_priv: string;
  readonly init_priv: string;
  readonly welcome: string;
  readonly ratchet_tree: string | null;
  readonly initial_epoch_authenticator: string;
}

export interface Start {
  /** How many members the group has before the passive client joins. */
  readonly members: number;
  readonly treeInWelcome?: boolean;
  /** Whether the commit that adds the passive client has an external PSK. Default: false. */
  readonly psk?: boolean;
  /** Whether that commit has a path. Default: true. */
  readonly path?: boolean;
}

export interface Round {
  readonly by: Group;
  readonly proposals?: readonly (readonly [from: Group, request: ProposalRequest])[];
  /** How many clients propose to add themselves (§12.1.8). Default: 0. */
  readonly newMemberProposals?: number;
  readonly commit?: CommitOptions;
}

/** A client, and its private signature key. */
async function clientOf(
  context: VectorContext,
  name: string,
  policy: Partial<Policy>,
  psks: ReadonlyMap<string, Uint8Array>,
) {
  const { signer, privateKey } = await signerPair(context.suite);
  const client = await Client.create({
    crypto: context.crypto,
    suite: context.id,
    credential: name,
    authentication: insecureAcceptAll(),
    signer,
    policy: {
      now: () => NOW,
      lifetime: CENTURY,
      maxLifetime: 2 * CENTURY,
      maxPastEpochs: 1000,
      authorize: ({ kind }) => kind === "commit" || "keep",
      ...policy,
    },
    externalPsk: (id) => psks.get(toHex(id)),
  });
  return { client, signatureKey: privateKey };
}

export class TestGroup {
  readonly context: VectorContext;
  /** All members except the passive client, in the order in which they joined. */
  members: Group[] = [];
  readonly epochs: Epoch[] = [];
  readonly pskId: Uint8Array;
  private readonly psks: ReadonlyMap<string, Uint8Array>;
  private readonly clients = new Map<Group, Client>();
  private joining: Client[] = [];
  private clientCount = 0;
  private view: { readonly group: Group; readonly vector: PassiveView } | undefined;

  private constructor(context: VectorContext) {
    this.context = context;
    this.pskId = context.source.bytes(16);
    this.psks = new Map([[toHex(this.pskId), context.source.bytes(context.suite.suite.hash.Nh)]]);
  }

  /** Creates a group with its members, to which the passive client is added last. */
  static async open(context: VectorContext, start: Start): Promise<TestGroup> {
    const testGroup = new TestGroup(context);
    const creator = await testGroup.client();
    const group = await creator.createGroup({ groupId: context.source.bytes(32) });
    testGroup.clients.set(group, creator);
    testGroup.members.push(group);
    if (start.members > 1) {
      const add = await testGroup.keyPackages(start.members - 1);
      await testGroup.round({ by: group, commit: { add } });
      await testGroup.round({ by: testGroup.members.at(-1) as Group });
    }
    await testGroup.addPassiveClient(start);
    return testGroup;
  }

  /** The vector. */
  get vector(): PassiveView & { readonly epochs: readonly Epoch[] } {
    return { ...this.passiveView().vector, epochs: this.epochs };
  }

  get passive(): Group {
    return this.passiveView().group;
  }

  private passiveView() {
    if (this.view === undefined) throw new Error("expected the passive client to have joined");
    return this.view;
  }

  /** A new client. Clients send handshakes as PublicMessages (§6.2) and as PrivateMessages (§6.3) in turns. */
  private async client(): Promise<Client> {
    const n = this.clientCount++;
    const handshake = n % 2 === 0 ? "public" : "private";
    return (await clientOf(this.context, `member ${n}`, { handshake }, this.psks)).client;
  }

  /** Key packages of new clients, which join by the next commit. */
  async keyPackages(count: number): Promise<Uint8Array[]> {
    const made = [];
    for (let i = 0; i < count; i++) {
      const client = await this.client();
      made.push(await client.createKeyPackage());
      this.joining.push(client);
    }
    return made;
  }

  private async addPassiveClient({ treeInWelcome = true, psk = false, path = true }: Start): Promise<void> {
    const { client, signatureKey } = await clientOf(this.context, "passive", {}, this.psks);
    const keyPackage = await client.createKeyPackage();
    const saved = await client.saveKeyPackages();
    const { Nh } = client.cipherSuite.hash;
    const [own] = decode(SavedKeyPackages, saved.subarray(0, saved.length - Nh)).keyPackages;
    if (own === undefined) throw new Error("expected one saved key package, got none");
    const [by] = this.members as [Group];
    const { commit, welcome, ratchetTree } = await by.commit({
      add: [keyPackage],
      psks: psk ? [{ external: this.pskId }] : [],
      forcePath: path,
      ratchetTreeInWelcome: treeInWelcome,
    });
    await by.mergePendingCommit();
    for (const member of this.members) if (member !== by) await member.receive(commit);
    const group = await client.join(welcome as Uint8Array, { ratchetTree });
    this.view = {
      group,
      vector: {
        cipher_suite: this.context.id,
        external_psks: [...this.psks].map(([psk_id, value]) => ({ psk_id, psk: toHex(value) })),
        key_package: toHex(keyPackage),
        signature_priv: toHex(signatureKey),
        encryption_priv: toHex(own.leafKey),
        init_priv: toHex(own.initKey),
        welcome: toHex(welcome as Uint8Array),
        ratchet_tree: ratchetTree === undefined ? null : toHex(ratchetTree),
        initial_epoch_authenticator: toHex(group.epochAuthenticator),
      },
    };
    this.checkAgreement();
  }

  /** Delivers a message to all members except its sender, and to the passive client. */
  private async deliver(message: Uint8Array, from?: Group): Promise<void> {
    for (const member of this.members) if (member !== from) await member.receive(message);
    await this.view?.group.receive(message);
  }

  /** Sends proposals and a commit, which all members receive. Clients with Adds join. */
  async round({ by, proposals = [], newMemberProposals = 0, commit: options }: Round): Promise<void> {
    const sent: Uint8Array[] = [];
    for (const [from, request] of proposals) {
      const message = await from.propose(request);
      await this.deliver(message, from);
      sent.push(message);
    }
    for (let i = 0; i < newMemberProposals; i++) {
      const client = await this.client();
      const message = await proposeJoin(client, { groupId: by.groupId, epoch: by.epoch });
      this.joining.push(client);
      await this.deliver(message);
      sent.push(message);
    }
    const { commit, welcome, ratchetTree } = await by.commit(options);
    await by.mergePendingCommit();
    await this.deliver(commit, by);
    this.members = this.members.filter(({ active }) => active);
    const joining = this.joining;
    this.joining = [];
    for (const client of joining) {
      const group = await client.join(welcome as Uint8Array, { ratchetTree });
      this.clients.set(group, client);
      this.members.push(group);
    }
    this.recordEpoch(sent, commit);
  }

  /** A client joins by an external commit (§12.4.3.2): a new one, or that of `former`, which replaces its leaf. */
  async joinExternally({ former, psk = false }: { former?: Group; psk?: boolean } = {}): Promise<void> {
    const host = this.members.find((member) => member !== former) as Group;
    const groupInfo = await host.groupInfo();
    const known = former && this.clients.get(former);
    await former?.close();
    this.members = this.members.filter((member) => member !== former);
    const client = known ?? (await this.client());
    const { group, commit } = await joinByExternalCommit(client, groupInfo, {
      resync: former !== undefined,
      psks: psk ? [{ external: this.pskId }] : [],
    });
    await this.deliver(commit);
    await group.mergePendingCommit();
    this.clients.set(group, client);
    this.members.push(group);
    this.recordEpoch([], commit);
  }

  private recordEpoch(proposals: readonly Uint8Array[], commit: Uint8Array): void {
    this.checkAgreement();
    if (this.view === undefined) return;
    this.epochs.push({
      proposals: proposals.map(toHex),
      commit: toHex(commit),
      epoch_authenticator: toHex(this.view.group.epochAuthenticator),
    });
  }

  /** @throws Error unless all members and the passive client have the same epoch authenticator */
  private checkAgreement(): void {
    const all = [...this.members, ...(this.view === undefined ? [] : [this.view.group])];
    if (new Set(all.map(({ epochAuthenticator }) => toHex(epochAuthenticator))).size !== 1) {
      throw new Error("expected one epoch authenticator for all members, got several");
    }
  }
}
