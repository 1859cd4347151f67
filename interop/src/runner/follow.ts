// RFC 9420 §11.2, §11.3: the actions that replace the group: reinitialization and subgroups.

import { sameBytes } from "../wire.js";
import { extensionsOf, newGroupId } from "./describe.js";
import { bytesOf, Disagreement, keyPackageOf, type Scene, type Stage } from "./stage.js";

/** Commits a ReInit, creates the new group, and lets all other members join it. */
export async function reinit({ stage, parameters }: Scene): Promise<void> {
  const proposer = parameters.text("proposer");
  const committer = parameters.text("committer");
  const welcomer = parameters.text("welcomer");
  const named = proposer === "" ? [] : [proposer];
  const everybody = [...new Set([committer, welcomer, ...named, ...parameters.list("members")])];
  const external_tree = parameters.flag("externalTree");

  const group_id = newGroupId(stage, parameters.flag("changeGroupID"));
  if (parameters.flag("changeCipherSuite")) stage.changeSuite();
  let proposal: Uint8Array;
  if (proposer === "") proposal = stage.kept(parameters.number("externalReinitProposal"), "proposal");
  else {
    const proposed = await stage.call(proposer, "ReInitProposal", {
      state_id: stage.state(proposer),
      cipher_suite: stage.suite,
      group_id,
      extensions: extensionsOf(parameters),
    });
    proposal = bytesOf(proposed, "proposal");
  }

  const { waiting, keyPackages } = await commitReinit(stage, committer, everybody, proposal);
  // The order of the other key packages doesn't matter.
  const others = stage.chance.sample(
    everybody.filter((actor) => actor !== welcomer),
    everybody.length,
  );
  const made = await stage.call(welcomer, "ReInitWelcome", {
    reinit_id: waiting.get(welcomer),
    key_package: others.map((actor) => keyPackages.get(actor) as Uint8Array),
    force_path: parameters.flag("forcePath"),
    external_tree,
  });
  const expected = stage.enter(welcomer, made);
  for (const actor of others) {
    const joined = await stage.call(actor, "HandleReInitWelcome", {
      reinit_id: waiting.get(actor),
      welcome: bytesOf(made, "welcome"),
      ratchet_tree: external_tree ? bytesOf(made, "ratchet_tree") : undefined,
    });
    stage.enter(actor, joined, expected);
  }
  await stage.agree(everybody);
}

async function commitReinit(
  stage: Stage,
  committer: string,
  everybody: readonly string[],
  proposal: Uint8Array,
): Promise<{ waiting: Map<string, number>; keyPackages: Map<string, Uint8Array> }> {
  const waiting = new Map<string, number>();
  const keyPackages = new Map<string, Uint8Array>();
  const state_id = stage.state(committer);
  const made = await stage.call(committer, "ReInitCommit", { state_id, by_reference: [proposal] });
  let expected: Uint8Array | undefined;
  for (const actor of [committer, ...everybody.filter((other) => other !== committer)]) {
    const answer =
      actor === committer
        ? await stage.call(actor, "HandlePendingReInitCommit", { state_id })
        : await stage.call(actor, "HandleReInitCommit", {
            state_id: stage.state(actor),
            proposal: [proposal],
            commit: bytesOf(made, "commit"),
          });
    const authenticator = bytesOf(answer, "epoch_authenticator");
    expected ??= authenticator;
    if (!sameBytes(expected, authenticator)) {
      throw new Disagreement(`${actor} has another epoch authenticator`);
    }
    waiting.set(actor, Number(answer.reinit_id));
    keyPackages.set(actor, bytesOf(answer, "key_package"));
  }
  return { waiting, keyPackages };
}

/** Creates a subgroup. The script continues with it, and the old group is freed. */
export async function branch({ stage, actor, parameters }: Scene): Promise<void> {
  const members = parameters.list("members");
  const external_tree = parameters.flag("externalTree");
  const transactions = new Map<string, number>();
  const keyPackages: Uint8Array[] = [];
  for (const member of members) {
    const made = await keyPackageOf(stage, member);
    transactions.set(member, Number(made.transaction_id));
    keyPackages.push(bytesOf(made, "key_package"));
  }
  const former = new Map(stage.states);
  const created = await stage.call(actor, "CreateBranch", {
    state_id: stage.state(actor),
    group_id: stage.chance.bytes(16),
    extensions: extensionsOf(parameters),
    key_packages: keyPackages,
    force_path: parameters.flag("forcePath"),
    external_tree,
  });
  const expected = stage.enter(actor, created);
  for (const member of members) {
    const joined = await stage.call(member, "HandleBranch", {
      state_id: stage.state(member),
      transaction_id: transactions.get(member),
      welcome: bytesOf(created, "welcome"),
      ratchet_tree: external_tree ? bytesOf(created, "ratchet_tree") : undefined,
    });
    stage.enter(member, joined, expected);
  }
  for (const one of [actor, ...members]) {
    const state_id = former.get(one);
    if (state_id !== undefined && state_id !== stage.state(one)) {
      await stage.call(one, "Free", { state_id }, true);
    }
  }
  await stage.agree([actor, ...members]);
}
