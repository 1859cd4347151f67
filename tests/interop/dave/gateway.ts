// Discord's voice gateway as far as MLS goes (DAVE version 1): an external sender (RFC 9420 §12.1.8), which proposes who
// is added and removed, and picks one commit for each epoch.
import {
  basicCredential,
  type CryptoProvider,
  generateSigner,
  insecureAcceptAll,
  type Policy,
  type Signer,
} from "@copse/core";
import { readMessage } from "@copse/core/message";
import { externalProposal, PublicGroup } from "@copse/core/public-group";
import type { VoiceClient } from "@copse/peer-davey";
import { playedBy } from "@copse/test-support/played";
import { expect } from "vitest";
import { concat, vector } from "./bytes.js";
import { bigEndian, CopseVoiceClient, DAVE_POLICY, userIdOf } from "./client.js";

const SUITE = 2;
type Request = { readonly add: Uint8Array } | { readonly remove: number };

/** Who is to be added and removed, and who is to win the race of all members to commit it. */
export interface Change {
  readonly add?: readonly VoiceClient[];
  readonly remove?: readonly VoiceClient[];
  readonly winner?: VoiceClient;
}

/** A commit, and the Welcome of those whom it adds. */
export interface Answer {
  readonly from: VoiceClient;
  readonly commit: Uint8Array;
  /** Raw; empty if the commit adds nobody. */
  readonly welcome: Uint8Array;
}

export class Gateway {
  /** Those who are in the group. None: it isn't established. */
  members: VoiceClient[] = [];
  /** Those who have a leaf, but couldn't process a commit: they have started anew, and wait to be added again. */
  lost: VoiceClient[] = [];
  /** It follows the group from the first GroupInfo that it can get. */
  follower: PublicGroup | undefined;
  epoch = 0n;
  private transitions = 0;

  private constructor(
    readonly channelId: string,
    private readonly crypto: CryptoProvider,
    private readonly signer: Signer,
    /** An ExternalSender (§12.1.8.1), raw. */
    private readonly sender: Uint8Array,
    private readonly policy: Partial<Policy>,
  ) {}

  static async create(
    crypto: CryptoProvider,
    channelId: string,
    policy: Partial<Policy> = DAVE_POLICY,
  ): Promise<Gateway> {
    const signer = await generateSigner(crypto, SUITE);
    const { credentialType, identity } = basicCredential(Buffer.from("voice gateway"));
    const credential = concat(Buffer.of(0, credentialType), vector(identity));
    return new Gateway(channelId, crypto, signer, concat(vector(signer.publicKey), credential), policy);
  }

  /** 25 */
  async connect(...clients: readonly VoiceClient[]): Promise<void> {
    for (const client of clients) await client.externalSender(this.sender);
  }

  /** 24 and 21: nobody keeps an old group alone. */
  async startAnew(...clients: readonly VoiceClient[]): Promise<void> {
    for (const client of clients) await client.startAnew();
    this.members = [];
    this.epoch = 0n;
    this.follower = undefined;
  }

  /** From the proposals to the epoch that one of the commits starts. */
  async change(change: Change): Promise<void> {
    const proposals = await this.propose(change);
    const answers = await this.send(0, proposals, change);
    const winner = change.winner ?? answers[0]?.from;
    const accepted = answers.find(({ from }) => from === winner);
    if (accepted === undefined) throw new Error("the winner has sent no commit");
    await this.accept(accepted, change);
  }

  /** Proposals as PublicMessages. */
  async propose({ add = [], remove = [] }: Change): Promise<Uint8Array[]> {
    const proposals: Uint8Array[] = [];
    for (const client of remove) {
      const leaf = this.follower?.members.find((member) => userIdOf(member) === client.userId);
      proposals.push(await this.proposal({ remove: leaf?.leafIndex ?? client.leafIndex }));
    }
    for (const client of add) {
      const keyPackage = await client.keyPackage();
      proposals.push(await this.proposal({ add: keyPackage }));
    }
    return proposals;
  }

  /** 27: to all members, or, where nobody is a member yet, to all who are to be added. Each answers with a commit. */
  async send(operation: 0 | 1, items: readonly Uint8Array[], change: Change): Promise<Answer[]> {
    const { add = [], remove = [] } = change;
    const users = [...this.members, ...add].map(({ userId }) => userId);
    const answers: Answer[] = [];
    const established = this.members.length > 0;
    for (const client of established ? this.members.filter((one) => !remove.includes(one)) : add) {
      // Before there is a group, each has one for itself, to which all others are added.
      const others = established ? items : items.filter((_, i) => add[i] !== client);
      const packed = vector(...others.map((item) => (operation === 0 ? item : vector(item))));
      const answer = await client.proposals(operation, packed, users);
      if (answer === undefined) continue;
      const { kind, message: commit, rest: welcome } = readMessage(answer);
      // It takes nothing but PublicMessages, which say where they end.
      if (kind === "public-message" && welcome !== undefined) answers.push({ from: client, commit, welcome });
    }
    if (established && operation === 0) for (const item of items) await this.follower?.receive(item);
    return answers;
  }

  /** 29 to all members, 30 to those who are added: the next epoch, in which all must agree. */
  async accept({ from, commit, welcome }: Answer, { add = [], remove = [] }: Change): Promise<void> {
    const transition = ++this.transitions;
    if (this.follower !== undefined) {
      expect(await this.follower.receive(commit)).toMatchObject({ kind: "commit" });
    }
    const before = this.members.length > 0 ? this.members : [from];
    const stayers = before.filter((one) => !remove.includes(one));
    const added = add.filter((one) => one !== from);
    for (const client of stayers) await this.expectReady(client, client.commit(transition, commit));
    for (const client of added) await this.expectReady(client, client.welcome(transition, welcome));
    if (this.members.length === 0) playedBy(kinds([from, ...added]), "groups");
    playedBy(kinds(added), "joins", added.length);
    this.members = [...stayers, ...added];
    this.lost = this.lost.filter((one) => !remove.includes(one));
    this.epoch++;
    await this.follow();
    await this.settle(remove.filter((one) => !add.includes(one)));
  }

  /** After a change of epoch: all agree, hear each other, and nobody else hears them. */
  async settle(gone: readonly VoiceClient[] = []): Promise<void> {
    this.expectAgreement();
    const [frame] = await this.talk();
    for (const client of gone) {
      await expect(client.decrypt(frame.from, frame.encrypted)).rejects.toThrow();
    }
  }

  /** One frame of each member to all others. */
  private async talk() {
    const frames: { from: string; encrypted: Uint8Array }[] = [];
    for (const from of this.members) {
      const frame = Buffer.from(`Opus of ${from.userId} in epoch ${this.epoch}`);
      const encrypted = await from.encrypt(frame);
      expect(Buffer.from(encrypted).includes(frame)).toBe(false);
      for (const to of this.members.filter((one) => one !== from)) {
        expect(Buffer.from(await to.decrypt(from.userId, encrypted))).toEqual(frame);
        playedBy(kinds([from, to]), "frames");
      }
      frames.push({ from: from.userId, encrypted });
    }
    return frames as [{ from: string; encrypted: Uint8Array }];
  }

  private async expectReady(client: VoiceClient, ready: Promise<boolean>): Promise<void> {
    if (await ready) return;
    throw new Error(`${client.kind} ${client.userId} refuses the transition`, {
      cause: "problem" in client ? client.problem : undefined,
    });
  }

  private expectAgreement(): void {
    const [first, ...others] = this.members;
    if (first === undefined) throw new Error("a group without members");
    expect(first.epoch).toBe(this.epoch);
    expect(first.epochAuthenticator).toHaveLength(32);
    const expected = [...this.members, ...this.lost].map(({ userId }) => userId);
    expect([...first.users].sort()).toEqual(expected.sort());
    for (const other of others) {
      expect(other.epoch).toBe(this.epoch);
      expect(Buffer.from(other.epochAuthenticator)).toEqual(Buffer.from(first.epochAuthenticator));
      expect(other.users).toEqual(first.users);
    }
    if (this.follower !== undefined) {
      expect(this.follower.epoch).toBe(this.epoch);
      expect(this.follower.members.map(userIdOf)).toEqual(first.users);
      for (const client of this.members) {
        const leaf = this.follower.member(client.leafIndex);
        expect(leaf && userIdOf(leaf)).toBe(client.userId);
        if (client instanceof CopseVoiceClient) expect(client.group.treeHash).toEqual(this.follower.treeHash);
      }
    }
    playedBy(kinds(this.members), "epochs");
  }

  /** Follows the group as soon as one of ours is a member: the others can't make a GroupInfo. */
  private async follow(): Promise<void> {
    const ours = this.members.find((one) => one instanceof CopseVoiceClient);
    if (this.follower !== undefined || ours === undefined) return;
    const { crypto, policy } = this;
    const groupInfo = await ours.groupInfo();
    const authentication = insecureAcceptAll();
    this.follower = await PublicGroup.follow({ crypto, authentication, policy, groupInfo });
  }

  private proposal(request: Request): Promise<Uint8Array> {
    if (this.follower !== undefined) return this.follower.propose(this.signer, request);
    const { crypto, signer, epoch } = this;
    const known = { suite: SUITE, groupId: bigEndian(this.channelId), epoch, senderIndex: 0 };
    return externalProposal(crypto, signer, known, request);
  }
}

/** The implementations of some clients; ours isn't counted. */
function kinds(clients: readonly VoiceClient[]): string[] {
  return clients.map(({ kind }) => kind).filter((kind) => kind !== "copse");
}
