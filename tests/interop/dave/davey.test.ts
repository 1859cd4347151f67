// RFC 9420: groups shared with OpenMLS, by davey (native code), as Discord's DAVE profiles them, and beyond that.

import type { Policy } from "@copse/core";
import { joinByExternalCommit } from "@copse/core/external";
import { readMessage } from "@copse/core/message";
import { cannot, DaveyClient, SUITE, type VoiceClient, whyMissing } from "@copse/peer-davey";
import { notPlayed, playedBy } from "@copse/test-support/played";
import { vectorProviders } from "@copse/test-support/providers";
import { fractionsFrom } from "@copse/test-support/random";
import { describe, expect, it } from "vitest";
import { vector } from "./bytes.js";
import { CopseVoiceClient, OPEN_POLICY } from "./client.js";
import { type Answer, type Change, Gateway } from "./gateway.js";

const serving = (await vectorProviders()).filter(({ suites }) => suites.some(({ id }) => id === SUITE));
const missing = await whyMissing();
if (missing !== undefined) notPlayed("davey", missing);

const CHANNEL = "927310423890473011";
let users = 158049329150427136n;
const nextUser = () => (users++).toString();
const theirs = (userId = nextUser()) => DaveyClient.create(userId, CHANNEL);

it("runs on every provider that has the suite", () => {
  expect(serving.map(({ name }) => name)).toEqual(["node", "webcrypto", "hpke", "noble"]);
});

const settings = serving.map((crypto) => ({ crypto, provider: crypto.name }));

describe.skipIf(missing !== undefined).each(settings)("on $provider, with davey", ({ crypto }) => {
  const ours = (policy?: Partial<Policy>) => CopseVoiceClient.create(crypto, nextUser(), CHANNEL, policy);

  /** A group, founded by the first. */
  async function founded<const T extends readonly VoiceClient[]>(clients: T, policy?: Partial<Policy>) {
    const gateway = await Gateway.create(crypto, CHANNEL, policy);
    await gateway.connect(...clients);
    await gateway.change({ add: clients, winner: clients[0] as VoiceClient });
    return { gateway, clients };
  }

  async function newMembers(gateway: Gateway, ...clients: readonly Promise<VoiceClient>[]) {
    const all = await Promise.all(clients);
    await gateway.connect(...all);
    return all;
  }

  it("they found the group, and ours join", async () => {
    await founded([await theirs(), await ours(), await theirs(), await ours()]);
  });

  it("ours found the group, and they join", async () => {
    await founded([await ours(), await theirs(), await ours(), await theirs()]);
  });

  it("each wins a race of all members' commits, with and without a path", async () => {
    const { gateway } = await founded([await ours(), await theirs(), await ours(), await theirs()]);
    for (const winner of [...gateway.members]) {
      const add = await newMembers(gateway, ours(), theirs());
      await gateway.change({ add, winner });
      // Commits that remove have paths, here to leaves that were added without one.
      await gateway.change({ remove: [add[0] as VoiceClient], winner });
      await gateway.change({
        remove: [add[1] as VoiceClient],
        add: await newMembers(gateway, theirs()),
        winner,
      });
    }
    expect(gateway.epoch).toBe(13n);
  });

  it("a user comes back with new keys, in the commit that removes the old ones", async () => {
    const { gateway, clients } = await founded([await ours(), await theirs(), await theirs(), await ours()]);
    const [first, second] = clients;
    const again = await theirs(second.userId);
    await gateway.connect(again);
    await gateway.change({ remove: [second], add: [again], winner: first });
    const ourAgain = await CopseVoiceClient.create(crypto, first.userId, CHANNEL);
    await gateway.connect(ourAgain);
    await gateway.change({ remove: [first], add: [ourAgain], winner: again });
  });

  it("a proposal is revoked, and the others are committed", async () => {
    const { gateway, clients } = await founded([await ours(), await theirs(), await ours()]);
    const [first, stranger, second] = clients;
    const revokeLast = async (change: Change) => {
      const revoked = gateway.follower?.proposals.at(-1)?.reference as Uint8Array;
      const answers = await gateway.send(1, [revoked], change);
      return (winner: VoiceClient) => answers.find(({ from }) => from === winner) as Answer;
    };
    for (const winner of [first, second]) {
      const [stays, goes] = (await newMembers(gateway, theirs(), ours())) as [VoiceClient, VoiceClient];
      await gateway.send(0, await gateway.propose({ add: [stays, goes] }), { add: [stays, goes] });
      const answerOf = await revokeLast({ add: [stays] });
      // A defect of davey: it forgets that its commit adds somebody, and gives no Welcome.
      expect(answerOf(stranger).welcome).toHaveLength(0);
      await gateway.accept(answerOf(winner), { add: [stays] });
      expect(gateway.members).not.toContain(goes);
    }
    // Of a Remove and an Add, the Add; then all that there was.
    const leaver = gateway.members.at(-1) as VoiceClient;
    const change = { remove: [leaver], add: await newMembers(gateway, theirs()) };
    await gateway.send(0, await gateway.propose(change), change);
    const answerOf = await revokeLast({ remove: [leaver] });
    await gateway.accept(answerOf(stranger), { remove: [leaver] });
    const [never] = await newMembers(gateway, ours());
    await gateway.send(0, await gateway.propose({ add: [never as VoiceClient] }), {
      add: [never as VoiceClient],
    });
    const none = await revokeLast({});
    for (const member of gateway.members) expect(none(member)).toBeUndefined();
    await gateway.change({ add: await newMembers(gateway, ours()), winner: stranger });
  });

  it("what DAVE forbids is refused by ours and by the gateway", async () => {
    const [rogue, stranger, strict] = [await ours(OPEN_POLICY), await theirs(), await ours()];
    const { gateway } = await founded([rogue, stranger, strict]);
    const outsider = await ours(OPEN_POLICY);
    const forbidden = [
      (await rogue.group.update()).commit,
      (await rogue.group.commit({ add: [await outsider.keyPackage()], replacePending: true })).commit,
      (await joinByExternalCommit(outsider.client, await rogue.groupInfo(), { replace: true })).commit,
      await rogue.group.propose({ remove: strict.leafIndex }),
    ];
    for (const message of forbidden) {
      for (const by of [strict.group, gateway.follower as NonNullable<typeof gateway.follower>]) {
        await expect(by.receive(message)).rejects.toMatchObject({ code: "forbidden" });
      }
    }
    // It goes on without: a proposal that was refused can't be committed, either.
    await rogue.group.dropProposals(() => true);
    await gateway.change({ add: await newMembers(gateway, theirs()), winner: strict });
  });

  it("ours renew their keys, and propose by themselves, and they follow and commit it", async () => {
    const [first, stranger, second] = [await ours(OPEN_POLICY), await theirs(), await ours(OPEN_POLICY)];
    const { gateway } = await founded([first, stranger, second], OPEN_POLICY);
    const commit = async (from: VoiceClient, bytes: Uint8Array) =>
      gateway.accept({ from, commit: bytes, welcome: new Uint8Array() }, {});
    await commit(first, (await first.group.update()).commit);
    await commit(second, (await second.group.update()).commit);
    const proposals = [await second.group.propose({ update: true })];
    await first.group.receive(proposals[0] as Uint8Array);
    await gateway.follower?.receive(proposals[0] as Uint8Array);
    const answer = await stranger.proposals(0, vector(...proposals), []);
    await commit(stranger, answer as Uint8Array);
    // The new leaf key is in use.
    await commit(first, (await first.group.update()).commit);
  });

  it("ours join by an external commit", async () => {
    const { gateway } = await founded(
      [await ours(OPEN_POLICY), await theirs(), await ours(OPEN_POLICY)],
      OPEN_POLICY,
    );
    const outsider = await ours(OPEN_POLICY);
    await gateway.connect(outsider);
    const founder = gateway.members[0] as CopseVoiceClient;
    const commit = await outsider.joinByExternalCommit(await founder.groupInfo());
    for (const member of gateway.members) expect(await member.commit(1, commit)).toBe(true);
    await gateway.follower?.receive(commit);
    gateway.members.push(outsider);
    gateway.epoch++;
    playedBy(["davey"], "joins");
    await gateway.settle();
  });

  it("key packages are valid from 0 to 2^64 - 1, theirs and ours", async () => {
    const reader = await ours();
    for (const client of [await theirs(), reader]) {
      const details = await reader.client.readKeyPackage(await client.keyPackage());
      expect(details).toMatchObject({ notBefore: 0n, notAfter: 2n ** 64n - 1n });
    }
  });

  it("a Welcome to a group with another external sender is refused, by them and by ours", async () => {
    const [gateway, other] = [await Gateway.create(crypto, CHANNEL), await Gateway.create(crypto, CHANNEL)];
    const founder = await ours();
    await gateway.connect(founder);
    for (const client of [await theirs(), await ours()]) {
      await other.connect(client);
      const proposals = await gateway.propose({ add: [client] });
      const answer = await founder.proposals(0, vector(...proposals), [client.userId]);
      expect(await client.welcome(1, readMessage(answer as Uint8Array).rest as Uint8Array)).toBe(false);
      await gateway.connect(founder);
    }
  });
});

describe.skipIf(missing !== undefined)("random groups with davey, ours on all providers", () => {
  const done = new Set<string>();

  it.each([1, 2, 3])("seed %i", async (seed) => {
    const next = fractionsFrom(seed);
    const below = (limit: number) => Math.floor(next() * limit);
    const pick = <T>(from: readonly T[]) => from[below(from.length)] as T;
    const newClient = () =>
      next() < 0.5 ? theirs() : CopseVoiceClient.create(pick(serving), nextUser(), CHANNEL);
    const gateway = await Gateway.create(pick(serving), CHANNEL);
    const clients = [
      await theirs(),
      await CopseVoiceClient.create(pick(serving), nextUser(), CHANNEL),
      await newClient(),
    ];
    await gateway.connect(...clients);
    await gateway.change({ add: clients, winner: pick(clients) });
    for (let round = 0; round < 12; round++) {
      const add = await Promise.all(Array.from({ length: below(4) }, newClient));
      await gateway.connect(...add);
      const most = Math.max(0, gateway.members.length - 2);
      const remove = [...gateway.members].sort(() => next() - 0.5).slice(0, below(Math.min(4, most + 1)));
      if (add.length + remove.length === 0) continue;
      const winner = pick(gateway.members.filter((one) => !remove.includes(one)));
      await gateway.change({ add, remove, winner });
      done.add(`${winner.kind} wins`);
      for (const { kind } of remove) done.add(`${kind} is removed by ${winner.kind}`);
      for (const { kind } of add) done.add(`${kind} is added by ${winner.kind}`);
    }
  });

  it("everything that can happen did, on both sides", () => {
    const kinds = ["copse", "davey"];
    const whats = kinds.flatMap((a) =>
      kinds.flatMap((b) => [`${a} is added by ${b}`, `${a} is removed by ${b}`]),
    );
    expect([...done].sort()).toEqual([...whats, ...kinds.map((kind) => `${kind} wins`)].sort());
  });
});

/** Each reason of the table, and a way to see that it is still so. */
describe.skipIf(missing !== undefined)("what davey can't do", () => {
  it("has no other functions than these", async () => {
    expect(Object.keys(cannot)).toHaveLength(9);
    const { DAVESession } = await import("@snazzah/davey");
    const names = Object.getOwnPropertyNames(DAVESession.prototype);
    // Those of DAVE's media and codes apart.
    const others =
      /^(constructor|toString|reset|reinit|.*(crypt|Passthrough|Fingerprint|Code|Stats|Opus).*)$/;
    expect(names.filter((name) => !others.test(name)).sort()).toEqual([
      ...[
        "channelId",
        "ciphersuite",
        "epoch",
        "getEpochAuthenticator",
        "getSerializedKeyPackage",
        "getUserIds",
      ],
      ...["ownLeafIndex", "processCommit", "processProposals", "processWelcome", "protocolVersion", "ready"],
      ...["setExternalSender", "status", "userId"],
    ]);
  });

  it("takes no PrivateMessages", async () => {
    const [crypto] = serving;
    const gateway = await Gateway.create(crypto as never, CHANNEL);
    const policy = { ...OPEN_POLICY, handshake: "private" } as const;
    const ours = await CopseVoiceClient.create(crypto as never, nextUser(), CHANNEL, policy);
    const stranger = await theirs();
    await gateway.connect(ours, stranger);
    await gateway.change({ add: [ours, stranger], winner: stranger });
    const { commit } = await ours.group.update();
    expect(await stranger.commit(2, commit)).toBe(false);
    expect(String(stranger.problem)).toContain("IncompatibleWireFormat");
  });
});
