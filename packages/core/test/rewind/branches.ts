// RFC 9420 §14: a group of four who keep epochs, and two commits at the same time.
import type { Group, StagedCommit } from "@copse/core";
import { keepEpochs } from "@copse/core/rewind";
import { everyone, gather, type Party, type PartyOptions, party } from "@copse/test-support/clients";

export const SUITE = 1;

export interface Four {
  readonly parties: readonly Party[];
  readonly groups: readonly Group[];
  readonly ada: Group;
  readonly ben: Group;
  readonly cleo: Group;
  readonly dora: Group;
}

/** A group of Ada, Ben, Cleo and Dora, at leaves 0 to 3. */
export async function four(options: Partial<PartyOptions> = {}): Promise<Four> {
  const policy = { rewind: keepEpochs({ epochs: 3, age: 3600 }), ...options.policy };
  const parties: Party[] = [];
  for (const name of ["ada", "ben", "cleo", "dora"])
    parties.push(await party(name, { suite: SUITE, ...options, policy }));
  const { groups } = await gather(parties);
  const [ada, ben, cleo, dora] = groups as [Group, Group, Group, Group];
  // Each path has a key of its own.
  for (const one of groups) {
    const { commit } = await one.update();
    await everyone(groups, commit, groups.indexOf(one));
    await one.mergePendingCommit();
  }
  return { parties, groups, ada, ben, cleo, dora };
}

/** Two commits of the same epoch, of Ada and of Ben. Ada has merged hers, Ben his; Cleo and Dora have none. */
export async function parted(
  here: Four,
  options: Parameters<Group["commit"]>[0] = { forcePath: true },
): Promise<{ readonly on: bigint; readonly adas: StagedCommit; readonly bens: StagedCommit }> {
  const { ada, ben } = here;
  const on = ada.epoch;
  const [adas, bens] = [await ada.commit(options), await ben.update()];
  await adas.merge();
  await bens.merge();
  return { on, adas, bens };
}
