// RFC 9420 §17.1: starts platforms on the bundle, and hands on the lines that they report.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname } from "node:path";
import { createInterface } from "node:readline";
import { libsodiumWasm } from "@copse/provider-libsodium";
import { LIBSODIUM } from "./bundle.js";
import type { Line, RunOptions } from "./report.js";

/** Where the bundle is, its files, and what to run of it. */
export interface Job {
  readonly folder: string;
  readonly files: readonly string[];
  readonly options: RunOptions;
  /** Is told the name of each file that a browser fetches. */
  readonly fetched?: (name: string) => void;
}

/** Runs a job by a platform's program. Ends when the platform has; throws if it didn't get to the end. */
export type Launch = (command: string, job: Job, emit: (line: Line) => void) => Promise<void>;

/** A platform from which nothing was heard for that long has hung. */
const SILENCE = 10 * 60_000;

interface Started {
  readonly child: ChildProcess;
  /** Rejects when the program ends, with the last that it said. */
  readonly ended: Promise<never>;
  stop(): void;
}

/** Starts a program as the leader of a group of processes, all of which end when it is stopped. */
function start(
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

/** Hands lines on, and tells whether all of them came: `done` is fulfilled by the last one. */
function lineReader(emit: (line: Line) => void) {
  let finish: () => void;
  let fail: (error: Error) => void;
  const done = new Promise<void>((resolve, reject) => {
    finish = resolve;
    fail = reject;
  });
  // A platform that has ended is no reason to wait.
  const watch = () => setTimeout(() => fail(new Error("nothing was heard for ten minutes")), SILENCE).unref();
  let timer = watch();
  const read = (text: string) => {
    clearTimeout(timer);
    timer = watch();
    const line = JSON.parse(text) as Line | { kind: "error"; error: string };
    if (line.kind === "error") return fail(new Error(line.error));
    emit(line);
    if (line.kind === "end") finish();
  };
  return { done: done.finally(() => clearTimeout(timer)), read };
}

/**
 * Node, Bun, Deno: a program that is given a script, and prints lines.
 * @param script with its arguments; default: the bundle's, with its options
 */
export function inProcess(args: readonly string[], script?: readonly string[]): Launch {
  return async (command, { folder, options }, emit) => {
    const { done, read } = lineReader(emit);
    const given = script ?? [`${folder}/server.js`, JSON.stringify(options)];
    const { child, ended, stop } = start(command, [...args, ...given]);
    if (child.stdout) createInterface(child.stdout).on("line", (line) => line.startsWith("{") && read(line));
    try {
      await Promise.race([done, ended]);
    } finally {
      stop();
    }
  };
}

const TYPES: Readonly<Record<string, string>> = { ".js": "text/javascript", ".html": "text/html" };
/** Its empty icon keeps browsers from asking for another. */
const PAGE =
  '<!doctype html><meta charset="utf-8"><title>Copse</title><link rel="icon" href="data:,"><script type="module" src="/browser.js"></script>';

/** Serves a page that runs the bundle and reports to the server, for as long as `show` has it open. */
async function withPage(
  job: Job,
  emit: (line: Line) => void,
  show: (address: string, done: Promise<void>) => Promise<void>,
): Promise<void> {
  const { done, read } = lineReader(emit);
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    if (request.method === "POST") {
      let body = "";
      request.on("data", (data: Buffer) => {
        body += data.toString();
      });
      request.on("end", () => {
        response.writeHead(204).end();
        read(body);
      });
      return;
    }
    const name = pathname.slice(1);
    if (name === "") return response.writeHead(200, { "content-type": "text/html" }).end(PAGE);
    job.fetched?.(name);
    if (!job.files.includes(name)) return response.writeHead(404).end();
    void readFile(`${job.folder}/${name}`).then((content) => {
      response.writeHead(200, { "content-type": TYPES[extname(name)] ?? "" }).end(content);
    });
  });
  const port = await listening(server);
  try {
    await show(`http://127.0.0.1:${port}/?options=${encodeURIComponent(JSON.stringify(job.options))}`, done);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** A browser whose command line takes an address. */
export function inBrowser(args: (profile: string) => readonly string[]): Launch {
  return (command, job, emit) =>
    withPage(job, emit, async (address, done) => {
      const profile = await mkdtemp(`${tmpdir()}/copse-browser-`);
      const { ended, stop } = start(command, [...args(profile), address]);
      try {
        await Promise.race([done, ended]);
      } finally {
        stop();
        await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
      }
    });
}

/** WebKitGTK by its WebDriver, on a display of its own: its browser has no other way to run without a window. */
export const inWebKit: Launch = (command, job, emit) =>
  withPage(job, emit, async (address, done) => {
    const display = start("Xvfb", ["-displayfd", "1", "-screen", "0", "1024x768x24"]);
    const running = [display];
    try {
      const number = await Promise.race([firstLine(display.child), display.ended]);
      const port = await freePort();
      const driver = start(command, [`--port=${port}`], {
        DISPLAY: `:${number}`,
        // As root, WebKit can't confine its processes. Only our own page runs in them.
        ...(process.getuid?.() === 0 && { WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1" }),
      });
      running.push(driver);
      const ask = async (path: string, body: object): Promise<{ value: { sessionId?: string } }> => {
        const request = { method: "POST", body: JSON.stringify(body) };
        const answer = await reached(`http://127.0.0.1:${port}/${path}`, request);
        const said = await answer.text();
        if (!answer.ok) throw new Error(`WebDriver answered ${answer.status}: ${said}`);
        return JSON.parse(said);
      };
      const open = async () => {
        const { value } = await ask("session", { capabilities: {} });
        await ask(`session/${value.sessionId}/url`, { url: address });
        await done;
      };
      await Promise.race([open(), ...running.map(({ ended }) => ended)]);
    } finally {
      for (const one of running.reverse()) one.stop();
    }
  });

async function firstLine({ stdout }: ChildProcess): Promise<string> {
  for await (const line of createInterface(stdout as NonNullable<typeof stdout>)) return line;
  throw new Error("it said nothing");
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

/** A port that is free now. */
async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** workerd, as Cloudflare's Workers and Miniflare have it: a server whose answer is the report. */
export const inWorkerd: Launch = async (command, { folder, files, options }, emit) => {
  const port = await freePort();
  const modules = ["worker.js", ...files.filter((name) => name !== "worker.js")]
    .map((name) => `(name = "${name}", esModule = embed "${name}")`)
    .concat(`(name = "${LIBSODIUM}", wasm = embed "${LIBSODIUM}")`)
    .join(",\n    ");
  const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .main)],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
const main :Workerd.Worker = (
  modules = [
    ${modules}
  ],
  compatibilityDate = "2026-09-01",
  compatibilityFlags = ["nodejs_compat"],
);
`;
  await writeFile(`${folder}/${LIBSODIUM}`, await libsodiumWasm());
  await writeFile(`${folder}/workerd.capnp`, config);
  const { done, read } = lineReader(emit);
  const { ended, stop } = start(command, ["serve", `${folder}/workerd.capnp`]);
  const report = async () => {
    const address = `http://127.0.0.1:${port}/?options=${encodeURIComponent(JSON.stringify(options))}`;
    const { body, ok, status } = await reached(address);
    if (!ok || body === null) throw new Error(`it answered ${status}`);
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of body) {
      const lines = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split("\n");
      rest = lines.pop() as string;
      lines.forEach(read);
    }
    await done;
  };
  try {
    await Promise.race([report(), ended]);
  } finally {
    stop();
  }
};

/** The answer of a server that may not have started yet. */
async function reached(address: string, request?: RequestInit): Promise<Response> {
  for (let tries = 0; ; tries++) {
    try {
      return await fetch(address, request);
    } catch (error) {
      if (tries === 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}
