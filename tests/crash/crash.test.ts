// RFC 9420 §9.2: a process with a storage is killed at random moments, and goes on from what it answered. `npm run test:crash`
// kills many more.
import { join } from "node:path";
import { insecureAcceptAll } from "@copse/core";
import { openClient } from "@copse/core/storage";
import { nodeProvider } from "@copse/provider-node";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import type { Orders, Place } from "./orders.js";
import { Peer, SUITE } from "./peer.js";
import { storageAt } from "./place.js";
import { type End, program, Waiting } from "./process.js";

const TIMES = Number(process.env.COPSE_CRASHES ?? 6);
/** The most that is answered in one life. */
const ANSWERS = TIMES >= 100 ? 300 : 60;
/** An extension comes in each life of so many, and each of so many ends while the storage is opened, perhaps. */
const EXTENSION = 4;
const EARLY = 7;

const upTo = (most: number) => Math.floor(Math.random() * (most + 1));

/** A call takes about a millisecond. So it is somewhere in one, or between two. */
const endOf = (life: number): End =>
  life % EARLY === EARLY - 1 ? { lines: 0, within: 150 } : { lines: upTo(ANSWERS), within: 10 };

let code: Awaited<ReturnType<typeof program>>;
beforeAll(async () => {
  code = await program();
});
afterAll(() => code.remove());

/** Alice in this process, while none of hers is there. */
async function withAlice<T>(
  place: Place,
  work: (alice: Awaited<ReturnType<typeof openClient>>) => Promise<T>,
) {
  const storage = await storageAt(place);
  const common = { crypto: nodeProvider(), suite: SUITE, authentication: insecureAcceptAll() };
  try {
    return await work(await openClient({ storage, credential: "alice", ...common }));
  } finally {
    storage.close?.();
  }
}

/** Starts the processes of a life before it begins. */
const waiting = (life: number) =>
  Array.from({ length: life % EXTENSION === 1 ? 2 : 1 }, () => new Waiting(code.script));

it.each(["sqlite", "files", "sealed"] as const)(
  `%s: uses no key twice and loses nothing that it answered, killed ${TIMES} times`,
  async (kind) => {
    const start = performance.now();
    const place: Place = { kind, path: join(code.folder, kind) };
    const peer = await withAlice(place, (alice) => Peer.meet(alice));
    let kills = 0;
    let next = waiting(0);
    onTestFinished(() => {
      for (const one of next) one.kill();
    });
    while (kills < TIMES) {
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
      kills++;
      if (extension !== undefined) peer.counts.extensions++;
      if (isExtensionKilled) peer.counts["extensions killed"]++;
      await peer.read(lines, isExtensionKilled ? 2 : 1);
    }
    await withAlice(place, (alice) => peer.end(alice));
    expect(peer.counts["messages sent"]).toBeGreaterThan(TIMES);
    expect(peer.counts["commits made"]).toBeGreaterThan(0);
    if (TIMES >= 100)
      console.log(
        `${kind}: killed ${kills} times in ${((performance.now() - start) / 1000).toFixed(0)} s: ${JSON.stringify(peer.counts, undefined, 1)}`,
      );
  },
  60_000 + TIMES * 5000,
);
