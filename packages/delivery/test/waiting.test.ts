// What comes too early waits, within bounds: messages for their epoch, a commit for its proposals.
import { generateSigner } from "@copse/core";
import type { Batch, DeliveryService, LogEntry } from "@copse/delivery";
import { expect, it } from "vitest";
import { sendEarly } from "./support/mallory.js";
import {
  agree,
  crypto,
  heard,
  names,
  problems,
  type Someone,
  SUITE,
  together,
  until,
  World,
} from "./support/people.js";

/** A service that holds messages back until a commit has come. */
function commitsFirst(service: DeliveryService, when: { isOn: boolean }): DeliveryService {
  async function* late(batches: AsyncIterable<Batch<LogEntry>>): AsyncGenerator<Batch<LogEntry>> {
    let held: LogEntry[] = [];
    for await (const batch of batches) {
      const all = [...held, ...batch.entries];
      const commits = all.filter(({ kind }) => kind === "handshake");
      const isHeld = when.isOn && commits.length === 0;
      held = isHeld ? all : [];
      if (!isHeld) yield { ...batch, entries: [...commits, ...all.filter(({ kind }) => kind === "message")] };
    }
  }
  return new Proxy(service, {
    get(target, name: keyof DeliveryService) {
      const value: unknown = target[name];
      if (typeof value !== "function") return value;
      const call = value.bind(target) as (...args: readonly unknown[]) => unknown;
      return name === "subscribe" ? (...args: readonly unknown[]) => late(call(...args) as never) : call;
    },
  });
}

it("takes a commit when its proposals have come", async () => {
  const when = { isOn: false };
  const world = new World({ wrap: (one, name) => (name === "alice" ? commitsFirst(one, when) : one) });
  const people = (await world.people("alice", "bob", "carol")) as [Someone, Someone, Someone];
  const [a, b, c] = (await together(people)) as [C, C, C];
  when.isOn = true;
  await c.leave();
  when.isOn = false;
  const [alice, bob] = people;
  await agree([alice, bob], [a, b]);
  await until([alice], () => names(a).join() === "alice,bob");
  await (await a.send("here")).sent;
  expect(await heard(bob, b, 1)).toEqual(["alice: here"]);
  expect(people.flatMap(problems)).toEqual([]);
});

it("keeps few messages of epochs that never come, and goes on", async () => {
  const world = new World({ engine: { early: 3 } });
  const signer = await generateSigner(crypto, SUITE);
  const [alice, bob] = (await world.people("alice", "bob")) as [Someone, Someone];
  const mallory = await world.person("mallory", { signer });
  await mallory.messenger.settled();
  const [a, b, m] = (await together([alice, bob, mallory])) as [C, C, C];
  await agree([alice, bob, mallory], [a, b, m]);
  await sendEarly(world.connect("mallory", signer.publicKey), m, signer, 5);
  await (await a.send("one")).sent;
  await b.update();
  await (await a.send("two")).sent;
  await heard(bob, b, 2);
  expect(problems(bob).filter((one) => one.startsWith("dropped: "))).not.toEqual([]);
  expect(await bob.messenger.client.listEntries(`app/delivery-c-${b.id}/e/`)).toHaveLength(3);
});

type C = Awaited<ReturnType<typeof together>>[number];
