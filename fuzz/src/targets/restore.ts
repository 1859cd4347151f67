// Saved states and saved key packages: whoever can write them can write anything, a digest included.
import { type Group, StagedCommit } from "@copse/core";
import { type Codec, decode, encode } from "../../../packages/core/src/codec/codec.js";
import { sealRecord } from "../../../packages/core/src/group/storage/record.js";
import { SavedGroup } from "../../../packages/core/src/group/storage/saved-group.js";
import { SavedKeyPackages } from "../../../packages/core/src/group/storage/saved-key-packages.js";
import { party } from "../../../tests/support/clients.js";
import { nodeSuite } from "../../../tests/support/providers.js";
import { Room } from "../room.js";
import { type ByteEdit, editBytes } from "../steps.js";
import type { Outcome, Target } from "../target.js";
import { judge, type Verdict } from "../verdict.js";

/** A saved state. `digest`: 1 if it is made right after all changes, as by somebody who wrote the state. */
interface SavedPlan {
  readonly body: unknown;
  readonly digest: number;
}

/** The codes that say whose fault it is that a state can't be restored. The provider is always there. */
const mayFail = (code: string): boolean => ["state", "unsupported", "missing-signer", "usage"].includes(code);

/** What a group may say that was restored from a state that somebody wrote. */
const mayRefuseUse = (code: string): boolean => code !== "try-again";

/** The body of a record without its digest. */
function bodyOf(codec: Codec<unknown>, suite: number, record: Uint8Array): unknown {
  return decode(codec, record.slice(0, record.length - nodeSuite(suite).suite.hash.Nh));
}

/** The record that a plan describes; `undefined` if it can't be encoded. */
async function recordOf(
  codec: Codec<unknown>,
  suite: number,
  { body, digest }: SavedPlan,
  edits: readonly ByteEdit[],
): Promise<Uint8Array | undefined> {
  try {
    const bytes = encode(codec, body);
    if (digest === 1) return (await sealRecord(nodeSuite(suite), edits.reduce(editBytes, bytes))).bytes;
    return edits.reduce(editBytes, (await sealRecord(nodeSuite(suite), bytes)).bytes);
  } catch {
    return undefined;
  }
}

/** Reads all that a staged commit says. */
function everythingOf(staged: StagedCommit): unknown[] {
  const getters = Object.entries(Object.getOwnPropertyDescriptors(StagedCommit.prototype));
  return getters.map(([, { get }]) => get?.call(staged));
}

/** Uses a restored group: whatever is in it, nothing but an MlsError may come. */
async function use(group: Group, message: Uint8Array): Promise<string | undefined> {
  const uses: (() => unknown)[] = [
    () => group.members,
    () => group.proposals,
    () => group.staged.map(everythingOf),
    () => group.staged.at(-1)?.exportSecret("label", new Uint8Array(), 32),
    () => group.staged.at(-1)?.groupInfo(),
    () => group.staged.at(0)?.discard(),
    () => group.staged.at(-1)?.merge(),
    () => group.receive(message),
    () => group.encrypt("text"),
    () => group.commit({ forcePath: true }),
    () => group.groupInfo(),
    () => group.exportSecret("label", new Uint8Array(), 32),
    () => group.save(),
  ];
  for (const one of uses) {
    const { problem } = await judge(one, mayRefuseUse);
    if (problem !== undefined) return `after restoring, ${problem}`;
  }
  return undefined;
}

const outcome = (verdict: Verdict, problem: string | undefined, size: number): Outcome => ({
  ...verdict,
  feature: verdict.detail,
  problem: verdict.problem ?? problem,
  size,
});

export async function restoreTarget(suite: number): Promise<Target> {
  const room = await Room.create(suite);
  const { bob } = room;
  const { commit } = await room.seat("alice").group.commit({ forcePath: true });
  const plans = new Map<string, SavedPlan>();
  const note = async (name: string) => {
    plans.set(name, { body: bodyOf(SavedGroup, suite, await bob.group.save()), digest: 1 });
  };
  await note("state");
  await bob.group.propose({ update: true });
  await note("state with an own update");
  await bob.group.commit({ add: [await room.newMember.client.createKeyPackage()], forcePath: true });
  await note("state with an own commit");
  await bob.group.stage(commit);
  const removal = await room.seat("alice").group.remove(bob.group.ownLeafIndex, { replacePending: true });
  await bob.group.stage(removal.commit);
  await note("state with commits of others too");
  await bob.group.close();

  async function run(plan: unknown, edits: readonly ByteEdit[]): Promise<Outcome | undefined> {
    const saved = await recordOf(SavedGroup, suite, plan as SavedPlan, edits);
    if (saved === undefined) return undefined;
    const size = saved.length;
    const { client } = bob.party;
    const verdict = await judge(() => client.restore(saved), mayFail);
    if (verdict.said !== "accepted") return outcome(verdict, undefined, size);
    const group = verdict.value as Group;
    const problem = await use(group, commit);
    await group.close();
    return outcome(verdict, problem, size);
  }
  return { name: "restore", plans, run };
}

export async function keyPackagesTarget(suite: number): Promise<Target> {
  const { client, signer } = await party("owner", { suite });
  for (let i = 0; i < 2; i++) await client.createKeyPackage();
  const body = bodyOf(SavedKeyPackages, suite, await client.saveKeyPackages());
  const plans = new Map<string, SavedPlan>([["saved key packages", { body, digest: 1 }]]);

  async function run(plan: unknown, edits: readonly ByteEdit[]): Promise<Outcome | undefined> {
    const saved = await recordOf(SavedKeyPackages, suite, plan as SavedPlan, edits);
    if (saved === undefined) return undefined;
    const { length } = saved;
    const { client: loader } = await party("owner", { suite, signer });
    const verdict = await judge(() => loader.loadKeyPackages(saved), mayFail);
    const isTaken = verdict.said === "accepted";
    const again = isTaken ? await judge(() => loader.saveKeyPackages(), mayRefuseUse) : undefined;
    return outcome(verdict, again?.problem, length);
  }
  return { name: "keypackages", plans, run };
}
