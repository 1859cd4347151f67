// RFC 9420 §9.2, §14: more branches of an epoch than are kept: what was entered and left is forgotten, never entered again, and
// members with the same messages still end in the same epoch.
import { type Group, MlsError, type StagedCommit, toHex } from "@copse/core";
import { adopt, keepEpochs, keptCommits, peek, settle, stageOn } from "@copse/core/rewind";
import { gather, type Party, party, reopened } from "@copse/test-support/clients";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Convergence, type Sent } from "../../../../examples/src/convergence.js";
import { epochsIn, type GroupState } from "../../src/group/state.js";
import { noKeyTwice } from "./world.js";

const SUITE = 1;
/** How many are kept on an epoch, and in all. */
const [MOST, ALL] = [16, 64];
const policy = { handshake: "public", rewind: keepEpochs({ epochs: 32, age: 3600 }) } as const;

const codeOf = (call: Promise<unknown>) =>
  call.then(
    () => "no error",
    (error) => (error instanceof MlsError ? error.code : error),
  );
const stateOf = (group: Group): GroupState => group.predecessor;
const isZero = (bytes: Uint8Array) => bytes.every((byte) => byte === 0);

interface Scene {
  readonly parties: readonly Party[];
  readonly ada: Group;
  readonly others: readonly Group[];
}

/** Ada, who makes many commits, and others. */
async function scene(names: readonly string[]): Promise<Scene> {
  const crypto = noKeyTwice();
  const parties: Party[] = [];
  for (const name of ["ada", ...names]) parties.push(await party(name, { suite: SUITE, crypto, policy }));
  const [ada, ...others] = (await gather(parties)).groups as [Group, ...Group[]];
  return { parties, ada, others };
}

/** Commits of Ada's present epoch, each in the place of the one before. */
async function manyOf(ada: Group, count: number): Promise<StagedCommit[]> {
  const all: StagedCommit[] = [];
  for (let i = 0; i < count; i++) all.push(await ada.commit({ forcePath: true, replacePending: true }));
  return all;
}

/** Enters one after the other, and sends in each. */
async function enterAll(group: Group, commits: readonly StagedCommit[], on: bigint): Promise<void> {
  for (const [i, { commit }] of commits.entries()) {
    const staged = i === 0 ? await group.stage(commit) : await stageOn(group, commit, { on });
    await adopt(group, staged);
    await group.encrypt(`branch ${i}`);
  }
}

describe("the branches of one epoch", () => {
  it("may be more than are kept: who enters all ends where who enters one does", async () => {
    const { ada, others } = await scene(["ben", "cleo"]);
    const [ben, cleo] = others as [Group, Group];
    const on = ada.epoch;
    const commits = await manyOf(ada, MOST + 9);
    const last = commits.at(-1) as StagedCommit;
    await enterAll(ben, commits, on);
    await cleo.receive(last.commit);
    await last.merge();
    for (const one of [ben, cleo]) expect(toHex(one.epochAuthenticator)).toBe(toHex(ada.epochAuthenticator));
    await ada.receive(await ben.encrypt("hello"));
    // With the one that is in force.
    expect(keptCommits(ben)).toHaveLength(MOST + 1);
  });

  it("that are forgotten aren't entered again, by any way, nor after a restart", async () => {
    const { ada, others, parties } = await scene(["ben"]);
    let [ben] = others as [Group];
    const on = ada.epoch;
    const commits = await manyOf(ada, MOST + 3);
    const [first, second] = commits as [StagedCommit, StagedCommit];
    const entered = await ben.stage(first.commit);
    await adopt(ben, entered);
    const message = await ben.encrypt("in the first branch");
    const { secrets } = epochsIn(stateOf(ben)).at(0) as ReturnType<typeof epochsIn>[number];
    for (const { commit } of commits.slice(1)) await adopt(ben, await stageOn(ben, commit, { on }));
    expect(isZero(secrets.initSecret)).toBe(true);
    for (let i = 0; i < 2; i++) {
      for (const { commit } of [first, second])
        expect(await codeOf(stageOn(ben, commit, { on }))).toBe("duplicate");
      ben = await reopened(parties[1]?.client as never, ben);
    }
    expect(await codeOf(adopt(ben, entered))).toBe("missing");
    expect(await codeOf(peek(ben, entered, message))).toBe("missing");
    // One that is kept can come back.
    const kept = keptCommits(ben).find(({ inForce }) => !inForce) as { commit: StagedCommit };
    await adopt(ben, kept.commit);
    await settle(ben);
    expect(stateOf(ben).kept).toBeUndefined();
  });

  it("that this client went on from end with what followed", async () => {
    const { ada, others } = await scene(["ben"]);
    const [ben] = others as [Group];
    const on = ada.epoch;
    const commits = await manyOf(ada, MOST + 2);
    const [first] = commits as [StagedCommit];
    await adopt(ben, await ben.stage(first.commit));
    const followed = await ben.update();
    await followed.merge();
    await ben.encrypt("in the second epoch of the first branch");
    for (const { commit } of commits.slice(1)) {
      await adopt(ben, await stageOn(ben, commit, { on }));
      const own = await ben.update();
      await own.merge();
    }
    expect(await codeOf(stageOn(ben, first.commit, { on }))).toBe("duplicate");
    expect(await codeOf(adopt(ben, followed))).toBe("missing");
    expect(keptCommits(ben).filter(({ commit }) => commit.epoch === on + 1n)).toHaveLength(MOST);
  });
});

it("beyond what is kept in all, the end of a branch is forgotten, and the epoch before it isn't gone back to", async () => {
  const { ada, others } = await scene(["ben"]);
  const [ben] = others as [Group];
  const hasKept = (staged: StagedCommit) =>
    keptCommits(ben).some(({ commit }) => toHex(commit.commit) === toHex(staged.commit));
  let followed: StagedCommit | undefined;
  let start: StagedCommit | undefined;
  let seen = "nothing forgotten";
  for (let level = 0; level < 6; level++) {
    const on = ada.epoch;
    const commits = await manyOf(ada, MOST - 1);
    for (const [i, { commit }] of commits.entries()) {
      const staged = i === 0 ? await ben.stage(commit) : await stageOn(ben, commit, { on });
      await adopt(ben, staged);
      expect(stateOf(ben).kept?.others.length).toBeLessThanOrEqual(ALL);
      if (followed === undefined) {
        start = staged;
        followed = await ben.update();
        await followed.merge();
      } else if (start !== undefined && hasKept(start) && !hasKept(followed)) {
        // It has nothing after it any more, but this client went on from it.
        seen = await codeOf(adopt(ben, start));
        expect(await codeOf(adopt(ben, followed))).toBe("missing");
      }
    }
    await commits.at(-1)?.merge();
    expect(toHex(ben.epochAuthenticator)).toBe(toHex(ada.epochAuthenticator));
  }
  expect(seen).toBe("usage");
});

/**
 * Longer, with another seed:
 * COPSE_SEED=7 COPSE_REWIND_RUNS=100 npx vitest run packages/core/test/rewind/forgotten.test.ts
 */
const SEED = Number(process.env.COPSE_SEED ?? 9420);
const RUNS = Number(process.env.COPSE_REWIND_RUNS ?? 1);

it("members who get the same many commits in any order agree, and no key is used twice", async () => {
  let forgotten = 0;
  const number = fc.nat({ max: 1000 });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: MOST + 4, max: 2 * MOST }),
      fc.array(number, { minLength: 60, maxLength: 60 }),
      async (count, choices) => {
        const { ada, others } = await scene(["ben", "cleo", "dora"]);
        const minds = [ada, ...others].map((group) => new Convergence(group));
        const inboxes: Sent[][] = minds.map(() => []);
        let clock = 1000;
        const publish = (message: Uint8Array, createdAt: number) => {
          const sent = { message, createdAt, id: toHex(message.slice(-8)) };
          for (const inbox of inboxes) inbox.push(sent);
        };
        // Each counts more than those before.
        for (const { commit } of await manyOf(ada, count)) publish(commit, clock--);
        const next = (i: number) => choices[i % choices.length] as number;
        const deliver = async (who: number, at: number) => {
          const [sent] = (inboxes[who] as Sent[]).splice(at, 1);
          if (sent !== undefined) await (minds[who] as Convergence).offer(sent);
        };
        // Ben gets the worst first, Cleo the best, Dora any; and they send and commit in between.
        for (let i = 0; i < count; i++) {
          await deliver(1, 0);
          await deliver(2, count - 1 - i);
          await deliver(3, next(i) % (count - i));
          const group = others[next(i) % 3] as Group;
          if (next(i) % 3 === 0) publish(await group.encrypt(`message ${i}`), clock);
          if (next(i) % 7 === 0)
            publish((await group.commit({ forcePath: true, replacePending: true })).commit, 1000 + i);
        }
        for (let who = 0; who < minds.length; who++) {
          for (let i = 0; (inboxes[who] as Sent[]).length > 0; i++)
            await deliver(who, next(i) % (inboxes[who] as Sent[]).length);
        }
        for (const group of others)
          expect(toHex(group.epochAuthenticator)).toBe(toHex(ada.epochAuthenticator));
        for (const { kept } of others.map(stateOf))
          forgotten += [...(kept?.others ?? [])].reduce((sum, one) => sum + one.forgotten.length, 0);
        const hello = await ada.encrypt("hello");
        for (const group of others) expect(await group.receive(hello)).toMatchObject({ kind: "application" });
      },
    ),
    { numRuns: RUNS, seed: SEED, endOnFailure: true },
  );
  expect(forgotten).toBeGreaterThan(0);
}, 600_000);
