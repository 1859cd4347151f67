// A process that ends at any write: the next one goes on, nothing that was promised is lost, and nothing comes twice.
import { memoryStorage } from "@copse/core/storage";
import { DeliveryError, type DeliveryService } from "@copse/delivery";
import { describe, expect, it } from "vitest";
import { CutStorage } from "./support/cut-storage.js";
import {
  agree,
  conversationOf,
  heard,
  names,
  type Someone,
  said,
  together,
  World,
} from "./support/people.js";
import { watching } from "./support/unreliable.js";

/** More writes than what is done below takes. */
const WRITES = 14;

describe.each([false, true])("ended at a write (which is made: %s)", (isLastMade) => {
  it("goes on with what it sent and what it was changing", async () => {
    const world = new World();
    const cut = new CutStorage(memoryStorage());
    const [bob] = (await world.people("bob")) as [Someone];
    let alice = await world.person("alice", { storage: cut.storage });
    let [a, b] = (await together([alice, bob])) as [C, C];
    const promised: string[] = [];
    for (let after = 0; after < WRITES; after++) {
      cut.cut(after, isLastMade);
      const send = async (text: string) => {
        await a.send(text);
        promised.push(text);
      };
      const all = Promise.allSettled([send(`${after}, once`), a.update(), send(`${after}, twice`)]);
      // What waits for the storage waits until the process ends.
      await Promise.race([all, cut.isCut]);
      await alice.messenger.close();
      await all;
      cut.mend();
      alice = await alice.reopen();
      a = await conversationOf(alice, b.id);
      await alice.messenger.settled();
      await agree([alice, bob], [a, b]);
    }
    await (await a.send("the end")).sent;
    const log = await heard(bob, b, (await said(a)).length);
    expect(new Set(log).size).toBe(log.length);
    for (const text of promised) expect(log).toContain(`alice: ${text}`);
    expect(promised.length).toBeGreaterThan(WRITES / 2);
    expect(await said(a)).toEqual(log);
    expect(names(a)).toEqual(["alice", "bob"]);
  });
});

it.each([1, 2, 3, 4])("joins again, though it ends at write %i of that", async (after) => {
  const [alice, bob] = (await new World().people("alice", "bob")) as [Someone, Someone];
  const [a] = (await together([alice, bob])) as [C, C];
  await bob.messenger.close();
  const entries = await bob.storage.list("group");
  const damaged = ({ key, value }: (typeof entries)[number]) => ({
    key,
    value: value.map((byte) => byte ^ 1),
  });
  await bob.storage.write(entries.filter(({ value }) => value.length > 64).map(damaged), []);
  const cut = new CutStorage(bob.storage);
  cut.cut(after, after % 2 === 1);
  const { isCut } = cut;
  const ending = await bob.reopen({ storage: cut.storage }).catch(() => undefined);
  if (ending !== undefined) await Promise.race([isCut, ending.messenger.settled().catch(() => undefined)]);
  await ending?.messenger.close();
  cut.mend();
  const again = await bob.reopen();
  const b = await conversationOf(again, a.id);
  await agree([alice, again], [a, b]);
  await (await b.send("here")).sent;
  expect(await heard(alice, a, 1)).toEqual(["bob: here"]);
  expect(names(a)).toEqual(["alice", "bob"]);
});

/** A service that gives the first answer again, whatever comes under an ID. */
function forgiving(service: DeliveryService): DeliveryService {
  const send = service.send.bind(service);
  service.send = (message, options) =>
    send(message, options).catch((error: unknown) => {
      if (error instanceof DeliveryError && error.code === "invalid") return "at-1";
      throw error;
    });
  return service;
}

describe.each([
  ["says that it has another form", undefined],
  ["gives its first answer", forgiving],
])("a message that came too late, at a service that %s", (_, wrap) => {
  it.each([0, 1, 2, 3, 4, 5])(
    "is sent again, though the process ends at write %i after that",
    async (after) => {
      const isDeaf = { now: false };
      const world = new World({
        members: "unchecked",
        wrap: (one, name) => {
          const service = wrap?.(one) ?? one;
          return name === "bob"
            ? watching(service, "subscribe", () => isDeaf.now && new Promise(() => undefined))
            : service;
        },
      });
      const [alice] = (await world.people("alice")) as [Someone];
      const cut = new CutStorage(memoryStorage());
      const bob = await world.person("bob", { storage: cut.storage });
      await bob.messenger.settled();
      const [a, b] = (await together([alice, bob])) as [C, C];
      isDeaf.now = true;
      for (let i = 0; i < 8; i++) await a.update();
      await b.send("late");
      // Alice has no keys for it any more.
      await alice.until((one) => one.kind === "problem" && one.problem.message.includes("is refused"));
      isDeaf.now = false;
      cut.cut(after, false);
      const ending = await bob.reopen().catch(() => undefined);
      if (ending !== undefined)
        await Promise.race([cut.isCut, ending.messenger.settled().catch(() => undefined)]);
      await ending?.messenger.close();
      cut.mend();
      const again = await bob.reopen();
      await again.messenger.settled();
      const b2 = await conversationOf(again, a.id);
      expect(await heard(alice, a, 1)).toEqual(["bob: late"]);
      expect(await said(b2)).toEqual(["bob: late"]);
    },
  );
});

type C = Awaited<ReturnType<typeof together>>[number];
