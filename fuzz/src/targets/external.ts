// RFC 9420 §12.4.3.2, §16.4: a GroupInfo, re-signed as an insider can, to join by an external commit and to follow.

import { type ExternalJoin, joinByExternalCommit } from "@copse/core/external";
import { PublicGroup } from "@copse/core/public-group";
import { nodeProvider } from "@copse/provider-node";
import { mayRefuse } from "../agreement.js";
import { Room } from "../room.js";
import { noteUntouched } from "../seal.js";
import { type ByteEdit, editBytes } from "../steps.js";
import type { Outcome, Target } from "../target.js";
import { judge, type Verdict } from "../verdict.js";
import { type GroupInfoPlan, groupInfoIn, groupInfoMessage, groupInfoOf, treeOf } from "./group-info.js";

/** What only one who joins finds out: that there is no key to join with, or a bad one, or no place. */
const BY_JOINING: readonly RegExp[] = [
  /^missing/,
  /^crypto$/,
  /^decode$/,
  /^limit/,
  // Who follows has no suite of its own.
  /^validation 12\.4\.3\.1: the cipher suite in the GroupInfo must match/,
];

/** What one who joins and one who follows disagree about. */
export function joinDiffers(
  joins: Verdict,
  follows: Verdict,
  natural: readonly RegExp[],
): string | undefined {
  if (joins.said === follows.said) return undefined;
  if (follows.said === "accepted" && natural.some((one) => one.test(joins.said))) return undefined;
  // Who follows checks all that who joins checks before the secrets come in.
  if (natural.some((one) => one.test(joins.said))) return undefined;
  return `a follower differs: joining: ${joins.said}; following: ${follows.said}`;
}

export async function follow(room: Room, groupInfo: Uint8Array): Promise<Verdict> {
  const { authentication, newMember } = room;
  const { policy } = newMember.config;
  return judge(
    () => PublicGroup.follow({ crypto: nodeProvider(), authentication, groupInfo, policy }),
    mayRefuse,
  );
}

export async function externalTarget(suite: number): Promise<Target> {
  const room = await Room.create(suite);
  const { client } = room.newMember;
  const plans = new Map<string, GroupInfoPlan>();
  for (const name of ["alice", "mallory"]) {
    const info = groupInfoIn(await room.seat(name).group.groupInfo());
    plans.set(`GroupInfo of ${name}`, { info, resign: 1, rehash: 1, sign: 1 });
  }
  noteUntouched([...plans.values()]);
  const original = treeOf(plans.get("GroupInfo of alice")?.info as GroupInfoPlan["info"]);

  async function run(plan: unknown, edits: readonly ByteEdit[]): Promise<Outcome | undefined> {
    let message: Uint8Array;
    try {
      message = edits.reduce(
        editBytes,
        groupInfoMessage(await groupInfoOf(room, plan as GroupInfoPlan, original)),
      );
    } catch {
      return undefined;
    }
    const joins = await judge(() => joinByExternalCommit(client, message), mayRefuse);
    const follows = await follow(room, message);
    if (joins.said === "accepted") await (joins.value as ExternalJoin).group.close();
    const problem = joins.problem ?? follows.problem ?? joinDiffers(joins, follows, BY_JOINING);
    return { ...joins, feature: `${joins.detail} / ${follows.said}`, problem, size: message.length };
  }
  return { name: "external", plans, run };
}
