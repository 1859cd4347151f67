// RFC 9420 §9.2, §16.6: how much is kept for second thoughts, for how long, and that it is overwritten then.
import { type Group, insecureAcceptAll, MlsError, type Policy, type StagedCommit, toHex } from "@copse/core";
import { adopt, keepEpochs, keptCommits, peek, settle, stageOn } from "@copse/core/rewind";
import { memoryStorage, openClient } from "@copse/core/storage";
import { nodeProvider } from "@copse/provider-node";
import { everyone, gather, type Party, party, reopened, send } from "@copse/test-support/clients";
import { describe, expect, it } from "vitest";
import { decode, encode } from "../../src/codec/codec.js";
import { openPrivate, sealPrivate } from "../../src/framing/private-message.js";
import { epochsIn, type GroupState, privateKeysIn } from "../../src/group/state.js";
import { MlsMessage } from "../../src/wire/mls-message.js";
import { needed, watched } from "../client/watched.js";
import { four, parted, SUITE } from "./branches.js";

const codeOf = (call: Promise<unknown>) =>
  call.then(
    () => "no error",
    (error) => (error instanceof MlsError ? error.code : error),
  );
const agree = (a: Group, b: Group) => expect(toHex(a.epochAuthenticator)).toBe(toHex(b.epochAuthenticator));
const stateOf = (group: Group): GroupState => group.predecessor;
/** The epochs before the present one. */
const lineOf = (group: Group) => {
  const { current } = stateOf(group);
  const inForce = keptCommits(group).filter((one) => one.inForce);
  return epochsIn(stateOf(group)).filter(
    (one) =>
      one !== current &&
      inForce.some(({ commit }) => one.groupContext.epoch === commit.epoch - 1n) &&
      [...inForce].every(
        ({ commit }) =>
          commit.epoch !== one.groupContext.epoch ||
          isEqual(commit.epochAuthenticator, one.secrets.epochAuthenticator),
      ),
  );
};
const isEqual = (a: Uint8Array | undefined, b: Uint8Array) => a !== undefined && toHex(a) === toHex(b);
const initSecrets = (group: Group) => epochsIn(stateOf(group)).map(({ secrets }) => secrets.initSecret);
const isZero = (bytes: Uint8Array) => bytes.every((byte) => byte === 0);

/** Commits of Ada's, which all others receive. */
async function goOn(groups: readonly Group[], times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const { commit } = await (groups[0] as Group).update();
    await everyone(groups, commit, 0);
    await groups[0]?.mergePendingCommit();
  }
}

describe("without policy.rewind", () => {
  it("nothing is kept, and no other commit can be taken", async () => {
    const { groups } = await gather([await party("a", { suite: SUITE }), await party("b", { suite: SUITE })]);
    const [a, b] = groups as [Group, Group];
    const before = stateOf(a).current;
    const { commit } = await b.update();
    await b.mergePendingCommit();
    await a.receive(commit);
    expect(stateOf(a).kept).toBeUndefined();
    expect(isZero(before.secrets.initSecret)).toBe(true);
    expect(keptCommits(a)).toEqual([]);
    const own = await a.update();
    for (const call of [stageOn(a, commit, { on: 1n }), settle(a), adopt(a, own), peek(a, own, commit)])
      expect(await codeOf(call)).toBe("usage");
  });

  it("what a saved state has of it isn't loaded", async () => {
    const here = await four();
    const { adas } = await parted(here);
    const { cleo, parties } = here;
    await cleo.receive(adas.commit);
    const saved = await cleo.save();
    const { client } = await party("cleo", { suite: SUITE, signer: parties[2]?.signer as never });
    const restored = await client.restore(saved);
    expect(stateOf(restored).kept).toBeUndefined();
    await send(here.ada, [restored], "hello");
  });

  it.each([
    [{ epochs: 0, age: 1 }, "epochs"],
    [{ epochs: 1.5, age: 1 }, "epochs"],
    [{ epochs: 33, age: 1 }, "epochs"],
    [{ epochs: Number.NaN, age: 1 }, "epochs"],
    [{ epochs: 1, age: 0 }, "age"],
    [{ epochs: 1, age: Number.POSITIVE_INFINITY }, "age"],
    [{ epochs: 1 }, "age"],
    [{ epochs: 1, age: 1, number: 1 }, "number"],
    [undefined, "options"],
  ])("%o is refused", (options, name) => {
    expect(() => keepEpochs(options as never)).toThrow(name);
  });

  it("a policy that wasn't made by keepEpochs() is refused", async () => {
    const policy = { rewind: { epochs: 1, age: 1 } } as unknown as Policy;
    expect(await codeOf(party("a", { suite: SUITE, policy }))).toBe("usage");
  });
});

describe("an epoch is kept", () => {
  it("until so many others have ended, and its secrets are overwritten then", async () => {
    const { groups, cleo } = await four({ policy: { rewind: keepEpochs({ epochs: 2, age: 3600 }) } });
    const { current } = stateOf(cleo);
    const on = cleo.epoch;
    await goOn(groups, 2);
    expect(isZero(current.secrets.initSecret)).toBe(false);
    expect(initSecrets(cleo)).toHaveLength(3);
    await goOn(groups, 1);
    expect(isZero(current.secrets.initSecret)).toBe(true);
    expect(isZero(current.secrets.externalSecret)).toBe(true);
    expect(initSecrets(cleo)).toHaveLength(3);
    expect(await codeOf(stageOn(cleo, new Uint8Array(9), { on }))).toBe("forgotten");
    expect(await codeOf(stageOn(cleo, new Uint8Array(9), { on: on + 99n }))).toBe("future-epoch");
    // Late messages are another matter.
    expect(stateOf(cleo).past.some(({ epoch }) => epoch === on)).toBe(true);
  });

  it("until it is too old, by the next operation, and by a restored client", async () => {
    let now = 1e9;
    const policy = { rewind: keepEpochs({ epochs: 9, age: 60 }), now: () => now * 1000 };
    const here = await four({ policy });
    const { adas, bens, on } = await parted(here);
    const { cleo, dora, parties } = here;
    await cleo.receive(adas.commit);
    await dora.receive(adas.commit);
    await stageOn(cleo, bens.commit, { on });
    const kept = epochsIn(stateOf(cleo));
    const saved = await dora.save();
    now += 61;
    await cleo.encrypt("hello");
    expect(stateOf(cleo).kept).toBeUndefined();
    expect(kept.filter(({ secrets }) => isZero(secrets.initSecret))).toHaveLength(kept.length - 1);
    await dora.close();
    const restored = await parties[3]?.client.restore(saved);
    await restored?.encrypt("hello");
    expect(stateOf(restored as Group).kept).toBeUndefined();
    expect(await codeOf(stageOn(cleo, bens.commit, { on }))).toBe("forgotten");
  });

  it("no longer if its end was in the future", async () => {
    let now = 2e9;
    const { groups, cleo } = await four({
      policy: { rewind: keepEpochs({ epochs: 9, age: 60 }), now: () => now * 1000 },
    });
    now = 1e9;
    await cleo.encrypt("the clock was ahead");
    expect(stateOf(cleo).kept).toBeDefined();
    now += 61;
    await cleo.encrypt("hello");
    expect(stateOf(cleo).kept).toBeUndefined();
    void groups;
  });

  it("until the application says that it is settled, with its branches", async () => {
    const here = await four();
    const { on, adas, bens } = await parted(here);
    const { groups, ada, cleo } = here;
    await cleo.receive(adas.commit);
    await goOn([ada, cleo], 1);
    const other = await stageOn(cleo, bens.commit, { on });
    const next = await stageOn(cleo, (await here.ben.update()).commit, { on: other });
    const before = epochsIn(stateOf(cleo));
    await settle(cleo, { epoch: on + 1n });
    expect(await codeOf(adopt(cleo, other))).toBe("missing");
    expect(await codeOf(stageOn(cleo, next.commit, { on: next }))).toBe("missing");
    expect(keptCommits(cleo).map(({ inForce }) => inForce)).toEqual([true]);
    await settle(cleo);
    expect(stateOf(cleo).kept).toBeUndefined();
    expect(before.filter(({ secrets }) => isZero(secrets.initSecret))).toHaveLength(before.length - 1);
    await send(ada, [cleo], "it goes on");
    void groups;
  });

  it("not by a closed group", async () => {
    const here = await four();
    const { adas } = await parted(here);
    await here.dora.receive(adas.commit);
    const epochs = epochsIn(stateOf(here.dora));
    expect(epochs.length).toBeGreaterThan(1);
    await here.dora.close();
    for (const { secrets } of epochs) expect(isZero(secrets.initSecret)).toBe(true);
    expect(await codeOf(settle(here.dora))).toBe("closed");
  });
});

describe("private keys", () => {
  it.each([false, true])("end with what is kept (in a key store: %s)", async (stored) => {
    const { crypto, live } = watched(stored);
    const policy = { rewind: keepEpochs({ epochs: 3, age: 3600 }) };
    const dora = await party("dora", { suite: SUITE, crypto, policy });
    const others = [
      await party("ada", { suite: SUITE, policy }),
      await party("ben", { suite: SUITE, policy }),
    ];
    const { groups } = await gather([...others, dora]);
    const [ada, ben, group] = groups as [Group, Group, Group];
    await goOn([group, ada, ben], 1);
    const on = group.epoch;
    const [adas, bens] = [await ada.update(), await ben.update()];
    await group.receive(adas.commit);
    const other = await stageOn(group, bens.commit, { on });
    await adopt(group, other);
    await bens.merge();
    await send(group, [ben], "with the keys of the other branch");
    if (!stored) {
      expect(new Set(live)).toEqual(needed(group));
      await settle(group);
      expect(new Set(live)).toEqual(needed(group));
      return;
    }
    let again = await reopened(dora.client, group);
    await adopt(
      again,
      keptCommits(again).find(({ commit, inForce }) => !inForce && commit.committer.leafIndex === 0)
        ?.commit as StagedCommit,
    );
    await adas.merge();
    await send(again, [ada], "back");
    again = await reopened(dora.client, again);
    await settle(again);
    for (let i = 0; i < 3; i++) await again.save();
    expect(live.size).toBe(privateKeysIn(stateOf(again)).length);
  });
});

describe("what others send", () => {
  it("can't bring a used key back by a commit that is sent again in another message", async () => {
    const here = await four();
    const { ada, cleo, ben } = here;
    const on = ada.epoch;
    const before = stateOf(ada).current;
    const adas = await ada.update();
    await cleo.receive(adas.commit);
    // The same signed commit, encrypted by Ada's next key.
    const message = decode(MlsMessage, adas.commit);
    if (message.wireFormat !== 2) throw new Error("expected a PrivateMessage");
    const { secretTree, secrets, tree } = stateOf(ben).current;
    const { provider, registry } = (here.parties[0] as Party).config;
    const opened = await openPrivate(provider, message.privateMessage, {
      secretTree,
      senderDataSecret: secrets.senderDataSecret,
      isMember: (leafIndex) => tree.leaf(leafIndex) !== undefined,
      ownLeafIndex: 1,
      proposalTypes: registry.proposalTypes,
    });
    const keys = { secretTree: before.secretTree, senderDataSecret: before.secrets.senderDataSecret };
    const again = await sealPrivate(provider, opened.content, keys, 0, 1e6);
    const twin = encode(MlsMessage, { version: 1, wireFormat: 2, privateMessage: again });
    expect(twin).not.toEqual(adas.commit);
    expect(await codeOf(stageOn(cleo, twin, { on }))).toBe("duplicate");
    expect(keptCommits(cleo).filter(({ commit }) => commit.epoch === on + 1n)).toHaveLength(1);
    // Nor where both are staged before one of them is merged.
    const { dora } = here;
    const staged = [await dora.stage(adas.commit), await dora.stage(twin)];
    await staged[0]?.merge();
    expect(await codeOf(adopt(dora, staged[1] as StagedCommit))).toBe("missing");
    // Nor where both were staged before another one was merged.
    const twins = [await ben.stage(adas.commit), await ben.stage(twin)];
    await (await ben.update()).merge();
    await adopt(ben, twins[1] as StagedCommit);
    expect(await codeOf(adopt(ben, twins[0] as StagedCommit))).toBe("missing");
  });

  it("is authorized as any commit, and a received message alone changes nothing", async () => {
    let isAllowed = true;
    const here = await four({
      policy: { rewind: keepEpochs({ epochs: 3, age: 3600 }), authorize: () => isAllowed },
    });
    const { on, adas, bens } = await parted(here);
    const { cleo } = here;
    await cleo.receive(adas.commit);
    const before = toHex(await cleo.save());
    isAllowed = false;
    expect(await codeOf(stageOn(cleo, bens.commit, { on }))).toBe("forbidden");
    expect(await codeOf(cleo.receive(bens.commit))).toBe("fork");
    expect(toHex(await cleo.save())).toBe(before);
  });

  it("has no more than 16 commits of an epoch besides the one in force: the oldest ones are forgotten, never one that was in force", async () => {
    const here = await four();
    const { ben, cleo } = here;
    const { on, adas } = await parted(here);
    await cleo.receive(adas.commit);
    const behind = await stageOn(cleo, (await here.dora.update()).commit, { on });
    const commits: Uint8Array[] = [];
    // Dora has merged nothing: she makes one commit of the epoch after the other.
    for (let i = 0; i < 20; i++) {
      const { commit } = await here.dora.update({ replacePending: true });
      commits.push(commit);
      await stageOn(cleo, commit, { on });
    }
    const kept = keptCommits(cleo).filter(({ commit }) => commit.epoch === on + 1n);
    expect(kept.filter(({ inForce }) => inForce)).toHaveLength(1);
    expect(kept.filter(({ inForce }) => !inForce)).toHaveLength(16);
    expect(await codeOf(adopt(cleo, behind))).toBe("missing");
    const again = await stageOn(cleo, behind.commit, { on });
    await adopt(cleo, again);
    expect(await codeOf(stageOn(cleo, adas.commit, { on }))).toBe("no error");
    void ben;
  });
});

it("large commits that begin alike cost later operations nothing", async () => {
  const { ben, cleo } = await four();
  const on = cleo.epoch;
  await (await cleo.update()).merge();
  const first = await stageOn(cleo, (await ben.update()).commit, { on });
  await ben.mergePendingCommit();
  const authenticatedData = new Uint8Array(600_000);
  for (let i = 0; i < 16; i++) {
    const { commit } = await ben.commit({ forcePath: true, replacePending: true, authenticatedData });
    await stageOn(cleo, commit, { on: first });
  }
  await adopt(cleo, first);
  expect(cleo.staged).toHaveLength(16);
  const start = performance.now();
  for (let i = 0; i < 10; i++) await cleo.encrypt("hello");
  // Comparing each with each of the others takes 9 seconds.
  expect(performance.now() - start).toBeLessThan(2000);
});

describe("own commits that were given up", () => {
  it("make room for those of others", async () => {
    const { ada, ben, cleo } = await four();
    const on = cleo.epoch;
    for (let i = 0; i < 16; i++) await cleo.update({ replacePending: true });
    const [adas, bens] = [await ada.update(), await ben.update()];
    const { commit } = await ben.update({ replacePending: true });
    await cleo.receive(adas.commit);
    // The oldest own one goes, not the one before.
    const first = await stageOn(cleo, bens.commit, { on });
    await stageOn(cleo, commit, { on });
    expect(keptCommits(cleo).filter(({ commit, inForce }) => commit.own && !inForce)).toHaveLength(14);
    await adopt(cleo, first);
    await bens.merge();
    agree(ben, cleo);
  });

  it("end before one that wasn't", async () => {
    const { groups, ada, ben, cleo } = await four({
      policy: { rewind: keepEpochs({ epochs: 32, age: 3600 }) },
    });
    const on = cleo.epoch;
    const [own, adas] = [await cleo.update(), await ada.update()];
    for (const one of [ben, cleo, groups[3] as Group]) await one.receive(adas.commit);
    await adas.merge();
    for (let epoch = 0; epoch < 5; epoch++) {
      for (let i = 0; i < 15; i++) await cleo.update({ replacePending: true });
      await cleo.mergePendingCommit();
    }
    expect(keptCommits(cleo).length).toBeLessThan(75);
    expect(await stageOn(cleo, own.commit, { on })).toMatchObject({ own: true });
  });

  it("don't fill the saved state", async () => {
    const { groups, ada } = await four({ policy: { rewind: keepEpochs({ epochs: 32, age: 3600 }) } });
    for (let epoch = 0; epoch < 6; epoch++) {
      for (let i = 0; i < 15; i++) await ada.update({ replacePending: true });
      await everyone(groups, (ada.staged[0] as StagedCommit).commit, 0);
      await ada.mergePendingCommit();
    }
    expect(keptCommits(ada).length).toBeLessThanOrEqual(65);
    expect(keptCommits(ada).filter(({ inForce }) => inForce).length).toBeGreaterThan(9);
    expect((await ada.save()).length).toBeLessThan(500_000);
  });
});

describe("in a storage", () => {
  it("kept epochs and branches are there after each step, and a restart", async () => {
    const storage = memoryStorage();
    const policy = { rewind: keepEpochs({ epochs: 3, age: 3600 }), maxPastEpochs: 1 };
    const options = {
      storage,
      crypto: nodeProvider(),
      suite: SUITE,
      credential: "cleo",
      authentication: insecureAcceptAll(),
      policy,
    };
    let client = await openClient(options);
    const [ada, ben] = (
      await gather([
        await party("ada", { suite: SUITE, policy }),
        await party("ben", { suite: SUITE, policy }),
      ])
    ).groups as [Group, Group];
    const added = await ada.add(await client.createKeyPackage());
    await ben.receive(added.commit);
    await added.merge();
    let cleo = await client.join(added.welcome as Uint8Array);
    const { groupId } = cleo;
    const restart = async () => {
      await cleo.close();
      client = await openClient(options);
      cleo = (await client.group(groupId)) as Group;
    };
    await goOn([ada, ben, cleo], 1);
    const on = ada.epoch;
    const [adas, bens] = [await ada.update(), await ben.update()];
    await adas.merge();
    await bens.merge();
    await cleo.receive(adas.commit);
    const [first, second] = [await ada.encrypt("first"), await ada.encrypt("second")];
    await cleo.receive(first);
    await restart();
    await stageOn(cleo, bens.commit, { on });
    await restart();
    const other = () =>
      keptCommits(cleo).find(({ inForce, commit }) => !inForce && commit.epoch === on + 1n)
        ?.commit as StagedCommit;
    await adopt(cleo, other());
    await send(cleo, [ben], "one");
    await restart();
    await send(cleo, [ben], "two");
    await send(ben, [cleo], "three");
    await adopt(cleo, other());
    await restart();
    expect(await codeOf(cleo.receive(first))).toBe("duplicate");
    await cleo.receive(second);
    await restart();
    expect(await codeOf(cleo.receive(second))).toBe("duplicate");
    await send(cleo, [ada], "still with the keys");
    // There and back without a restart between.
    await adopt(cleo, other());
    await adopt(cleo, other());
    await restart();
    await send(cleo, [ada], "and again");
    await send(ada, [cleo], "and back");
    await adopt(cleo, other());
    await restart();
    await send(cleo, [ben], "four");
    await settle(cleo);
    await restart();
    expect(stateOf(cleo).kept).toBeUndefined();
    expect((await storage.list("group/")).filter(({ key }) => key.endsWith("/rewind"))).toEqual([]);
    await send(cleo, [ben], "five");
  });

  it("an epoch has its keys, and each commit its place, whatever else changes beside them", async () => {
    let now = 1e9;
    const policy = {
      rewind: keepEpochs({ epochs: 3, age: 3600 }),
      maxPastEpochAge: 10,
      now: () => now * 1000,
    };
    const storage = memoryStorage();
    const options = {
      ...{ storage, policy, crypto: nodeProvider(), suite: SUITE, credential: "cleo" },
      authentication: insecureAcceptAll(),
    };
    let client = await openClient(options);
    const others = [
      await party("ada", { suite: SUITE, policy }),
      await party("ben", { suite: SUITE, policy }),
    ];
    const [ada, ben] = (await gather(others)).groups as [Group, Group];
    const added = await ada.add(await client.createKeyPackage());
    await ben.receive(added.commit);
    await added.merge();
    let cleo = await client.join(added.welcome as Uint8Array);
    const on = ada.epoch;
    const [adas, bens] = [await ada.update(), await ben.update()];
    await adas.merge();
    await bens.merge();
    await cleo.receive(adas.commit);
    // Only the past epoch ends, for late messages.
    now += 11;
    await cleo.encrypt("hello");
    expect(stateOf(cleo).past).toHaveLength(0);
    const restart = async () => {
      const { groupId } = cleo;
      await cleo.close();
      client = await openClient(options);
      cleo = (await client.group(groupId)) as Group;
    };
    await restart();
    const other = await stageOn(cleo, bens.commit, { on });
    const { commit } = await ben.update();
    await ben.mergePendingCommit();
    await stageOn(cleo, commit, { on: other });
    const places = () =>
      keptCommits(cleo)
        .map(({ commit, after }) => [toHex(commit.commit.slice(-4)), after && toHex(after.commit.slice(-4))])
        .sort();
    await cleo.stage((await ada.update()).commit);
    const before = places();
    expect(before).toHaveLength(4);
    await restart();
    expect(places()).toEqual(before);
    const tip = keptCommits(cleo).find((one) => toHex(one.commit.commit) === toHex(commit))?.commit;
    await adopt(cleo, tip as StagedCommit);
    await restart();
    await send(ben, [cleo], "all is there");
    // The keys of the commits are used.
    const ended = lineOf(cleo).map(({ secretTree }) => secretTree.senders.get(1)?.handshake.generation);
    expect(ended).toEqual([1, 1]);
  });
});
