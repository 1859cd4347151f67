// A messenger that is closed keeps no process alive: no timer of it is left, whatever it did when it was closed.
import type { Conversation } from "@copse/delivery";
import { afterEach, expect, it } from "vitest";
import { type Someone, together, until, World } from "./support/people.js";

const { setTimeout: set, clearTimeout: clear } = globalThis;
afterEach(() => {
  Object.assign(globalThis, { setTimeout: set, clearTimeout: clear });
});

/** The timers that are set from now on, and neither over nor cleared. */
function timers(): Set<unknown> {
  const left = new Set<unknown>();
  const noting = (work: () => void, time: number) => {
    const timer = set(() => {
      left.delete(timer);
      work();
    }, time);
    // What is over soon, anyway, keeps no process.
    if (time >= 1000) left.add(timer);
    return timer;
  };
  const clearing = (timer: ReturnType<typeof set>) => {
    left.delete(timer);
    clear(timer);
  };
  Object.assign(globalThis, { setTimeout: noting, clearTimeout: clearing });
  return left;
}

it("leaves no timer, whenever it is closed", async () => {
  const people = (await new World({ members: "unchecked" }).people("alice", "bob")) as [Someone, Someone];
  const [a] = (await together(people)) as [Conversation];
  let [alice, bob] = people;
  await bob.messenger.close();
  a.leave().catch(() => undefined);
  await until([alice], () => a.state === "leaving");
  await alice.messenger.close();
  const left = timers();
  for (let turns = 0; turns < 40; turns++) {
    alice = await alice.reopen();
    const again = alice.messenger.conversation(a.id) as Conversation;
    await until([alice], () => again.state === "leaving");
    for (let i = 0; i < turns; i++) await Promise.resolve();
    await alice.messenger.close();
    expect([turns, left.size]).toEqual([turns, 0]);
  }
});
