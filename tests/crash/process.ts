// Alice's processes: started before they are needed, and killed at a random moment.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bundle } from "@copse/test-support/bundle";
import { fromRoot } from "@copse/test-support/files";
import type { Orders } from "./orders.js";

/** When a process is killed: within so many milliseconds after so many lines. */
export interface End {
  readonly lines: number;
  readonly within: number;
}

/** A process that has loaded its program, and waits for its orders. */
export class Waiting {
  readonly #process: ChildProcess;
  readonly #closed: Promise<void>;
  #complaint = "";

  constructor(script: string) {
    this.#process = spawn(process.execPath, [script], { stdio: "pipe" });
    this.#process.stderr?.on("data", (data: Buffer) => {
      this.#complaint += data;
    });
    this.#process.stdin?.on("error", () => undefined);
    this.#closed = new Promise((resolve) => this.#process.on("close", () => resolve()));
  }

  /**
   * Gives it its orders, and kills it.
   * @param line gets each line that it writes whole
   * @returns whether it was killed; otherwise it ended by itself
   */
  async live(orders: Orders, end: End, line: (text: string) => void): Promise<boolean> {
    let [said, lines] = ["", 0];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const killSoon = () => {
      timer ??= setTimeout(() => this.kill(), Math.random() * end.within);
    };
    this.#process.stdout?.on("data", (data: Buffer) => {
      const whole = (said + data).split("\n");
      said = whole.pop() as string;
      whole.forEach(line);
      lines += whole.length;
      if (lines >= end.lines) killSoon();
    });
    this.#process.stdin?.end(JSON.stringify(orders));
    if (end.lines === 0) killSoon();
    await this.#closed;
    clearTimeout(timer);
    const { exitCode, signalCode } = this.#process;
    if (signalCode !== "SIGKILL" && exitCode !== 0)
      throw new Error(`Alice's process ended by itself: ${signalCode ?? exitCode}: ${this.#complaint}`);
    return signalCode === "SIGKILL";
  }

  kill(): void {
    this.#process.kill("SIGKILL");
  }
}

/** A folder with the program, below the repository, so that native code is found from there. */
export async function program(): Promise<{ folder: string; script: string; remove(): Promise<void> }> {
  await mkdir(fromRoot("node_modules/.cache"), { recursive: true });
  const folder = await mkdtemp(fromRoot("node_modules/.cache/copse-crash-"));
  const script = join(folder, "member.mjs");
  await writeFile(script, await bundle('import "./crash/member.ts";', "node"));
  return { folder, script, remove: () => rm(folder, { recursive: true, force: true }) };
}
