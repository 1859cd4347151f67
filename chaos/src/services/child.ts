// Processes of services: started, killed, and started again on the same ports with the same folders.
import { type ChildProcess, spawn } from "node:child_process";
import { connect } from "node:net";
import { sleep } from "../network/weather.js";

/** Whether somebody listens on a port. */
const answers = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => resolve(false));
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });

/** Milliseconds that a service has to listen. */
const PATIENCE = 20_000;

export class ServiceProcess {
  readonly #command: string;
  readonly #args: readonly string[];
  readonly #port: number;
  #child: ChildProcess | undefined;
  #said = "";
  #isClosed = false;

  /** @param port on which it listens when it is there */
  constructor(command: string, args: readonly string[], port: number) {
    this.#command = command;
    this.#args = args;
    this.#port = port;
    // It doesn't outlive a run that fails.
    process.once("exit", () => this.#child?.kill("SIGKILL"));
  }

  /** @throws Error with what it said, if it doesn't come up */
  async start(): Promise<void> {
    if (this.#isClosed) return;
    const child = spawn(this.#command, this.#args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (data) => {
        this.#said = (this.#said + data).slice(-4000);
      });
    const failed = new Promise<Error>((resolve) => {
      child.on("error", (error) => {
        // There is no process that could end.
        this.#child = undefined;
        resolve(error);
      });
      child.on("exit", (code, signal) =>
        resolve(new Error(`${this.#command} ended, ${signal ?? code}: ${this.#said}`)),
      );
    });
    const end = performance.now() + PATIENCE;
    while (!(await answers(this.#port))) {
      const error = await Promise.race([failed, sleep(20)]);
      if (error instanceof Error) throw error;
      if (performance.now() > end)
        throw new Error(`${this.#command} doesn't listen on ${this.#port}: ${this.#said}`);
    }
  }

  /** Kills it for good. */
  close(): Promise<void> {
    this.#isClosed = true;
    return this.kill();
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.on("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }
}
