// Which processor a process works on, where that can be said.
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";

/**
 * Binds the main thread of a process to the processor whose turn it is. Its other threads, if they are there already,
 * go where they like. Does nothing where there is no `taskset`, as outside of Linux.
 */
export function bindToProcessor(pid: number | undefined, turn: number): void {
  if (process.platform !== "linux" || pid === undefined) return;
  const processor = turn % availableParallelism();
  spawnSync("taskset", ["--pid", "--cpu-list", String(processor), String(pid)], { stdio: "ignore" });
}
