// The process of one provider and one suite: measures what the main process asks for.
import { stat } from "node:fs/promises";
import { useClock } from "./clock.js";
import { Crowd } from "./crowd.js";
import { implementations, node, SLOW } from "./implementations.js";
import { ownImplementation } from "./own-provider.js";
import type { Call, FromProcess, Measured, Setting, ToProcess } from "./process-messages.js";
import { Run } from "./run.js";

const { provider: name, module, effort, clock } = JSON.parse(process.argv[2] as string) as Setting;
const implementation =
  module === undefined
    ? implementations.find((one) => one.name === name)
    : { ...(await ownImplementation(module)), name };
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

// A provider of somebody's own may be slow too: a token takes minutes to make a crowd. But it may have suites of its own.
const served = await node.suites();
const isOwn =
  module !== undefined && (await implementation.suites()).every((suite) => served.includes(suite));
const crowd = new Crowd(isOwn || SLOW.includes(name) ? node : implementation, progress);
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
