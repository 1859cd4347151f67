// Saved states and saved key packages: whoever can write them can write anything, a digest included.

import type { Group } from "@copse/core";
import { decode, encode } from "../../../packages/core/src/codec/codec.js";
import { SavedKeyPackages } from "../../../packages/core/src/group/storage/saved-key-packages.js";
import { party } from "../../../tests/support/clients.js";
import { Room } from "../room.js";
import { type ByteEdit, editBytes } from "../steps.js";
import type { Outcome, Target } from "../target.js";
import { isBytes } from "../values.js";
import { judge, type Verdict } from "../verdict.js";

/** The codes that say whose fault it is that a state can't be restored. */
const mayFail = (code: string): boolean => ["state", "unsupported", "missing-signer", "usage"].includes(code);

/** What a group may say that was restored from a state that somebody wrote. */
const mayRefuseUse = (code: string): boolean => code !== "encode";

/** Uses a restored group: whatever is in it, nothing but an MlsError may come. */
async function use(group: Group, message: Uint8Array): Promise<string | undefined> {
  const uses: (() => unknown)[] = [
    () => group.members,
    () => group.proposals,
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
  const plans = new Map([["state", bob.saved]]);
  const message = await room.seat("alice").group.commit({ forcePath: true });
  const pending = room.seat("mallory");
  await pending.group.commit({ forcePath: true });
  plans.set("state with a pending commit", await pending.group.save());
  await bob.group.close();

  async function run(plan: unknown, edits: readonly ByteEdit[]): Promise<Outcome | undefined> {
    if (!isBytes(plan)) return undefined;
    const saved = edits.reduce(editBytes, plan);
    const size = saved.length;
    const owner = bob.party.client;
    const verdict = await judge(() => owner.restore(saved.slice()), mayFail);
    if (verdict.said !== "accepted") return outcome(verdict, undefined, size);
    const group = verdict.value as Group;
    const problem = await use(group, message.commit);
    await group.close();
    return outcome(verdict, problem, size);
  }
  return { name: "restore", plans, run };
}

export async function keyPackagesTarget(suite: number): Promise<Target> {
  const { client, signer } = await party("owner", { suite });
  for (let i = 0; i < 2; i++) await client.createKeyPackage();
  const bytes = await client.saveKeyPackages();
  const plans = new Map<string, unknown>([["saved key packages", decode(SavedKeyPackages, bytes.slice())]]);

  async function run(plan: unknown, edits: readonly ByteEdit[]): Promise<Outcome | undefined> {
    let saved: Uint8Array;
    try {
      saved = edits.reduce(editBytes, encode(SavedKeyPackages, plan as never));
    } catch {
      return undefined;
    }
    const { length } = saved;
    const { client: loader } = await party("owner", { suite, signer });
    const verdict = await judge(() => loader.loadKeyPackages(saved), mayFail);
    const again =
      verdict.said === "accepted" ? await judge(() => loader.saveKeyPackages(), mayRefuseUse) : undefined;
    return outcome(verdict, again?.problem, length);
  }
  return { name: "keypackages", plans, run };
}
