// A server that follows a group without being a member, and proposes to it.

import {
  Client,
  externalSenders,
  type Group,
  generateSigner,
  insecureAcceptAll,
  type ProposedAction,
  type Signer,
} from "@copse/core";
import { joinByExternalCommit, proposeJoin } from "@copse/core/external";
import { PublicGroup } from "@copse/core/public-group";
import { nodeProvider } from "@copse/provider-node";
import { code } from "@copse/test-support/errors";
import { keepAll, proposalsIn } from "@copse/test-support/policies";
import { randomFrom } from "@copse/test-support/random";
import { beforeAll, describe, expect, it } from "vitest";

const crypto = nodeProvider();
const authentication = insecureAcceptAll();
const policy = { handshake: "public", authorize: keepAll } as const;

async function client(credential: string, suite: number): Promise<Client> {
  const signer = await generateSigner(crypto, suite);
  return Client.create({ crypto, suite, credential, authentication, policy, signer });
}

/** A group and a PublicGroup that follows it; each message is delivered to both. */
class World {
  readonly groups: Group[] = [];
  handshakes = 0;

  private constructor(
    readonly suite: number,
    readonly follower: PublicGroup,
    readonly server: Signer,
  ) {}

  static async create(suite: number): Promise<World> {
    const server = await generateSigner(crypto, suite);
    const founder = await client("founder", suite);
    const credential = { credentialType: 1, identity: new Uint8Array([1]) } as const;
    const group = await founder.createGroup({
      extensions: [externalSenders([{ signatureKey: server.publicKey, credential }])],
    });
    const follower = await PublicGroup.follow({
      crypto,
      authentication,
      groupInfo: await group.groupInfo(),
    });
    const world = new World(suite, follower, server);
    world.groups.push(group);
    return world;
  }

  async deliver(message: Uint8Array, from?: Group): Promise<void> {
    await this.follower.receive(message);
    for (const group of this.groups) if (group !== from) await group.receive(message);
    this.handshakes++;
  }

  async accept(
    from: Group,
    { commit, welcome }: { commit: Uint8Array; welcome: Uint8Array | undefined },
    joining: readonly Client[] = [],
  ) {
    await this.deliver(commit, from);
    await from.mergePendingCommit();
    for (const newMember of joining) this.groups.push(await newMember.join(welcome as Uint8Array));
    for (let i = this.groups.length - 1; i >= 0; i--) {
      if (this.groups[i]?.active !== true) this.groups.splice(i, 1);
    }
    this.compare();
  }

  compare(): void {
    const { follower } = this;
    const [first] = this.groups as [Group];
    expect(follower.epoch).toBe(first.epoch);
    expect(follower.ratchetTree).toEqual(first.ratchetTree);
    expect(follower.treeHash).toEqual(first.treeHash);
    expect(follower.confirmedTranscriptHash).toEqual(first.confirmedTranscriptHash);
    expect(follower.members).toEqual(first.members);
    expect(follower.proposals.length).toBe(0);
  }
}

describe("a PublicGroup", () => {
  it("follows a group of 50 through 200 handshakes of all kinds", async () => {
    const suite = 1;
    const random = randomFrom(50);
    const world = await World.create(suite);
    const { groups, follower } = world;
    let names = 0;
    const any = () => groups[random(groups.length)] as Group;
    const newMembers = (count: number) =>
      Promise.all(Array.from({ length: count }, () => client(`member ${names++}`, suite)));
    const addTo50 = async () => {
      const joining = await newMembers(50 - groups.length);
      const by = any();
      const add = await Promise.all(joining.map((one) => one.createKeyPackage()));
      await world.accept(by, await by.commit({ add }), joining);
    };
    const kinds: (() => Promise<void>)[] = [
      async () => {
        const by = any();
        await world.accept(by, await by.update());
      },
      async () => {
        for (let i = 0; i < 3; i++) {
          const by = any();
          if (
            by.proposals.some(({ sender }) => sender.senderType === 1 && sender.leafIndex === by.ownLeafIndex)
          )
            continue;
          await world.deliver(await by.propose({ update: true }), by);
        }
        const by = any();
        await world.accept(by, await by.commit());
      },
      async () => {
        const by = any();
        const others = groups.filter((group) => group !== by).map(({ ownLeafIndex }) => ownLeafIndex);
        await world.accept(by, await by.remove(others[random(others.length)] as number));
      },
      async () => {
        const by = any();
        const [one] = (await newMembers(1)) as [Client];
        const other = any();
        await world.deliver(await other.propose({ add: await one.createKeyPackage() }), other);
        await world.accept(by, await by.commit(), [one]);
      },
      async () => {
        const [one] = (await newMembers(1)) as [Client];
        const { group, commit } = await joinByExternalCommit(one, await any().groupInfo());
        await world.deliver(commit);
        await group.mergePendingCommit();
        groups.push(group);
        world.compare();
      },
      async () => {
        const [one] = (await newMembers(1)) as [Client];
        await world.deliver(await proposeJoin(one, { groupId: follower.groupId, epoch: follower.epoch }));
        const by = any();
        await world.accept(by, await by.commit(), [one]);
      },
      async () => {
        const leaf = any().ownLeafIndex;
        await world.deliver(await follower.propose(world.server, { remove: leaf }));
        const by = groups.find(({ ownLeafIndex }) => ownLeafIndex !== leaf) as Group;
        await world.accept(by, await by.commit());
      },
      async () => {
        const [one] = (await newMembers(1)) as [Client];
        await world.deliver(await follower.propose(world.server, { add: await one.createKeyPackage() }));
        const by = any();
        await world.accept(by, await by.commit(), [one]);
      },
      async () => {
        await world.deliver(await follower.propose(world.server, { extensions: follower.extensions }));
        const by = any();
        await world.accept(by, await by.commit());
      },
    ];
    await addTo50();
    for (let i = 0; world.handshakes < 200; i++) {
      await (kinds[i % kinds.length] as () => Promise<void>)();
      if (groups.length < 45) await addTo50();
    }
    expect(groups.length).toBeGreaterThan(40);
    for (const group of groups) expect(group.epochAuthenticator).toEqual(groups[0]?.epochAuthenticator);
  });

  describe("refuses", () => {
    let world: World;
    let alice: Group;
    let bob: Group;
    beforeAll(async () => {
      world = await World.create(2);
      [alice] = world.groups as [Group];
      const joining = [await client("bob", 2)];
      await world.accept(alice, await alice.add(await (joining[0] as Client).createKeyPackage()), joining);
      bob = world.groups[1] as Group;
    });

    it("each handshake with any byte changed, but for the bytes of MACs", async () => {
      const removal = await bob.propose({ extensions: [] });
      const { commit } = await alice.commit({ forcePath: true });
      for (const message of [removal, commit]) {
        // The last fields of a member's message: its confirmation tag and its membership tag, 1 + 32 bytes each.
        const macs = message === commit ? 66 : 33;
        for (let i = 0; i < message.length - macs; i++) {
          const changed = message.slice();
          changed[i] = (changed[i] as number) ^ 1;
          const before = [world.follower.epoch, world.follower.treeHash, world.follower.proposals.length];
          await expect(world.follower.receive(changed), `byte ${i}`).rejects.toMatchObject({
            code: expect.any(String),
          });
          expect([world.follower.epoch, world.follower.treeHash, world.follower.proposals.length]).toEqual(
            before,
          );
        }
      }
      await alice.clearPendingCommit();
    });

    it("what is stale, repeated, in conflict or encrypted, with an error for each", async () => {
      const [ofAlice, ofBob] = [await alice.update(), await bob.update()];
      const stale = await bob.propose({ remove: alice.ownLeafIndex });
      await world.deliver(ofAlice.commit, alice);
      await alice.mergePendingCommit();
      await expect(world.follower.receive(ofAlice.commit)).rejects.toEqual(code("duplicate"));
      await expect(world.follower.receive(ofBob.commit)).rejects.toEqual(code("fork"));
      await expect(world.follower.receive(stale)).rejects.toEqual(code("past-epoch"));
      await expect(world.follower.receive(await alice.encrypt("secret"))).rejects.toEqual(code("usage"));
      const stranger = await generateSigner(crypto, 2);
      await expect(world.follower.propose(stranger, { remove: 0 })).rejects.toEqual(code("unknown-sender"));
    });
  });
});

describe("a member that loses a race of commits", () => {
  it("gets its proposals back, and commits them again", async () => {
    const [a, b, c, d] = await Promise.all(["a", "b", "c", "d"].map((name) => client(name, 2)));
    const alice = await (a as Client).createGroup();
    const invited = await alice.add([
      await (b as Client).createKeyPackage(),
      await (c as Client).createKeyPackage(),
    ]);
    await alice.mergePendingCommit();
    const bob = await (b as Client).join(invited.welcome as Uint8Array);
    await (c as Client).join(invited.welcome as Uint8Array);

    const lost = await bob.commit({ add: [await (d as Client).createKeyPackage()], remove: [2] });
    const won = await alice.update();
    await alice.mergePendingCommit();
    const saved = await bob.save();
    for (const again of [false, true]) {
      if (again) await bob.close();
      const loser = again ? await (b as Client).restore(saved) : bob;
      const received = await loser.receive(won.commit);
      if (received.kind !== "commit") throw new Error(received.kind);
      expect(received.droppedPending).toBe(true);
      expect(received.dropped.map(({ proposalType }) => proposalType).sort()).toEqual([1, 3]);
      if (!again) continue;
      const { commit, welcome } = await loser.commit({ proposals: received.dropped });
      await alice.receive(commit);
      await loser.mergePendingCommit();
      const dave = await (d as Client).join(welcome as Uint8Array);
      expect(dave.epochAuthenticator).toEqual(alice.epochAuthenticator);
      expect(alice.member(2)?.credential).toEqual((d as Client).credential);
    }
    await expect(alice.receive(lost.commit)).rejects.toEqual(code("fork"));
  });
});

describe("roles", () => {
  it("a proposal that the policy forbids is refused on creation and on receipt, by all members", async () => {
    const admin = (action: ProposedAction) =>
      proposalsIn(action).every(
        ({ proposal, proposer }) =>
          proposal.proposalType !== 3 || (proposer.kind === "member" && proposer.member.leafIndex === 0),
      );
    const lenient = { handshake: "public" } as const;
    const strict = { ...lenient, authorize: admin };
    const make = async (credential: string, policy: typeof lenient | typeof strict) => {
      const signer = await generateSigner(crypto, 2);
      return Client.create({ crypto, suite: 2, credential, authentication, policy, signer });
    };
    const [a, b, c] = [await make("a", strict), await make("b", lenient), await make("c", strict)];
    const alice = await a.createGroup();
    const { welcome } = await alice.add([await b.createKeyPackage(), await c.createKeyPackage()]);
    await alice.mergePendingCommit();
    const bob = await b.join(welcome as Uint8Array);
    const carol = await c.join(welcome as Uint8Array);
    await expect(carol.remove(1)).rejects.toEqual(code("forbidden"));
    await expect(carol.propose({ remove: 1 })).rejects.toEqual(code("forbidden"));
    const { commit } = await bob.remove(2);
    const before = await alice.save();
    await expect(alice.receive(commit)).rejects.toEqual(code("forbidden"));
    expect(await alice.save()).toEqual(before);
    await bob.clearPendingCommit();
    const allowed = await alice.remove(2);
    await bob.receive(allowed.commit);
    await carol.receive(allowed.commit);
    await alice.mergePendingCommit();
    expect(bob.epochAuthenticator).toEqual(alice.epochAuthenticator);
  });
});
