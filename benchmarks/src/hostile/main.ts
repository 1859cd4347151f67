// `npm run bench -- --hostile`: what the worst inputs known cost, for each kilobyte of them.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Options } from "../options.js";
import type { Timed } from "./measure.js";
import { type Hostile, missed, type Result, row, tableOf } from "./verdict.js";

/** What a process is to measure. */
export interface Order extends Pick<Options, "clock" | "only"> {
  readonly what: "time" | "memory";
}

/** What a process sends about an input. */
export type Measured = { readonly of: Hostile } & (
  | { readonly memory: number }
  | { readonly half: Timed; readonly whole: Timed }
);

/**
 * Memory is measured in a process whose garbage is collected early. Otherwise a small input would seem to hold what the
 * collector hasn't looked at: up to 16 MiB of new objects. But that takes time, so times are of another process.
 */
const FLAGS = { memory: ["--max-semi-space-size=1"], time: ["--min-semi-space-size=16"] } as const;

/**
 * glibc takes a large array from the kernel or from what was freed before, by a threshold that moves while it runs: half of
 * an input could come from warm memory, and the whole from pages that fault. A fixed threshold treats both alike, as a
 * process does that meets such an input for the first time. Other C libraries ignore it.
 */
const ENVIRONMENT = { MALLOC_MMAP_THRESHOLD_: "131072" };

async function measure(order: Order, receive: (measured: Measured) => void): Promise<void> {
  const script = fileURLToPath(new URL("child-main.js", import.meta.url));
  const env = { ...process.env, ...ENVIRONMENT };
  const child = fork(script, [JSON.stringify(order)], { execArgv: [...FLAGS[order.what]], env });
  child.on("message", (message) => receive(message as Measured));
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`the process that measures the ${order.what} exited with ${code}`);
}

const titleOf = ({ entry, name }: Hostile): string => `${entry}: ${name}`;

/** Measures all hostile inputs. With `check`, the process exits with 1 if a bar is missed. */
export async function hostile({
  check,
  only,
  clock,
}: Pick<Options, "check" | "only" | "clock">): Promise<void> {
  const memory = new Map<string, number>();
  const results: Result[] = [];
  await measure({ what: "memory", clock, only }, (one) => {
    if ("memory" in one) memory.set(titleOf(one.of), one.memory);
  });
  await measure({ what: "time", clock, only }, (one) => {
    if (!("half" in one)) return;
    const result = { ...one, memory: memory.get(titleOf(one.of)) ?? 0 };
    results.push(result);
    console.error(row(result));
  });
  console.log(tableOf(results));
  if (check && results.some((one) => missed(one).length > 0)) process.exitCode = 1;
}
