// The process of one provider and one suite: measures what the main process asks for.
import { stat } from "node:fs/promises";
import { useClock } from "./clock.js";
import { Crowd } from "./crowd.js";
import { implementations, node, SLOW } from "./implementations.js";
import type { Call, FromProcess, Measured, Setting, ToProcess } from "./process-messages.js";
import { Run } from "./run.js";

const { provider: name, effort, clock } = JSON.parse(process.argv[2] as string) as Setting;
const implementation = implementations.find((one) => one.name === name);
if (implementation === undefined) throw new Error(`unknown provider: ${name}`);
useClock(clock);

// Starts the threads that share work: before the main thread is bound to a processor, which they would be with it.
await stat(".");

// If it can't be sent nobody is there any more, which ends this process too.
const post = (message: FromProcess): void => void process.send?.(message, undefined, undefined, () => {});
const progress = (text: string) => post({ kind: "progress", text });
let takeTurn: (turn: number) => void = () => {};
const nextTurn = () =>
  new Promise<number>((resolve) => {
    takeTurn = resolve;
    post({ kind: "turn" });
  });

const crowd = new Crowd(SLOW.includes(name) ? node : implementation, progress);
const run = new Run(crowd, progress, effort, nextTurn);

async function answer(call: Call): Promise<Measured | undefined> {
  const own = [implementation as NonNullable<typeof implementation>];
  if (call.kind === "primitives") await run.primitives(call.suite, own);
  else if (call.kind === "block") await run.block({ ...call.block, implementations: own });
  else return { results: run.results(), primitives: run.allPrimitives() };
  return undefined;
}

process.on("message", (message: ToProcess) => {
  if (message.kind === "turn") return takeTurn(message.turn);
  answer(message).then(
    (measured) => post({ kind: "done", measured }),
    (error: unknown) =>
      post({
        kind: "failed",
        message: error instanceof Error ? (error.stack ?? error.message) : String(error),
      }),
  );
});
process.on("disconnect", () => process.exit());
