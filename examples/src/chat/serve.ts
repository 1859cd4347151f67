// The chat's page and its delivery service, in one process.
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, preview } from "vite";
import { type RunningService, startService } from "../delivery/services.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** Where the data is unless told otherwise: the browser keeps its part, so the service keeps its own. */
export const DEFAULT_DATA = join(ROOT, ".cache/chat");

export interface ServeChatOptions {
  /** A folder that is kept. `undefined`: one that is removed at the end. */
  readonly data: string | undefined;
  /** 0: any that is free. */
  readonly port: number;
  readonly delivery: "http" | "nats";
}

export interface ChatServer {
  readonly url: string;
  readonly service: RunningService;
  close(): Promise<void>;
}

async function idOf(data: string): Promise<string> {
  const file = join(data, "id");
  if (!existsSync(file)) await writeFile(file, randomBytes(8).toString("hex"));
  return readFile(file, "utf8");
}

/** Builds the page, and serves it beside its delivery service. @throws if the port is taken, or the data are in use */
export async function serveChat(options: ServeChatOptions): Promise<ChatServer> {
  const temporary = await mkdtemp(join(tmpdir(), "copse-chat-"));
  const data = options.data ?? join(temporary, "data");
  const closers: (() => Promise<unknown>)[] = [() => rm(temporary, { recursive: true, force: true })];
  const close = async () => {
    for (const one of closers.reverse()) await one();
  };
  try {
    await mkdir(data, { recursive: true });
    const configFile = join(ROOT, "examples/chat/vite.config.ts");
    const own = { outDir: join(temporary, "page"), emptyOutDir: true };
    await build({ configFile, logLevel: "error", build: own });
    const service = await startService(options.delivery, data);
    closers.push(() => service.close());
    const config = { id: await idOf(data), delivery: options.delivery, url: service.url };
    await writeFile(join(own.outDir, "config.json"), JSON.stringify(config));
    const { httpServer, close: closePage } = await preview({
      configFile,
      logLevel: "error",
      build: own,
      preview: { port: options.port, strictPort: true, host: "127.0.0.1" },
    });
    closers.push(closePage);
    const { port } = httpServer.address() as AddressInfo;
    return { url: `http://localhost:${port}/`, service, close };
  } catch (error) {
    await close();
    throw error;
  }
}
