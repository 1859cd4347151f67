// The service is killed while clients send: what it acknowledged is there afterwards, once and in order.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HttpDelivery } from "@copse/delivery-http";
import { bundle } from "@copse/test-support/bundle";
import { fromRoot } from "@copse/test-support/files";
import { afterAll, beforeAll, expect, it } from "vitest";
import { bytes, epochKey, groupOf, handshake, newId, TestService } from "./support.js";

const KILLS = Number(process.env.COPSE_CRASHES ?? 2);
const SENDERS = 4;

let folder: string;
let process_: ChildProcess;
const clients = new TestService();

async function run(port: number): Promise<number> {
  const env = { ...process.env, DATA: join(folder, "data"), PORT: String(port) };
  process_ = spawn(process.execPath, [join(folder, "service.mjs")], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(process_.stdout!, "data")) as [Buffer];
  return Number(new URL(line.toString().trim()).port);
}

async function kill(): Promise<void> {
  const ended = once(process_, "exit");
  process_.kill("SIGKILL");
  await ended;
}

beforeAll(async () => {
  // Below the repository, so that the packages that aren't ours are found from there.
  mkdirSync(fromRoot("node_modules/.cache"), { recursive: true });
  folder = mkdtempSync(fromRoot("node_modules/.cache/copse-delivery-"));
  const script = `import { serveDelivery } from "@copse/delivery-http/server";
    const { DATA, PORT } = process.env;
    const rate = { perSecond: 1e9, burst: 1e9 };
    const rates = { call: rate, message: rate };
    const server = await serveDelivery({ data: DATA ?? "", port: Number(PORT), rates });
    console.log(server.url);`;
  const packages = ["@hono/node-server", "hono", "hono/cors", "ws"];
  writeFileSync(join(folder, "service.mjs"), await bundle(script, "node", packages));
});
afterAll(async () => {
  await kill();
  for (const one of [folder, clients.folder]) rmSync(one, { recursive: true, force: true });
});

it("loses nothing that it has acknowledged, and has nothing twice", async () => {
  const port = await run(0);
  const url = `http://127.0.0.1:${port}`;
  const key = await epochKey(1);
  const groupId = groupOf("crash");
  const connections = await Promise.all(
    Array.from({ length: SENDERS }, (_, i) => clients.connect(`sender-${i}`, "phone", { url })),
  );
  await connections[0]!.submit(handshake(groupId, key));
  const acknowledged = new Map<string, string>();
  const sent: string[][] = connections.map(() => []);
  let isOver = false;
  const send = async (delivery: HttpDelivery, ids: string[]): Promise<void> => {
    while (!isOver) {
      const id = newId();
      ids.push(id);
      for (;;) {
        const message = { id, groupId, epoch: 1n, message: bytes(200), key: () => key };
        const cursor = await delivery.send(message).catch(async (error: { retry?: string }) => {
          if (error.retry !== "later") throw error;
          await new Promise((resolve) => setTimeout(resolve, 50));
        });
        if (cursor === undefined) continue;
        acknowledged.set(id, cursor);
        break;
      }
    }
  };
  const sending = Promise.all(connections.map((delivery, i) => send(delivery, sent[i]!)));
  for (let kills = 0; kills < KILLS; kills++) {
    const before = acknowledged.size;
    while (acknowledged.size < before + 50) await new Promise((resolve) => setTimeout(resolve, 5));
    await kill();
    await run(port);
  }
  isOver = true;
  await sending;
  const log: { id: string; cursor: string }[] = [];
  for await (const { entries, behind } of connections[1]!.subscribe({ groupId, after: "", key: () => key })) {
    log.push(...entries.filter(({ kind }) => kind === "message"));
    if (behind === 0) break;
  }
  const cursors = new Map(log.map(({ id, cursor }) => [id, cursor]));
  expect(cursors.size).toBe(log.length);
  for (const [id, cursor] of acknowledged) expect(cursors.get(id)).toBe(cursor);
  for (const ids of sent) expect(log.map(({ id }) => id).filter((id) => ids.includes(id))).toEqual(ids);
  for (const connection of connections) await connection.close();
});
