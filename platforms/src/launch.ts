// RFC 9420 §17.1: starts platforms on the bundle, and hands on the lines that they report.
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname } from "node:path";
import { createInterface } from "node:readline";
import { libsodiumWasm } from "@copse/provider-libsodium";
import { LIBSODIUM } from "./bundle.js";
import { freePort, listening, reached, start } from "./programs.js";
import type { Line, RunOptions } from "./report.js";
import type { Show } from "./show.js";

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

/** A browser, which shows a page that runs the bundle. */
export const inPage =
  (show: Show): Launch =>
  (command, job, emit) =>
    withPage(job, emit, (address, done) => show(command, [address], done));

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
