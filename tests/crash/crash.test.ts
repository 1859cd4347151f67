// RFC 9420 §9.2: a process with a storage is killed at random moments, and goes on from what it answered. `npm run test:crash`
// kills many more.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { insecureAcceptAll } from "@copse/core";
import { openClient } from "@copse/core/storage";
import { nodeProvider } from "@copse/provider-node";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Orders } from "./orders.js";
import { Peer, SUITE } from "./peer.js";
import { openPlace, type Place } from "./places.js";
import { type End, program, Waiting } from "./process.js";

const { COPSE_CRASHES, COPSE_CRASH_FOLDER } = process.env;
const IS_LONG = COPSE_CRASHES !== undefined;
const TIMES = Number(COPSE_CRASHES ?? 4);
/** For what is SQLite in another dress. */
const FEWER = Math.min(TIMES, Math.max(4, Math.ceil(TIMES / 10)));
/** The most that is answered in one life. */
const ANSWERS = IS_LONG ? 120 : 60;
/** An extension comes in each life of so many, and each of so many ends while the storage is opened, perhaps. */
const EXTENSION = 4;
const EARLY = 7;

const upTo = (most: number) => Math.floor(Math.random() * (most + 1));

/** A call takes about a millisecond. So it is somewhere in one, or between two. */
const endOf = (life: number): End =>
  life % EARLY === EARLY - 1 ? { lines: 0, within: 150 } : { lines: upTo(ANSWERS), within: 10 };

let code: Awaited<ReturnType<typeof program>>;
let folder: string;
const started = new Set<Waiting>();
beforeAll(async () => {
  code = await program();
  folder = await mkdtemp(join(COPSE_CRASH_FOLDER ?? tmpdir(), "copse-crash-"));
});
afterAll(async () => {
  for (const one of started) one.kill();
  await code.remove();
  await rm(folder, { recursive: true, force: true });
});

/** Alice in this process, while none of hers is there. */
async function withAlice<T>(
  place: Place,
  work: (alice: Awaited<ReturnType<typeof openClient>>) => Promise<T>,
) {
  const storage = await openPlace(place);
  const common = { crypto: nodeProvider(), suite: SUITE, authentication: insecureAcceptAll() };
  try {
    return await work(await openClient({ storage, credential: "alice", ...common }));
  } finally {
    storage.close?.();
  }
}

/** Starts the processes of a life before it begins. */
function waiting(life: number): Waiting[] {
  const made = Array.from({ length: life % EXTENSION === 1 ? 2 : 1 }, () => new Waiting(code.script));
  for (const one of made) started.add(one);
  return made;
}

/** Kills Alice so often, and compares each time. @returns what happened, and how long it took */
async function run(kind: Place["kind"], times: number): Promise<Peer["counts"] & { seconds: number }> {
  const start = performance.now();
  const place: Place = { kind, path: join(folder, kind) };
  const peer = await withAlice(place, (alice) => Peer.meet(alice));
  let next = waiting(0);
  while (peer.counts.lives < times) {
    const [app, extension] = next as [Waiting, Waiting?];
    next = waiting(peer.counts.lives + 1);
    const lines: string[] = [];
    const orders: Orders = { place, role: "app", ...peer.ids, inbox: await peer.inbox() };
    const line = (text: string) => lines.push(text);
    const [isAppKilled, isExtensionKilled] = await Promise.all([
      app.live(orders, endOf(peer.counts.lives), line),
      extension?.live({ ...orders, role: "extension" }, { lines: upTo(4), within: 50 }, line),
    ]);
    expect(isAppKilled, "the app never ends by itself").toBe(true);
    if (extension !== undefined) peer.counts.extensions++;
    if (isExtensionKilled) peer.counts["extensions killed"]++;
    await peer.read(lines, isExtensionKilled ? 2 : 1);
    for (const one of [app, extension]) if (one !== undefined) started.delete(one);
  }
  await withAlice(place, (alice) => peer.end(alice));
  return { ...peer.counts, seconds: Math.round((performance.now() - start) / 1000) };
}

const KINDS = [["sqlite", TIMES] as const, ["files", TIMES] as const, ["sealed", FEWER] as const];

// At the same time: one process lives while another is read.
it.concurrent.each(KINDS)(
  "%s: uses no key twice and loses nothing that it answered, killed %i times",
  async (kind, times) => {
    const counts = await run(kind, times);
    expect(counts["messages sent"]).toBeGreaterThan(times);
    expect(counts["commits made"]).toBeGreaterThan(0);
    if (IS_LONG) console.log(`${kind}:`, counts);
  },
  60_000 + TIMES * 5000,
);

it("a storage that answers before it has written is found out", async () => {
  // A key that was used twice, a group that is behind, or a message that can't be read: whatever comes first.
  await expect(run("early", 20)).rejects.toThrow();
});
