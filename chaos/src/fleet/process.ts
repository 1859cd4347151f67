// A process with clients, as the conductor sees it.
import { type ChildProcess, fork } from "node:child_process";
import type { Done, Down, Order, Setting, Up } from "../clients/orders.js";
import type { ClientEvent } from "../model/events.js";
import type { Service, Wire } from "../services/service.js";

/** The process ended before it answered. */
export class Ended extends Error {
  override name = "Ended";
}

export interface Listener {
  events(events: readonly ClientEvent[]): void;
  counts(counts: Readonly<Record<string, number>>): void;
  /** It ended, and nobody had killed it. */
  failed(text: string): void;
}

type Wish = Order extends infer One ? (One extends Order ? Omit<One, "n"> : never) : never;

export class ClientProcess {
  readonly #child: ChildProcess;
  readonly #wire: Wire | undefined;
  readonly #listener: Listener;
  readonly #waiting = new Map<number, (done: Done | undefined) => void>();
  readonly #ended: Promise<void>;
  #ready: () => void = () => undefined;
  #count = 0;
  #isKilled = false;
  #said = "";
  /** Whether it does what it is told. */
  isReady = false;

  private constructor(service: Service, listener: Listener) {
    this.#listener = listener;
    this.#child = fork(process.argv[1] as string, ["--worker"], {
      serialization: "advanced",
      stdio: ["ignore", "inherit", "pipe", "ipc"],
    });
    this.#child.stderr?.on("data", (data) => {
      if (process.env.COPSE_CHAOS_PROBLEMS !== undefined) process.stderr.write(data);
      this.#said = (this.#said + data).slice(-4000);
    });
    this.#wire = service.wire?.((answer) => this.#send({ kind: "answer", answer }));
    this.#child.on("message", (message: Up) => this.#take(message));
    this.#child.on("error", () => undefined);
    this.#ended = new Promise((resolve) => this.#child.on("exit", () => resolve()));
    this.#ended.then(() => this.#end()).catch(() => undefined);
  }

  /** @returns when its clients are open; never if it is killed before */
  static async start(service: Service, setting: Setting, listener: Listener): Promise<ClientProcess> {
    const one = new ClientProcess(service, listener);
    const ready = new Promise<void>((resolve) => {
      one.#ready = resolve;
    });
    one.#send(setting);
    await Promise.race([ready, one.#ended]);
    return one;
  }

  #send(message: Down): void {
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  #take(message: Up): void {
    if (message.kind === "request") this.#wire?.take(message.request);
    else if (message.kind === "events") this.#listener.events(message.events);
    else if (message.kind === "counts") this.#listener.counts(message.counts);
    else if (message.kind === "ready") {
      this.isReady = true;
      this.#ready();
    } else {
      this.#waiting.get(message.n)?.(message);
      this.#waiting.delete(message.n);
    }
  }

  #end(): void {
    this.isReady = false;
    this.#wire?.close();
    for (const settle of this.#waiting.values()) settle(undefined);
    this.#waiting.clear();
    const { exitCode, signalCode } = this.#child;
    if (!this.#isKilled)
      this.#listener.failed(`a process of clients ended, ${signalCode ?? exitCode}: ${this.#said}`);
  }

  /** @throws Ended */
  async order(wish: Wish): Promise<Done> {
    const n = ++this.#count;
    const done = await new Promise<Done | undefined>((resolve) => {
      if (!this.#child.connected) return resolve(undefined);
      this.#waiting.set(n, resolve);
      this.#send({ ...wish, n } as Order);
    });
    if (done === undefined) throw new Ended("the process was killed");
    return done;
  }

  calm(): void {
    this.#send({ kind: "calm" });
  }

  async kill(): Promise<void> {
    this.#isKilled = true;
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}
