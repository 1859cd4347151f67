// NATS servers for tests: real ones, each in a folder of its own, on ports of this machine alone.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "./ports.js";

/** Whether Debian's package, or the program from elsewhere, is there. */
export const HAS_NATS: boolean = spawnSync("nats-server", ["--version"]).status === 0;

if (!HAS_NATS) {
  const text =
    "NO NATS SERVER HERE: @copse/delivery-nats is NOT TESTED. Install it (Debian: apt-get install nats-server)";
  if (process.env.COPSE_NATS_REQUIRED === "1") throw new Error(text);
  console.warn(`\n*** ${text}. ***\n`);
}

/** A server that can be killed, and started again with what it has stored. */
export interface NatsServer {
  /** `nats://127.0.0.1:…` */
  readonly url: string;
  /** `ws://127.0.0.1:…` */
  readonly websocket: string;
  /** Of its process, while it runs. */
  pid(): number | undefined;
  /** Ends it at once, as `kill -9` does. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Kills it, and deletes what it has stored. */
  stop(): Promise<void>;
}

interface Ports {
  readonly client: number;
  readonly websocket: number;
  readonly cluster: number;
}

/** @param settings more of the server's configuration */
export async function startNats(settings = ""): Promise<NatsServer> {
  const [server] = await startServers(1, settings);
  return server as NatsServer;
}

/** A cluster whose servers know each other. */
export async function startNatsCluster(size: number, settings = ""): Promise<readonly NatsServer[]> {
  return startServers(size, settings);
}

async function startServers(size: number, settings: string): Promise<NatsServer[]> {
  const ports = await freePorts(3 * size);
  const each: Ports[] = Array.from({ length: size }, (_, index) => ({
    client: ports[3 * index] as number,
    websocket: ports[3 * index + 1] as number,
    cluster: ports[3 * index + 2] as number,
  }));
  const routes = each.map(({ cluster }) => `"nats://127.0.0.1:${cluster}"`).join(", ");
  const servers = each.map((own, index) => {
    const cluster = `cluster { name: copse, listen: "127.0.0.1:${own.cluster}", routes: [${routes}] }`;
    return server(own, `n${index}`, `${size > 1 ? cluster : ""}\n${settings}`);
  });
  try {
    await Promise.all(servers.map((one) => one.start()));
  } catch (error) {
    await Promise.all(servers.map((one) => one.stop()));
    throw error;
  }
  return servers;
}

function server(ports: Ports, name: string, settings: string): NatsServer {
  const folder = mkdtempSync(join(tmpdir(), "copse-nats-"));
  const file = join(folder, "nats.conf");
  writeFileSync(
    file,
    `server_name: ${name}
listen: "127.0.0.1:${ports.client}"
jetstream { store_dir: "${folder}" }
websocket { listen: "127.0.0.1:${ports.websocket}", no_tls: true }
${settings}
`,
  );
  let child: ChildProcess | undefined;
  const kill = async () => {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const ended = new Promise((resolve) => running.once("close", resolve));
    running.kill("SIGKILL");
    await ended;
  };
  // A test that is ended by force leaves no server.
  const onExit = () => child?.kill("SIGKILL");
  process.on("exit", onExit);
  return {
    url: `nats://127.0.0.1:${ports.client}`,
    websocket: `ws://127.0.0.1:${ports.websocket}`,
    pid: () => child?.pid,
    kill,
    async start() {
      child = spawn("nats-server", ["-c", file], { stdio: ["ignore", "ignore", "pipe"] });
      await ready(child);
    },
    async stop() {
      await kill();
      process.off("exit", onExit);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function ready(child: ChildProcess): Promise<void> {
  let said = "";
  return new Promise((resolve, reject) => {
    child.stderr?.on("data", (data: Buffer) => {
      if (said.length < 100_000) said += data;
      if (said.includes("Server is ready")) resolve();
    });
    child.on("close", () => reject(new Error(`nats-server ended: ${said}`)));
    child.on("error", reject);
  });
}
