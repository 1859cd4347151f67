// Notices an input that never ends: a loop in this thread stops everything else in it.
import { Worker } from "node:worker_threads";

/** Of what is told of an input, in bytes. */
const SIZE = 1 << 16;

const SCRIPT = `
  const { workerData: { shared, patience } } = require("node:worker_threads");
  const count = new Int32Array(shared, 0, 2);
  for (;;) {
    // It may wake for what was counted before it waited: only silence counts.
    if (Atomics.wait(count, 0, Atomics.load(count, 0), patience) !== "timed-out") continue;
    const words = new TextDecoder().decode(new Uint8Array(shared, 8, Atomics.load(count, 1)).slice());
    require("node:fs").writeSync(1, "FIND: an input takes longer than " + patience / 1000 + " s\\n  " + words + "\\n");
    process.kill(process.pid, "SIGKILL");
  }
`;

/** Watches inputs: it ends the process, and prints the input, if one takes too long. */
export class Watchdog {
  readonly #shared = new SharedArrayBuffer(8 + SIZE);
  readonly #count = new Int32Array(this.#shared, 0, 2);

  /** @param patience how long nothing may be heard, in milliseconds */
  constructor(patience: number) {
    const worker = new Worker(SCRIPT, { eval: true, workerData: { shared: this.#shared, patience } });
    worker.unref();
  }

  /** Says what is tried from now on. */
  begin(what: unknown): void {
    const { written } = new TextEncoder().encodeInto(
      JSON.stringify(what).slice(0, SIZE / 3),
      new Uint8Array(this.#shared, 8),
    );
    Atomics.store(this.#count, 1, written);
    this.goOn();
  }

  /** To be called each time that it is tried. */
  goOn(): void {
    Atomics.add(this.#count, 0, 1);
    Atomics.notify(this.#count, 0);
  }
}
