// Measures each suite of each provider in a process of its own. As in an application, the engine then compiles for one
// provider, and the garbage of another one costs no time.
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Clock } from "./clock.js";
import type { Implementation } from "./implementation.js";
import type { Primitives } from "./primitive-prices.js";
import type { Call, FromProcess, Measured, Setting, ToProcess } from "./process-messages.js";
import { bindToProcessor } from "./processor.js";
import type { Progress } from "./progress.js";
import type { Block, Measuring } from "./run.js";
import type { Result } from "./samples.js";
import type { Effort } from "./stopwatch.js";
import { takeTurns } from "./turns.js";

/** Young objects have room enough, as in an application that was told so: else their collections are what is measured. */
const FLAGS = ["--min-semi-space-size=16"];

const SCRIPT = fileURLToPath(new URL("./process-main.js", import.meta.url));

/** Like `Run`, with a process for each provider and suite. Only one of them works at a time. */
export class Processes implements Measuring {
  private readonly progress: Progress;
  private readonly effort: Effort;
  private readonly clock: Clock;
  private readonly processes = new Map<string, ProviderProcess>();
  /** By processes that have ended. */
  private readonly measured: Measured[] = [];
  private readonly script: string;
  private turn = 0;

  /** @param script what the processes run: process-main.ts, built */
  constructor(progress: Progress, effort: Effort, clock: Clock = "wall", script: string = SCRIPT) {
    this.progress = progress;
    this.effort = effort;
    this.clock = clock;
    this.script = script;
  }

  async primitives(suite: number, implementations: readonly Implementation[]): Promise<void> {
    for (const one of implementations) await this.of(suite, one).ask({ kind: "primitives", suite });
  }

  async block(block: Block): Promise<void> {
    await this.sideBySide([block]);
  }

  /** Blocks of one suite, whose turns are the same ones too: each but the first has processes of its own. */
  async sideBySide(blocks: readonly Block[]): Promise<void> {
    const parts = blocks.flatMap(({ implementations, ...block }, lane) =>
      implementations.map((one) => async (nextTurn: () => Promise<number>) => {
        await this.of(block.suite, one, lane).ask({ kind: "block", block }, nextTurn);
      }),
    );
    await takeTurns(parts, () => ++this.turn);
  }

  async forget(suite: number): Promise<void> {
    for (const [key, one] of this.processes) {
      if (!key.startsWith(`${suite}/`)) continue;
      this.measured.push((await one.ask({ kind: "report" })) as Measured);
      one.close();
      this.processes.delete(key);
    }
  }

  async results(): Promise<Result[]> {
    return (await this.reports()).flatMap(({ results }) => results);
  }

  async allPrimitives(): Promise<Primitives[]> {
    return (await this.reports()).flatMap(({ primitives }) => primitives);
  }

  /** Ends the processes. */
  close(): void {
    for (const one of this.processes.values()) one.close();
    this.processes.clear();
  }

  private async reports(): Promise<Measured[]> {
    const reports = [...this.measured];
    for (const one of this.processes.values()) reports.push((await one.ask({ kind: "report" })) as Measured);
    return reports;
  }

  private of(suite: number, { name: provider, module }: Implementation, lane = 0): ProviderProcess {
    const key = `${suite}/${provider}/${lane}`;
    let one = this.processes.get(key);
    if (one === undefined) {
      const { effort, clock } = this;
      one = new ProviderProcess(this.script, { provider, module, effort, clock }, this.progress);
      this.processes.set(key, one);
    }
    return one;
  }
}

class ProviderProcess {
  private readonly child: ChildProcess;
  private nextTurn: (() => Promise<number>) | undefined;
  private answer: {
    resolve: (measured: Measured | undefined) => void;
    reject: (error: Error) => void;
  } = { resolve: () => {}, reject: () => {} };
  /** Why it can't be asked any more. */
  private ended: Error | undefined;

  constructor(script: string, setting: Setting, progress: Progress) {
    this.child = fork(script, [JSON.stringify(setting)], {
      serialization: "advanced",
      execArgv: [...process.execArgv.filter((flag) => !FLAGS.includes(flag)), ...FLAGS],
    });
    this.child.on("message", (message: FromProcess) => {
      if (message.kind === "progress") progress(message.text);
      else if (message.kind === "turn") void this.giveTurn();
      else if (message.kind === "done") this.answer.resolve(message.measured);
      else this.answer.reject(new Error(`${setting.provider}: ${message.message}`));
    });
    this.child.on("exit", (code, signal) => {
      this.ended = new Error(`the process of ${setting.provider} ended with ${code ?? signal}`);
      this.answer.reject(this.ended);
    });
  }

  /** One at a time. */
  ask(call: Call, nextTurn?: () => Promise<number>): Promise<Measured | undefined> {
    this.nextTurn = nextTurn;
    return new Promise((resolve, reject) => {
      this.answer = { resolve, reject };
      if (this.ended) reject(this.ended);
      else this.post(call);
    });
  }

  /** It ends by itself when nobody is there any more. */
  close(): void {
    if (this.child.connected) this.child.disconnect();
  }

  private async giveTurn(): Promise<void> {
    const turn = await this.nextTurn?.();
    if (turn === undefined) return;
    // Processors of a shared machine have paces of their own: what is compared with each other has the same one.
    bindToProcessor(this.child.pid, turn);
    this.post({ kind: "turn", turn });
  }

  private post(message: ToProcess): void {
    // If it can't be sent the process has ended, and that is told.
    this.child.send(message, () => {});
  }
}
