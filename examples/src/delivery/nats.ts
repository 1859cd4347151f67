// A NATS server with JetStream: the program of this system, for this machine alone.
import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { prepareNats } from "@copse/delivery-nats";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { NATS_PROGRAM, needNats } from "./nats-program.js";

/** Servers are given so many tries of a tenth of a second to begin. */
const TRIES = 100;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function reach(servers: string, failed: Promise<never>): Promise<NatsConnection> {
  for (let tries = 1; ; tries++) {
    try {
      return await Promise.race([connect({ servers }), failed]);
    } catch (error) {
      if (tries === TRIES) throw error;
      await Promise.race([new Promise((resolve) => setTimeout(resolve, 100)), failed]);
    }
  }
}

export interface NatsServer {
  readonly url: string;
  /** For pages. */
  readonly webUrl: string;
  close(): Promise<void>;
}

/** Starts `nats-server` with JetStream and WebSocket. @throws MissingProgram if it isn't installed; Error if it doesn't begin */
export async function startNats(data: string): Promise<NatsServer> {
  needNats();
  await mkdir(data, { recursive: true });
  const [port, webPort] = [await freePort(), await freePort()];
  const config = join(data, "nats.conf");
  await writeFile(
    config,
    `listen: "127.0.0.1:${port}"
jetstream { store_dir: ${JSON.stringify(join(data, "jetstream"))} }
websocket { listen: "127.0.0.1:${webPort}", no_tls: true }
`,
  );
  const child = spawn(NATS_PROGRAM, ["--config", config], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (text: Buffer) => {
    said = (said + text.toString()).slice(-2000);
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const failed = new Promise<never>((_, reject) => {
    child.once("error", reject);
    child.once("close", () => reject(new Error(`${NATS_PROGRAM} ended: ${said.trim()}`)));
  });
  failed.catch(() => undefined);
  const stop = () => child.kill("SIGKILL");
  process.once("exit", stop);
  const close = async () => {
    process.off("exit", stop);
    child.kill("SIGTERM");
    await ended;
  };
  try {
    const connection = await reach(`nats://127.0.0.1:${port}`, failed);
    await prepareNats(connection);
    await connection.close();
  } catch (error) {
    if (child.exitCode === null && child.pid !== undefined) await close();
    throw error;
  }
  return { url: `nats://127.0.0.1:${port}`, webUrl: `ws://127.0.0.1:${webPort}`, close };
}
