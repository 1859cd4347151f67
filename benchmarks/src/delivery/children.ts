// Services in processes of their own, in a folder that is deleted with them.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Ports that nobody listens on, below those that systems give to clients: a client that tries to connect while its service is
 * down could else get that port, and connect to itself.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

const listens = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => resolve(false));
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });

/** How often a port is tried, and how long is between two tries. */
const TRIES = 400;
const PAUSE = 25;

export class Children {
  readonly folder: string;
  readonly #all: ChildProcess[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async in(name: string): Promise<Children> {
    return new Children(await mkdtemp(join(tmpdir(), `copse-bench-${name}-`)));
  }

  /** @throws Error with what it said, if it doesn't listen on the port soon */
  async start(command: string, args: readonly string[], port: number): Promise<void> {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#all.push(child);
    let said = "";
    let isOver = false;
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (data) => {
        said = (said + data).slice(-2000);
      });
    child.on("error", (error) => {
      said += error.message;
      isOver = true;
    });
    child.on("exit", () => {
      isOver = true;
    });
    for (let tries = 0; tries < TRIES && !isOver; tries++) {
      if (await listens(port)) return;
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
    throw new Error(`${command} doesn't listen on port ${port}: ${said}`);
  }

  async close(): Promise<void> {
    for (const child of this.#all) {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise((resolve) => child.on("exit", resolve));
      child.kill("SIGKILL");
      await ended;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}
