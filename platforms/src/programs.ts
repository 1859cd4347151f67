// RFC 9420 §17.1: starts programs, and reaches those that are servers.
import { type ChildProcess, spawn } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface Started {
  readonly child: ChildProcess;
  /** Rejects when the program ends, with the last that it said. */
  readonly ended: Promise<never>;
  stop(): void;
}

/** Starts a program as the leader of a group of processes, all of which end when it is stopped. */
export function start(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Started {
  const env = { ...process.env, ...environment };
  const child = spawn(command, args, { detached: true, stdio: ["ignore", "pipe", "pipe"], env });
  let last = "";
  child.stderr?.on("data", (data: Buffer) => {
    last = (last + data.toString()).slice(-2000);
  });
  const ended = new Promise<never>((_, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => reject(new Error(`it ended (${signal ?? code}): ${last.trim()}`)));
  });
  // It is no news that it ended when it was stopped.
  ended.catch(() => undefined);
  const stop = () => {
    process.off("exit", stop);
    if (child.pid === undefined || child.exitCode !== null) return;
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  };
  process.once("exit", stop);
  return { child, ended, stop };
}

/** Starts a server for this machine. @returns its port */
export function listening(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The answer of a server that may not have started yet. */
export async function reached(address: string, request?: RequestInit): Promise<Response> {
  for (let tries = 0; ; tries++) {
    try {
      return await fetch(address, request);
    } catch (error) {
      if (tries === 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}
