// Plays one script once.
import { isUnsupported } from "../grpc.js";
import { ACTIONS } from "./actions.js";
import type { Chance } from "./random.js";
import { Parameters, type Script } from "./script.js";
import { NotPlayable, type Player, Stage, type TranscriptEntry } from "./stage.js";

export interface PlayOptions {
  readonly suite: number;
  readonly encryptHandshake: boolean;
  readonly cast: ReadonlyMap<string, Player>;
  readonly chance: Chance;
  readonly checks: boolean;
}

export interface PlayResult {
  /** `unsupported`: a server can't do what the script asks. */
  readonly outcome: "passed" | "failed" | "unsupported";
  readonly error?: string | undefined;
  /** The index of the step that failed; the number of steps if freeing the states failed. */
  readonly failedStep?: number | undefined;
  readonly transcript: readonly TranscriptEntry[];
}

/** Plays a script to its end, or to the first failure. */
export async function play(script: Script, options: PlayOptions): Promise<PlayResult> {
  const stage = new Stage({ ...options, steps: script.length });
  let failedStep = 0;
  let result: Pick<PlayResult, "outcome" | "error" | "failedStep"> = { outcome: "passed" };
  const failed = (error: unknown): typeof result => ({
    outcome: isUnsupported(error) || error instanceof NotPlayable ? "unsupported" : "failed",
    error: error instanceof Error ? error.message : String(error),
    failedStep,
  });
  try {
    for (const [index, step] of script.entries()) {
      failedStep = index;
      const action = ACTIONS[step.action];
      if (action === undefined) throw new Error(`the action ${step.action} isn't known`);
      await action({ stage, index, actor: step.actor ?? "", parameters: new Parameters(step) });
    }
    failedStep = script.length;
  } catch (error) {
    result = failed(error);
  }
  try {
    await stage.free();
  } catch (error) {
    if (result.outcome === "passed") result = failed(error);
  }
  return { ...result, transcript: stage.transcript };
}
