// RFC 9420 §12.4.2: messages that are staged first, and then received: both must say the same of a commit.
import type { CommitMessage, StagedCommit } from "@copse/core";
import { mayRefuse } from "../agreement.js";
import type { Seat } from "../room.js";
import type { ByteEdit } from "../steps.js";
import type { Outcome, Target } from "../target.js";
import { judge, type Verdict } from "../verdict.js";
import { messagesTo } from "./receive.js";

/** What a staged commit says that its merge must say too. */
const summary = ({
  epoch,
  committer,
  external,
  added,
  removed,
  updated,
  active,
}: StagedCommit | CommitMessage) =>
  JSON.stringify([String(epoch), committer, external, added, removed, updated, active]);

/** How the verdicts differ, though they are about the same commit. */
function difference(staged: Verdict, received: Verdict): string | undefined {
  const value = received.value as { kind?: string } | undefined;
  if (staged.said === "accepted") {
    if (value?.kind !== "commit") return "what was staged isn't received as a commit";
    const same = summary(staged.value as StagedCommit) === summary(value as CommitMessage);
    return same ? undefined : "a staged commit isn't what its merge says";
  }
  // It takes only commits, and none that is in force.
  if (staged.said === "usage" || value?.kind === "own") return undefined;
  return staged.said === received.said
    ? undefined
    : `staging says ${staged.said}, receiving ${received.said}`;
}

export async function stageTarget(suite: number): Promise<Target> {
  const { room, plans, encoded } = await messagesTo(suite);
  const { bob } = room;

  async function run(plan: unknown, edits: readonly ByteEdit[]): Promise<Outcome | undefined> {
    const message = await encoded(plan, edits);
    if (message === undefined) return undefined;
    const staged = await judge(() => bob.group.stage(message), mayRefuse);
    const received = await judge(() => bob.group.receive(message), mayRefuse);
    const problem = staged.problem ?? received.problem ?? difference(staged, received);
    if (staged.said === "accepted" || received.said === "accepted") await room.reset([bob as Seat]);
    const { milliseconds, memory } = staged;
    return {
      feature: `${staged.detail} / ${received.said}`,
      problem,
      size: message.length,
      milliseconds,
      memory,
    };
  }
  return { name: "stage", plans, run };
}
