// What a message, a group, a reader and a key package cost at a NATS server. In ordinary runs it only shows that all of it works, with
// few of each; `npm run measure:nats` prints what docs/delivery-on-nats.md is made of.
import { readFileSync } from "node:fs";
import type { DeliveryService } from "@copse/delivery/service";
import { prepareNats } from "@copse/delivery-nats";
import { HAS_NATS, type NatsServer, startNats, startNatsCluster } from "@copse/test-support/nats";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { accepted, bytes, clientOf, handshake, keyPackage, message, someBytes } from "./support.js";

const IS_LARGE = process.env.COPSE_NATS_MEASURE === "1";
const MESSAGES = IS_LARGE ? 20_000 : 200;
const ONE_BY_ONE = IS_LARGE ? 2_000 : 20;
const GROUPS = IS_LARGE ? [1_000, 10_000, 100_000] : [20, 50];
const READERS = IS_LARGE ? 1_000 : 10;
/** Bytes of an application message as it is on the wire. */
const SIZE = 300;
const IN_FLIGHT = 256;

const lines: string[] = [];
const note = (what: string, value: string) => lines.push(`${what}: ${value}`);

/** Microseconds of processor time that processes have used, by Linux: in hundredths of a second. */
function processorOf(servers: readonly NatsServer[]): number {
  const used = servers.map((server) => {
    const fields = readFileSync(`/proc/${server.pid()}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return Number(fields[11]) + Number(fields[12]);
  });
  return used.reduce((sum, ticks) => sum + ticks, 0) * 10_000;
}

async function inFlight(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, count) }, worker));
}

/** Resident bytes of a process, by Linux. */
function memoryOf({ pid }: NatsServer): number {
  const [, pages = "0"] = readFileSync(`/proc/${pid()}/statm`, "utf8").split(" ");
  return Number(pages) * 4096;
}

describe.skipIf(!HAS_NATS || process.platform !== "linux").each([1, IS_LARGE ? 3 : 0].filter(Boolean))(
  "what it costs with %i replicas",
  (replicas) => {
    let servers: readonly NatsServer[] = [];
    let connection: NatsConnection;
    let alice: DeliveryService;
    /** How many of something are done in a second, and what processors do for each. */
    async function rate(what: string, count: number, work: () => Promise<unknown>): Promise<void> {
      const [start, client, server] = [performance.now(), process.cpuUsage(), processorOf(servers)];
      await work();
      const seconds = (performance.now() - start) / 1000;
      const { user, system } = process.cpuUsage(client);
      const each = (microseconds: number) => `${Math.round(microseconds / count)} µs`;
      const cost = `of processors: client ${each(user + system)}, servers ${each(processorOf(servers) - server)}`;
      note(name(what), `${Math.round(count / seconds)} a second; ${cost}`);
    }
    const name = (what: string) => `${replicas} ${replicas === 1 ? "server" : "servers"}: ${what}`;

    beforeAll(async () => {
      servers = replicas === 1 ? [await startNats()] : await startNatsCluster(replicas);
      connection = await connect({ servers: servers[0]?.url as string });
      while ((await jetstreamManager(connection, { timeout: 500 }).catch(() => undefined)) === undefined);
      await prepareNats(connection, { replicas });
      alice = await clientOf(connection, "alice", { timeout: 30_000, heartbeat: 5000 });
    });
    afterAll(async () => {
      await connection?.close();
      await Promise.all(servers.map((server) => server.stop()));
      if (IS_LARGE) console.log(lines.splice(0).join("\n"));
    });

    const state = async (stream: string) => {
      const jsm = await jetstreamManager(connection, { timeout: 30_000 });
      return (await jsm.streams.info(stream)).state;
    };

    test("publishing, plain and by the service", async () => {
      const jsm = await jetstreamManager(connection);
      await jsm.streams.add({ name: "plain", subjects: ["plain.>"], num_replicas: replicas });
      const js = jetstream(connection, { timeout: 30_000 });
      const content = someBytes(SIZE);
      await rate("plain, one by one", ONE_BY_ONE, async () => {
        for (let index = 0; index < ONE_BY_ONE; index++) await js.publish("plain.one", content);
      });
      await rate("plain, in flight", MESSAGES, () =>
        inFlight(MESSAGES, () => js.publish("plain.many", content)),
      );
      await rate("plain, one by one, each expecting the last sequence", ONE_BY_ONE, async () => {
        let last = 0;
        for (let index = 0; index < ONE_BY_ONE; index++)
          last = (await js.publish("plain.chain", content, { expect: { lastSubjectSequence: last } })).seq;
      });
      await accepted(alice.submit(handshake("speed", "", "first")));
      await rate("send, one by one", ONE_BY_ONE, async () => {
        for (let index = 0; index < ONE_BY_ONE; index++) await alice.send(message("speed", content));
      });
      const before = await state("copse-log-0");
      await rate("send, in flight", MESSAGES, () =>
        inFlight(MESSAGES, () => alice.send(message("speed", content))),
      );
      const after = await state("copse-log-0");
      expect(after.messages - before.messages).toBe(MESSAGES);
      note(
        name(`bytes in the log for a message of ${SIZE}`),
        String(Math.round((after.bytes - before.bytes) / MESSAGES)),
      );
    });

    test("handshakes, one after the other and of many groups", async () => {
      const parts = { message: someBytes(1500), groupInfo: someBytes(4000) };
      let last = await accepted(alice.submit(handshake("chain", "", "first", parts)));
      const count = Math.ceil(ONE_BY_ONE / 4);
      await rate("submit, one after the other", count, async () => {
        for (let index = 0; index < count; index++)
          last = await accepted(alice.submit(handshake("chain", last, "next", parts)));
      });
      await rate("submit, of many groups", count, () =>
        inFlight(count, (index) => accepted(alice.submit(handshake(`many ${index}`, "", "first", parts)))),
      );
      await alice.publishKeyPackages(
        Array.from({ length: Math.min(500, count) }, (_, index) => keyPackage(`${index}`)),
      );
      await rate("claims of one client's key packages, one by one", Math.min(500, count), async () => {
        for (let index = 0; index < Math.min(500, count); index++)
          expect(await alice.claimKeyPackages("alice", 1)).toHaveLength(1);
      });
    });

    test("readers of one group", async () => {
      const server = servers[0] as NatsServer;
      await accepted(alice.submit(handshake("read", "", "first")));
      const groupId = bytes("read");
      const before = memoryOf(server);
      const readers = Array.from({ length: READERS }, () =>
        alice.subscribe({ groupId, after: "" })[Symbol.asyncIterator](),
      );
      await rate("readers that begin", READERS, () =>
        inFlight(READERS, (index) => (readers[index] as (typeof readers)[0]).next()),
      );
      note(
        name("KiB of the first server's memory for a reader"),
        ((memoryOf(server) - before) / READERS / 1024).toFixed(1),
      );
      const all = readers.map((reader) => reader.next());
      const start = performance.now();
      await alice.send(message("read", someBytes(SIZE)));
      await Promise.all(all);
      note(
        name(`until ${READERS} readers in this process have one message`),
        `${Math.round(performance.now() - start)} ms`,
      );
      await Promise.all(readers.map((reader) => reader.return?.()));
    });

    test("readers of one group among many others", async () => {
      const server = servers[0] as NatsServer;
      const empty = memoryOf(server);
      const js = jetstream(connection, { timeout: 30_000 });
      let made = 0;
      for (const wanted of GROUPS) {
        await inFlight(wanted - made, async (index) => {
          const group = `copse.log.0.${String(made + index).padStart(32, "a")}`;
          await js.publish(`${group}.h`, new Uint8Array(10));
          await js.publish(`${group}.m`, new Uint8Array(10));
        });
        made = wanted;
        await rate(
          `readers that begin, one by one, with ${made} other groups in the stream`,
          20,
          async () => {
            for (let count = 0; count < 20; count++) {
              const reader = alice.subscribe({ groupId: bytes("read"), after: "" })[Symbol.asyncIterator]();
              await reader.next();
              await reader.return?.();
            }
          },
        );
      }
      const memory = Math.round((memoryOf(server) - empty) / made);
      note(name("bytes of the first server's memory for each group of two subjects"), String(memory));
    });
  },
);
