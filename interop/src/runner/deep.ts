// Long random scripts: a group that changes in many ways over many epochs.
import type { Chance } from "./random.js";
import type { Script, Step } from "./script.js";

export interface DeepOptions {
  readonly members: number;
  readonly commits: number;
  readonly maxMembers: number;
}

/** A random script with this number of commits, regular and external. */
export function deepScript(chance: Chance, { members, commits, maxMembers }: DeepOptions): Script {
  const steps: Step[] = [];
  const add = (step: Step): number => steps.push(step) - 1;
  let named = 0;
  const newMember = () => {
    named += 1;
    return `actor${named}`;
  };
  const creator = newMember();
  let actors = [creator];
  const founders = Array.from({ length: members - 1 }, newMember);
  add({ action: "createGroup", actor: creator, members: founders });
  actors.push(...founders);

  const externalCommit = () => {
    const removePrior = chance.coin(0.5) && actors.length > 1;
    const joiner = removePrior ? chance.pick(actors) : newMember();
    const others = actors.filter((actor) => actor !== joiner);
    const actor = chance.pick(others);
    add({
      action: "externalJoin",
      actor,
      joiner,
      removePrior,
      externalTree: chance.coin(0.3),
      members: others.filter((other) => other !== actor),
    });
    if (!removePrior) actors.push(joiner);
  };

  const regularCommit = (epoch: number) => {
    const leavers = chance.sample(actors, chance.number(Math.floor(actors.length * 0.4) + 1));
    const remaining = actors.filter((actor) => !leavers.includes(actor));
    const updaters = chance.sample(remaining, chance.number(Math.floor(remaining.length * 0.5)));
    const committer = chance.pick(remaining.filter((actor) => !updaters.includes(actor)));
    const joiners = Array.from(
      { length: chance.number(Math.min(4, maxMembers - remaining.length + 1)) },
      newMember,
    );
    const byReference: number[] = [];
    const byValue: object[] = [];
    /** Adds a proposal: by value, or by reference from a member who stays. */
    const propose = (value: object, action: Omit<Step, "actor">) => {
      if (chance.coin(0.5)) byValue.push(value);
      else byReference.push(add({ ...action, actor: chance.pick(remaining) } as Step));
    };
    for (const actor of updaters) byReference.push(add({ action: "updateProposal", actor }));
    for (const actor of joiners) {
      const keyPackage = add({ action: "createKeyPackage", actor });
      propose({ proposalType: "add", keyPackage }, { action: "addProposal", keyPackage });
    }
    for (const removed of leavers) {
      propose({ proposalType: "remove", removed }, { action: "removeProposal", removed });
    }
    if (chance.coin(0.2)) {
      const clients = [...remaining, ...joiners];
      const pskID = add({ action: "installExternalPSK", clients });
      propose({ proposalType: "externalPSK", pskID }, { action: "externalPSKProposal", pskID });
    }
    // Only if nobody joined since: a new member has no secrets of earlier epochs.
    if (chance.coin(0.2) && joiners.length === 0) {
      propose(
        { proposalType: "resumptionPSK", epochID: epoch },
        { action: "resumptionPSKProposal", epochID: epoch },
      );
    }
    if (chance.coin(0.15)) {
      const extensions = chance.coin(0.5) ? [] : [{ extension_type: 3, extension_data: "AAAA" }];
      propose(
        { proposalType: "groupContextExtensions", extensions },
        { action: "groupContextExtensionsProposal", extensions },
      );
    }
    add({
      action: "fullCommit",
      actor: committer,
      byReference,
      byValue,
      joiners,
      members: remaining.filter((actor) => actor !== committer),
      forcePath: chance.coin(0.3),
      externalTree: chance.coin(0.2),
    });
    actors = [...remaining, ...joiners];
  };

  // The founders joined with the commit to epoch 1.
  for (let epoch = members > 1 ? 1 : 0, left = commits; left > 0; left--, epoch++) {
    if (chance.coin(0.15) && actors.length > 1 && actors.length < maxMembers) externalCommit();
    else regularCommit(epoch);
  }
  return steps;
}
