// A group of all providers that a suite has, a follower from outside, and what insiders and outsiders need to write to it.
import { basicCredential, externalSenders, type Group, generateSigner, type Signer } from "@copse/core";
import { PublicGroup } from "@copse/core/public-group";
import { nodeProvider } from "@copse/provider-node";
import { equalBytes } from "../../packages/core/src/bytes.js";
import type { SourcedProposal } from "../../packages/core/src/framing/sourced-proposal.js";
import { type Party, party } from "../../tests/support/clients.js";
import { type Insider, insider } from "../../tests/support/insiders.js";
import { vectorProviders } from "../../tests/support/providers.js";

/** Who is in the group, in the order of their leaves. The last is removed, so that there is a blank leaf. */
const NAMES = ["alice", "bob", "mallory", "nora", "lisa", "wendy", "gone"] as const;
/** The providers of some of them; the others use node's. */
const PROVIDERS: Readonly<Record<string, string>> = { nora: "noble", lisa: "libsodium", wendy: "webcrypto" };

export const PSK_ID: Uint8Array = new Uint8Array([7, 7]);
const PSK = new Uint8Array(32).fill(9);

/** A member, and the state that it starts from. */
export interface Seat {
  readonly name: string;
  readonly party: Party;
  group: Group;
  saved: Uint8Array;
}

export class Room {
  readonly seats: readonly Seat[];
  /** A client that isn't a member. */
  readonly newMember: Party;
  /** An external sender. */
  readonly server: Signer;
  /** Messages of earlier epochs. */
  readonly old: ReadonlyMap<string, Uint8Array>;
  readonly authentication;
  follower!: PublicGroup;
  mallory!: Insider;
  #groupInfo!: Uint8Array;
  /** The proposals that everybody has received in this epoch. */
  #cached: readonly Uint8Array[] = [];

  private constructor(
    seats: readonly Seat[],
    newMember: Party,
    server: Signer,
    old: ReadonlyMap<string, Uint8Array>,
  ) {
    this.seats = seats;
    this.newMember = newMember;
    this.server = server;
    this.old = old;
    this.authentication = newMember.config.authentication;
  }

  /** @param options `proposals`: whether some wait for a commit: an update, a PSK, and a removal of Bob */
  static async create(suite: number, { proposals = true } = {}): Promise<Room> {
    const providers = (await vectorProviders()).filter(({ suites }) => suites.some(({ id }) => id === suite));
    const parties: Party[] = [];
    for (const name of [...NAMES, "newMember"]) {
      const wanted = PROVIDERS[name] ?? "node";
      const crypto = providers.find((one) => one.name.includes(wanted));
      if (crypto === undefined) continue;
      const externalPsk = (id: Uint8Array) => (equalBytes(id, PSK_ID) ? PSK : undefined);
      parties.push(await party(name, { suite, crypto, policy: { handshake: "public" }, externalPsk }));
    }
    const newMember = parties.pop() as Party;
    const server = await generateSigner(nodeProvider(), suite);
    const { groups, old } = await live(parties, server);
    const seats = parties.slice(0, -1).map(
      (one, i): Seat => ({
        name: one.name,
        party: one,
        group: groups[i] as Group,
        saved: new Uint8Array(),
      }),
    );
    const room = new Room(seats, newMember, server, old);
    await room.#settle(proposals);
    return room;
  }

  /** The proposals that wait for a commit, and the states that everybody goes back to. */
  async #settle(withProposals: boolean): Promise<void> {
    const alice = this.seat("alice");
    this.#groupInfo = await alice.group.groupInfo();
    await this.#follow();
    if (withProposals) {
      const updater = this.seats.at(-1) as Seat;
      this.#cached = [
        await updater.group.propose({ update: true }),
        await alice.group.propose({ psk: { external: PSK_ID } }),
        await this.follower.propose(this.server, { remove: 1 }),
      ];
      for (const { group } of this.seats) for (const one of this.#cached) await group.receive(one);
      await this.#follow();
    }
    for (const seat of this.seats) seat.saved = await seat.group.save();
    const { party, group } = this.seat("mallory");
    this.mallory = await insider(party, group);
  }

  async #follow(): Promise<void> {
    const { seats, authentication } = this;
    this.follower = await PublicGroup.follow({
      crypto: nodeProvider(),
      authentication,
      groupInfo: this.#groupInfo,
      policy: { ...seats[0]?.party.config.policy },
    });
    for (const proposal of this.#cached) await this.follower.receive(proposal);
  }

  seat(name: string): Seat {
    const found = this.seats.find((one) => one.name === name);
    if (found === undefined) throw new Error(`there is no ${name}`);
    return found;
  }

  /** The member whose verdict on each message is asked for. */
  get bob(): Seat {
    return this.seat("bob");
  }

  get groupInfo(): Uint8Array {
    return this.#groupInfo;
  }

  /** The proposals that everybody has received. */
  get proposals(): readonly SourcedProposal[] {
    return this.bob.group.proposals;
  }

  /** Everybody's signer by the public key, to sign what is changed. */
  signerOf(publicKey: Uint8Array): Signer | undefined {
    const all = [...this.seats.map(({ party }) => party.signer), this.newMember.signer, this.server];
    return all.find((one) => equalBytes(one.publicKey, publicKey));
  }

  /** Goes back to the state before, after a message was accepted. */
  async reset(seats: readonly Seat[] = this.seats): Promise<void> {
    for (const seat of seats) {
      await seat.group.close();
      seat.group = await seat.party.client.restore(seat.saved);
    }
  }

  resetFollower(): Promise<void> {
    return this.#follow();
  }
}

/** A group with a history: parents, a blank leaf, past epochs. */
async function live(parties: readonly Party[], server: Signer) {
  const [alice, ...others] = parties as [Party, ...Party[]];
  const sender = { signatureKey: server.publicKey, credential: basicCredential("server") };
  const groups = [await alice.client.createGroup({ extensions: [externalSenders([sender])] })];
  const added = await (groups[0] as Group).add(
    await Promise.all(others.map(({ client }) => client.createKeyPackage())),
  );
  await groups[0]?.mergePendingCommit();
  for (const { client } of others) groups.push(await client.join(added.welcome as Uint8Array));
  const commit = async (from: number, work: (group: Group) => Promise<{ readonly commit: Uint8Array }>) => {
    const messages = await work(groups[from] as Group);
    for (const [i, group] of groups.entries())
      if (i !== from && group.active) await group.receive(messages.commit);
    await groups[from]?.mergePendingCommit();
    return messages.commit;
  };
  const mallory = groups[2] as Group;
  const old = new Map<string, Uint8Array>([
    ["old application", await mallory.encrypt("late", { authenticatedData: new Uint8Array(3) })],
  ]);
  old.set("old commit", await commit(2, (group) => group.update()));
  await commit(3, (group) => group.update());
  old.set("old proposal", await mallory.propose({ update: true }));
  await commit(4, (group) => group.update());
  await commit(1, (group) => group.remove(parties.length - 1));
  return { groups, old };
}
