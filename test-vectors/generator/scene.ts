// RFC 9420 §11, §12: a group that lives, with a client in it that only receives and whose view is written down.

import { Client } from "../../packages/core/src/client/client.js";
import type { Group } from "../../packages/core/src/client/group.js";
import { decode } from "../../packages/core/src/codec/codec.js";
import { insecureAcceptAll } from "../../packages/core/src/group/authentication.js";
import type { Policy } from "../../packages/core/src/group/policy.js";
import type { CommitOptions, ProposalRequest } from "../../packages/core/src/group/proposals/options.js";
import { SavedKeyPackages } from "../../packages/core/src/group/storage/saved-key-packages.js";
import { type Maker, toHex } from "./source.js";
import { signerPair } from "./trees.js";

/** 1 January 2000, in milliseconds: leaf nodes are valid from then on for a century. */
const NOW = 946_684_800_000;
const CENTURY = 100 * 365 * 24 * 60 * 60;

export interface Epoch {
  readonly proposals: readonly string[];
  readonly commit: string;
  readonly epoch_authenticator: string;
}

/** What the client that only receives is given. */
interface View {
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
  /** How many members there are besides the passive one. */
  readonly members: number;
  readonly treeInWelcome?: boolean;
  /** Whether the commit that adds the passive client has an external PSK. */
  readonly psk?: boolean;
  /** Whether that commit has a path. */
  readonly path?: boolean;
}

export interface Round {
  readonly by: Group;
  readonly proposals?: readonly (readonly [from: Group, request: ProposalRequest])[];
  /** A client that proposes itself (§12.1.8). */
  readonly newcomers?: number;
  readonly commit?: CommitOptions;
}

/** A client, with what its key packages are to be told by. */
async function clientOf(
  maker: Maker,
  name: string,
  policy: Partial<Policy>,
  psks: ReadonlyMap<string, Uint8Array>,
) {
  const { signer, privateKey } = await signerPair(maker.suite);
  const client = await Client.create({
    crypto: maker.crypto,
    suite: maker.id,
    credential: name,
    authentication: insecureAcceptAll(),
    signer,
    policy: { now: () => NOW, lifetime: CENTURY, maxLifetime: 2 * CENTURY, maxPastEpochs: 1000, ...policy },
    externalPsk: (id) => psks.get(toHex(id)),
  });
  return { client, signatureKey: privateKey };
}

export class Scene {
  readonly maker: Maker;
  /** All members but the passive one, by when they came. */
  members: Group[] = [];
  readonly epochs: Epoch[] = [];
  readonly pskId: Uint8Array;
  private readonly psks: ReadonlyMap<string, Uint8Array>;
  private readonly clients = new Map<Group, Client>();
  private waiting: Client[] = [];
  private named = 0;
  private view: { readonly group: Group; readonly vector: View } | undefined;

  private constructor(maker: Maker) {
    this.maker = maker;
    this.pskId = maker.source.bytes(16);
    this.psks = new Map([[toHex(this.pskId), maker.source.bytes(maker.suite.suite.hash.Nh)]]);
  }

  /** A group that the passive client has just joined. */
  static async open(maker: Maker, start: Start): Promise<Scene> {
    const scene = new Scene(maker);
    const creator = await scene.client();
    const group = await creator.createGroup({ groupId: maker.source.bytes(32) });
    scene.clients.set(group, creator);
    scene.members.push(group);
    if (start.members > 1) {
      const add = await scene.keyPackages(start.members - 1);
      await scene.round({ by: group, commit: { add } });
      await scene.round({ by: scene.members.at(-1) as Group });
    }
    await scene.admit(start);
    return scene;
  }

  /** What the vector says. */
  get vector(): View & { readonly epochs: readonly Epoch[] } {
    return { ...this.needView().vector, epochs: this.epochs };
  }

  get passive(): Group {
    return this.needView().group;
  }

  private needView() {
    if (this.view === undefined) throw new Error("the passive client isn't in the group yet");
    return this.view;
  }

  /** Members frame their handshakes (§6.2, §6.3) one this way and the next the other. */
  private async client(): Promise<Client> {
    const n = this.named++;
    const handshake = n % 2 === 0 ? "public" : "private";
    return (await clientOf(this.maker, `member ${n}`, { handshake }, this.psks)).client;
  }

  /** Key packages of new clients, which join when somebody commits their Adds. */
  async keyPackages(count: number): Promise<Uint8Array[]> {
    const made = [];
    for (let i = 0; i < count; i++) {
      const client = await this.client();
      made.push(await client.createKeyPackage());
      this.waiting.push(client);
    }
    return made;
  }

  private async admit({ treeInWelcome = true, psk = false, path = true }: Start): Promise<void> {
    const { client, signatureKey } = await clientOf(this.maker, "passive", {}, this.psks);
    const keyPackage = await client.createKeyPackage();
    const { keyPackages } = decode(SavedKeyPackages, await client.saveKeyPackages());
    const [own] = keyPackages;
    if (own === undefined) throw new Error("no key package");
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
        cipher_suite: this.maker.id,
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
    this.agree();
  }

  /** Members, and the passive one, receive what one of them or somebody outside has sent. */
  private async deliver(message: Uint8Array, from?: Group): Promise<void> {
    for (const member of this.members) if (member !== from) await member.receive(message);
    await this.view?.group.receive(message);
  }

  /** Proposals, and a commit that takes them up. */
  async round({ by, proposals = [], newcomers = 0, commit: options }: Round): Promise<void> {
    const sent: Uint8Array[] = [];
    for (const [from, request] of proposals) {
      const message = await from.propose(request);
      await this.deliver(message, from);
      sent.push(message);
    }
    for (let i = 0; i < newcomers; i++) {
      const client = await this.client();
      const message = await client.proposeJoin({ groupId: by.groupId, epoch: by.epoch });
      this.waiting.push(client);
      await this.deliver(message);
      sent.push(message);
    }
    const { commit, welcome, ratchetTree } = await by.commit(options);
    await by.mergePendingCommit();
    await this.deliver(commit, by);
    this.members = this.members.filter(({ active }) => active);
    const joining = this.waiting;
    this.waiting = [];
    for (const client of joining) {
      const group = await client.join(welcome as Uint8Array, { ratchetTree });
      this.clients.set(group, client);
      this.members.push(group);
    }
    this.wrote(sent, commit);
  }

  /** Somebody comes in by an external commit (§12.4.3.2): a new member, or `former`, who has lost all state. */
  async comeIn({ former, psk = false }: { former?: Group; psk?: boolean } = {}): Promise<void> {
    const host = this.members.find((member) => member !== former) as Group;
    const groupInfo = await host.groupInfo();
    const known = former && this.clients.get(former);
    await former?.close();
    this.members = this.members.filter((member) => member !== former);
    const client = known ?? (await this.client());
    const { group, commit } = await client.joinByExternalCommit(groupInfo, {
      resync: former !== undefined,
      psks: psk ? [{ external: this.pskId }] : [],
    });
    await this.deliver(commit);
    this.clients.set(group, client);
    this.members.push(group);
    this.wrote([], commit);
  }

  private wrote(proposals: readonly Uint8Array[], commit: Uint8Array): void {
    this.agree();
    if (this.view === undefined) return;
    this.epochs.push({
      proposals: proposals.map(toHex),
      commit: toHex(commit),
      epoch_authenticator: toHex(this.view.group.epochAuthenticator),
    });
  }

  /** @throws Error unless all are in the same state */
  private agree(): void {
    const all = [...this.members, ...(this.view === undefined ? [] : [this.view.group])];
    if (new Set(all.map(({ epochAuthenticator }) => toHex(epochAuthenticator))).size !== 1) {
      throw new Error("the members disagree");
    }
  }
}
