// Three nodes of NATS with JetStream, of which one at a time is killed; each behind a proxy.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DeliveryService, LogEntry } from "@copse/delivery/service";
import { natsDelivery, prepareNats } from "@copse/delivery-nats";
import { freePorts } from "@copse/test-support/ports";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { NATS_PROGRAM } from "../../../examples/src/delivery/nats-program.js";
import { natsFrames } from "../network/nats.js";
import { Pipe } from "../network/pipe.js";
import { sleep, Weather } from "../network/weather.js";
import { ServiceProcess } from "./child.js";
import type { Service } from "./service.js";

const NODES = 3;
const TRIES = 60;
/** Milliseconds that a node has to catch up, before it is killed and started once more. */
const HEALTHY = 30_000;

interface Ports {
  readonly ports: readonly number[];
  readonly routes: readonly number[];
  readonly monitors: readonly number[];
}

/** Nodes tell clients nothing of each other: else these would go past the proxies. */
const configOf = (i: number, { ports, routes, monitors }: Ports, folder: string) => `
server_name: node-${i}
listen: "127.0.0.1:${ports[i]}"
http: "127.0.0.1:${monitors[i]}"
jetstream { store_dir: "${folder}" }
cluster {
  name: chaos
  listen: "127.0.0.1:${routes[i]}"
  no_advertise: true
  routes: [${routes.map((port) => `"nats://127.0.0.1:${port}"`).join(", ")}]
}
`;

export interface NatsCluster {
  readonly ports: readonly number[];
  readonly nodes: readonly ServiceProcess[];
  /** @returns whether a node has all that the others have, within some seconds */
  isHealthy(i: number): Promise<boolean>;
  close(): Promise<void>;
}

/** Whether a node says that it is well, JetStream too. */
async function answersWell(monitor: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${monitor}/healthz`)).ok;
  } catch {
    return false;
  }
}

/** Whether each stream has a leader, and all nodes have what it has: a node says that it is well before it has caught up. */
async function areCurrent(ports: readonly number[]): Promise<boolean> {
  const connection = await connect({ servers: ports.map((port) => `127.0.0.1:${port}`), timeout: 2000 });
  try {
    const manager = await jetstreamManager(connection, { timeout: 2000 });
    for await (const { cluster } of manager.streams.list()) {
      const { leader, replicas = [] } = cluster ?? {};
      const isBehind = replicas.some(
        ({ current, lag = 0, offline = false }) => !current || lag > 0 || offline,
      );
      if (leader === undefined || isBehind) return false;
    }
    return true;
  } finally {
    await connection.close();
  }
}

/** Starts three nodes on this machine. */
export async function natsCluster(): Promise<NatsCluster> {
  const folder = await mkdtemp(join(process.env.COPSE_CRASH_FOLDER ?? tmpdir(), "copse-nats-"));
  const all = await freePorts(3 * NODES);
  const part = (n: number) => all.slice(n * NODES, (n + 1) * NODES);
  const own: Ports = { ports: part(0), routes: part(1), monitors: part(2) };
  const nodes: ServiceProcess[] = [];
  for (let i = 0; i < NODES; i++) {
    const [store, config] = [join(folder, `${i}`), join(folder, `${i}.conf`)];
    await mkdir(store);
    await writeFile(config, configOf(i, own, store));
    nodes.push(new ServiceProcess(NATS_PROGRAM, ["-c", config], own.ports[i] as number));
  }
  const close = async () => {
    await Promise.all(nodes.map((node) => node.close()));
    await rm(folder, { recursive: true, force: true });
  };
  const started = await Promise.allSettled(nodes.map((node) => node.start()));
  for (const one of started)
    if (one.status === "rejected") {
      await close();
      throw one.reason;
    }
  const isHealthy = async (i: number) => {
    for (const end = performance.now() + HEALTHY; performance.now() < end; await sleep(100))
      if (await answersWell(own.monitors[i] as number))
        if (await areCurrent(own.ports).catch(() => false)) return true;
    return false;
  };
  for (let i = 0; i < NODES; i++) while (!(await isHealthy(i)));
  return {
    ports: own.ports,
    nodes,
    isHealthy,
    close,
  };
}

/** Says which server is tried. */
function introduce(version: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isOld = major < 2 || (major === 2 && minor <= 10);
  const warning =
    ": clusters of it were seen to lose what they had acknowledged (docs/decisions/delivery-nats.md)";
  console.log(`nats-server ${version}${isOld ? warning : ""}`);
}

/** Makes the streams, as soon as the nodes have chosen a leader. */
async function prepare(cluster: NatsCluster): Promise<void> {
  const connection = await connect({ servers: cluster.ports.map((port) => `127.0.0.1:${port}`) });
  try {
    introduce(connection.info?.version ?? "of an unknown version");
    for (let tries = 0; ; tries++) {
      try {
        return await prepareNats(connection, { replicas: NODES });
      } catch (error) {
        if (tries === TRIES) throw error;
        await sleep(250);
      }
    }
  } finally {
    await connection.close();
  }
}

/** All that a log has. A subscription ends with its consumer at NATS: it is made again, as clients do. */
async function entriesOf(service: DeliveryService, group: string): Promise<LogEntry[]> {
  const all: LogEntry[] = [];
  const groupId = Buffer.from(group, "hex");
  for (let tries = 1; ; tries++)
    try {
      for await (const { entries, behind } of service.subscribe({
        groupId,
        after: all.at(-1)?.cursor ?? "",
      })) {
        all.push(...entries);
        if (behind === 0) return all;
      }
    } catch (error) {
      if (tries === TRIES) throw error;
      await sleep(250);
    }
}

/** Where the entries of a log stand, and of which epochs the handshakes before them are. */
async function readLog({ ports }: NatsCluster, group: string): Promise<ReadonlyMap<string, string>> {
  const connection = await connect({ servers: ports.map((port) => `127.0.0.1:${port}`) });
  const service = await natsDelivery({ connection, user: "judge", client: new Uint8Array(32) });
  const log = new Map<string, string>();
  let before = "the beginning";
  try {
    for (const { id, cursor, epoch, kind } of await entriesOf(service, group)) {
      // What came too late has another version under its ID.
      const [name = id] = id.split("-");
      const place = `at ${cursor} (${id === name ? "" : "again, "}of epoch ${epoch}, after ${before})`;
      log.set(name, log.has(name) ? `${log.get(name)} and ${place}` : place);
      if (kind === "handshake") before = `the handshake of epoch ${epoch} at ${cursor}`;
    }
  } finally {
    await service.close();
    await connection.close();
  }
  return log;
}

export async function natsService(seed: number): Promise<Service> {
  const cluster = await natsCluster();
  try {
    await prepare(cluster);
  } catch (error) {
    await cluster.close();
    throw error;
  }
  const weather = new Weather(seed, 2000, {
    delayed: 40,
    delay: 60,
    duplicated: 40,
    lost: 0,
    unanswered: 0,
    cut: 4000,
  });
  const frames = () => natsFrames(weather);
  const pipes = await Promise.all(cluster.ports.map((target) => Pipe.open({ target, weather, frames })));
  let next = 0;
  return {
    place: { kind: "nats", servers: pipes.map(({ port }) => `127.0.0.1:${port}`) },
    async strike(milliseconds) {
      const i = next++ % NODES;
      const node = cluster.nodes[i] as ServiceProcess;
      // One at a time: two of three always have all. A node of 2.10.27 was seen that never caught up until it was started again.
      do {
        await node.kill();
        await sleep(milliseconds);
        await node.start();
      } while (!(await cluster.isHealthy(i)));
    },
    cut() {
      for (const pipe of pipes) pipe.cut();
    },
    calm: () => weather.calm(),
    logOf: (group) => readLog(cluster, group),
    counts: weather.counts,
    async close() {
      for (const pipe of pipes) await pipe.close();
      await cluster.close();
    },
  };
}
