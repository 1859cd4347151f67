// RFC 9420 §8.5, §9.2, §14: past epochs are kept by number and by age, and their exporters only on request.
import type { Group, Policy } from "@copse/core";
import { isZero } from "@copse/test-support/bytes";
import { gather, type Party, party, reopened } from "@copse/test-support/clients";
import { failure } from "@copse/test-support/errors";
import { describe, expect, it, test } from "vitest";

const SUITE = 1;
const NOTHING = new Uint8Array();

/** Alice, whose policy it is, by a clock that the tests set, in seconds; and Bob. */
async function here(policy: Partial<Policy> = {}) {
  const clock = { now: 1_800_000_000 };
  const parties = [
    await party("alice", { suite: SUITE, policy: { ...policy, now: () => clock.now * 1000 } }),
    await party("bob", { suite: SUITE, policy: { maxPastExporters: 3 } }),
  ] as const;
  const [a, b] = (await gather(parties)).groups as [Group, Group];
  return { clock, a, b, alice: parties[0] as Party };
}

/** Bob's commit starts the next epoch. */
async function next({ a, b }: { readonly a: Group; readonly b: Group }): Promise<void> {
  const { commit } = await b.update();
  await a.receive(commit);
  await b.mergePendingCommit();
}

/** The secrets of the latest past epoch, in the memory of a group. */
function secretsOf(group: Group): Uint8Array[] {
  const [past] = group.predecessor.past;
  if (past === undefined) throw new Error("no past epoch");
  const { senderDataSecret, resumptionPsk, exporterSecret } = past;
  return [senderDataSecret, resumptionPsk, ...(exporterSecret === undefined ? [] : [exporterSecret])];
}

const contains = (bytes: Uint8Array, part: Uint8Array) =>
  Buffer.from(bytes).includes(Buffer.from(part.buffer, part.byteOffset, part.length));

describe("a past epoch", () => {
  it("opens late messages until it is too old", async () => {
    const all = await here({ maxPastEpochAge: 60 });
    const { clock, a, b } = all;
    const [early, late] = [await b.encrypt("early"), await b.encrypt("late")];
    const { epoch } = a;
    await next(all);
    clock.now += 60;
    expect(await a.receive(early)).toMatchObject({ kind: "application" });
    clock.now += 1;
    expect(await failure(a.receive(late))).toMatchObject({ code: "forgotten", epoch });
    expect(a.resumptionPsk(epoch)).toBeUndefined();
    // The present epoch is older than that, too.
    expect(await a.receive(await b.encrypt("now"))).toMatchObject({ kind: "application" });
  });

  const CALLS: Readonly<Record<string, (a: Group, b: Group) => Promise<unknown>>> = {
    encrypt: (a) => a.encrypt("hello"),
    propose: (a) => a.propose({ update: true }),
    dropProposals: (a) => a.dropProposals([]),
    commit: (a) => a.commit(),
    groupInfo: (a) => a.groupInfo(),
    exportSecret: (a) => a.exportSecret("label", NOTHING, 16),
    withEpoch: (a) => a.withEpoch(() => 1),
    save: (a) => a.save(),
    stage: async (a, b) => a.stage((await b.update()).commit),
    receive: async (a, b) => a.receive(await b.encrypt("hello")),
    encryptAll: (a) => a.encryptAll(["hello"]),
    receiveAll: async (a, b) => a.receiveAll([await b.encrypt("hello")]),
    "receive, which refuses a message": (a) => failure(a.receive(new Uint8Array(4))),
  };
  test.each(Object.entries(CALLS))("that is too old is overwritten by %s", async (_name, call) => {
    const all = await here({ maxPastEpochAge: 60, maxPastExporters: 1 });
    const { clock, a, b } = all;
    await next(all);
    await a.save();
    const secrets = secretsOf(a);
    expect(secrets.some(isZero)).toBe(false);
    clock.now += 61;
    await call(a, b);
    expect(secrets).toHaveLength(3);
    expect(secrets.every(isZero)).toBe(true);
    expect(a.predecessor.past).toEqual([]);
  });

  it("that is too old is in no state that is saved from then on, also if it was in the one before", async () => {
    const all = await here({ maxPastEpochAge: 60, maxPastExporters: 1 });
    const { clock, a, alice } = all;
    await next(all);
    const secrets = secretsOf(a).map((secret) => secret.slice());
    const saved = await a.save();
    expect(secrets.every((secret) => contains(saved, secret))).toBe(true);
    clock.now += 61;
    expect(secrets.some((secret) => contains(saved, secret) === false)).toBe(false);
    const restored = await (await alice.again()).restore(saved);
    expect(restored.predecessor.past).toEqual([]);
    for (const group of [a, restored]) {
      const later = await group.save();
      expect(secrets.some((secret) => contains(later, secret))).toBe(false);
    }
  });

  it("keeps its age over a restore", async () => {
    const all = await here({ maxPastEpochAge: 60 });
    const { clock, a, b, alice } = all;
    const [early, late] = [await b.encrypt("early"), await b.encrypt("late")];
    await next(all);
    clock.now += 40;
    const restored = await reopened(alice.client, a);
    clock.now += 20;
    expect(await restored.receive(early)).toMatchObject({ kind: "application" });
    clock.now += 1;
    expect(await failure(restored.receive(late))).toMatchObject({ code: "forgotten" });
  });

  it.each([
    ["is kept for 30 days by default", {}, 30 * 86_400, true],
    ["is forgotten after 30 days by default", {}, 30 * 86_400 + 1, false],
    ["is kept for ever if the policy says so", { maxPastEpochAge: Number.POSITIVE_INFINITY }, 1e10, true],
    ["is kept for no time if the policy says so", { maxPastEpochAge: 0 }, 1, false],
    ["is kept if the clock goes back", { maxPastEpochAge: 60 }, -1e6, true],
    ["is kept with a clock before 1970", { maxPastEpochAge: 60 }, -2e9, true],
  ])("%s", async (_name, policy, seconds, kept) => {
    const all = await here(policy);
    const { clock, a, b } = all;
    const late = await b.encrypt("late");
    await next(all);
    clock.now += seconds;
    await a.save();
    if (kept) expect(await a.receive(late)).toMatchObject({ kind: "application" });
    else expect((await failure(a.receive(late))).code).toBe("forgotten");
  });

  it.each([
    ["while the group is open", async (_alice: Party, a: Group) => a],
    ["over a restore before it is set right", async (alice: Party, a: Group) => reopened(alice.client, a)],
  ])("that ended while the clock ran ahead is no older when it is set right: %s", async (_how, open) => {
    const all = await here({ maxPastEpochAge: 60 });
    const { clock, b, alice } = all;
    const [early, late] = [await b.encrypt("early"), await b.encrypt("late")];
    clock.now += 1e8;
    await next(all);
    const a = await open(alice, all.a);
    clock.now -= 1e8;
    await a.save();
    clock.now += 60;
    expect(await a.receive(early)).toMatchObject({ kind: "application" });
    clock.now += 1;
    expect((await failure(a.receive(late))).code).toBe("forgotten");
  });

  it("that ended while the clock ran ahead is saved with the time at which it was set right", async () => {
    const all = await here({ maxPastEpochAge: 60, maxPastExporters: 1 });
    const { clock, a, b, alice } = all;
    const { epoch } = a;
    clock.now += 1e8;
    await next(all);
    const secret = await a.exportSecret("label", NOTHING, 16, { epoch });
    clock.now -= 1e8;
    const saved = await a.save();
    // Its end has changed, and nothing else of it.
    expect(await a.exportSecret("label", NOTHING, 16, { epoch })).toEqual(secret);
    expect(secretsOf(a).some(isZero)).toBe(false);
    clock.now += 50;
    const restored = await (await alice.again()).restore(saved);
    expect(await restored.exportSecret("label", NOTHING, 16, { epoch })).toEqual(secret);
    clock.now += 11;
    expect(await restored.receive(await b.encrypt("now"))).toMatchObject({ kind: "application" });
    expect(restored.predecessor.past).toEqual([]);
  });

  it("isn't forgotten by a clock that fails: the call is to be tried again", async () => {
    let fails = false;
    const now = () => {
      if (fails) throw new Error("no clock");
      return Date.now();
    };
    const parties = [
      await party("alice", { suite: SUITE, policy: { now } }),
      await party("bob", { suite: SUITE }),
    ];
    const [a, b] = (await gather(parties)).groups as [Group, Group];
    const late = await b.encrypt("late");
    await next({ a, b });
    fails = true;
    expect((await failure(a.receive(late))).code).toBe("try-again");
    fails = false;
    expect(await a.receive(late)).toMatchObject({ kind: "application" });
  });
});

describe("the exporter of a past epoch", () => {
  const exported = (group: Group, epoch?: bigint) => group.exportSecret("label", NOTHING, 16, { epoch });

  it("isn't kept by default, and the error says which epoch", async () => {
    const all = await here();
    const { a } = all;
    const { epoch, groupId } = a;
    const { exporterSecret } = a.predecessor.current.secrets;
    await next(all);
    expect(isZero(exporterSecret)).toBe(true);
    const error = await failure(exported(a, epoch));
    expect(error).toMatchObject({ code: "forgotten", epoch, groupId, retry: "never" });
    expect(await failure(exported(a, epoch + 2n))).toMatchObject({
      code: "future-epoch",
      epoch: epoch + 2n,
      retry: "later",
    });
    expect((await failure(exported(a, -1n))).code).toBe("forgotten");
    expect((await failure(exported(a, 1n << 64n))).code).toBe("future-epoch");
    expect(await exported(a, a.epoch)).toEqual(await exported(a));
  });

  it("gives what it gave then, for as many epochs as the policy says, and after a restore", async () => {
    const all = await here({ maxPastExporters: 2 });
    const { a, b, alice } = all;
    const first = a.epoch;
    const then: Uint8Array[] = [];
    const memory: Uint8Array[] = [];
    for (let i = 0; i < 4; i++) {
      then.push(await exported(a));
      memory.push(a.predecessor.current.secrets.exporterSecret);
      await next(all);
    }
    const check = async (group: Group) => {
      for (const [i, secret] of then.entries()) {
        const epoch = first + BigInt(i);
        if (i >= 2) expect(await exported(group, epoch)).toEqual(secret);
        else expect(await failure(exported(group, epoch))).toMatchObject({ code: "forgotten", epoch });
      }
    };
    await check(a);
    expect(memory.map(isZero)).toEqual([true, true, false, false]);
    // A member whose policy keeps one more has the same.
    expect(await exported(b, first + 1n)).toEqual(then[1]);
    const restored = await reopened(alice.client, a);
    expect(memory.every(isZero)).toBe(true);
    await check(restored);
    // The late messages of an epoch don't depend on its exporter.
    const late = await b.encrypt("late");
    for (let i = 0; i < 3; i++) await next({ a: restored, b });
    expect(await restored.receive(late)).toMatchObject({ kind: "application" });
    await restored.close();
    expect((await failure(exported(restored, first))).code).toBe("closed");
  });

  it("ends with its epoch's age, and with a policy that keeps fewer", async () => {
    const all = await here({ maxPastExporters: 3, maxPastEpochAge: 60 });
    const { clock, a, alice } = all;
    const { epoch } = a;
    await next(all);
    const secret = await exported(a, epoch);
    const saved = await a.save();
    const restore = async (policy: Partial<Policy>) => {
      const client = (await party("alice", { suite: SUITE, signer: alice.signer, policy })).client;
      return client.restore(saved);
    };
    const now = () => clock.now * 1000;
    expect(await exported(await restore({ maxPastExporters: 1, now }), epoch)).toEqual(secret);
    const careful = await restore({ now });
    expect((await failure(exported(careful, epoch))).code).toBe("forgotten");
    expect(contains(await careful.save(), secretsOf(a)[2] as Uint8Array)).toBe(false);
    clock.now += 61;
    expect((await failure(exported(a, epoch))).code).toBe("forgotten");
  });

  it("is of no use to a removed member", async () => {
    const all = await here({ maxPastExporters: 3 });
    const { a, b } = all;
    const { epoch } = a;
    await next(all);
    const secrets = secretsOf(a);
    await a.receive((await b.remove(0)).commit);
    expect((await failure(exported(a, epoch))).code).toBe("removed");
    expect(secrets.every(isZero)).toBe(true);
  });
});
