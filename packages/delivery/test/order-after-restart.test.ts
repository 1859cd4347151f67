// What was under way when somebody joined anew, and reaches the service late, after a restart of its sender.
import type { Conversation, DeliveryService } from "@copse/delivery";
import { expect, it } from "vitest";
import { held, Lines } from "./support/lines.js";
import { agree, type Someone, said, together, until, World } from "./support/people.js";
import { changed } from "./support/unreliable.js";

const hasHeard = ({ events }: Someone, text: string) =>
  events.some((one) => one.kind === "message" && one.entry.text === text);

it.each([false, true])(
  "what is said after what was under way comes after it, after a restart too (restart: %s)",
  async (isRestarted) => {
    const lines = new Lines();
    const { promise, resolve } = held();
    /** What is on its way to the service. */
    const late: (() => Promise<unknown>)[] = [];
    let isSlow = false;
    const wrap = (inner: DeliveryService, name: string) => {
      const service = lines.wrap(inner, name);
      if (name !== "carol") return service;
      return changed(service, {
        send: async (message, options) => {
          if (isSlow) {
            let answer: (value: unknown) => void = () => undefined;
            const answered = new Promise((done, fail) => {
              answer = done;
              options?.signal?.addEventListener("abort", () => fail(new Error("killed")));
            });
            late.push(async () =>
              answer(
                await world.delivery
                  .connect("carol", new Uint8Array(32))
                  .send(message)
                  .catch((error) => console.log(error)),
              ),
            );
            await answered;
            return "";
          }
          // What was on its way arrives just before.
          if (late.length > 0) setTimeout(lines.hold("carol"), 300);
          for (const one of late.splice(0)) await one();
          return service.send(message);
        },
      });
    };
    const world = new World({ members: "unchecked", wrap, engine: { proposalWait: 600_000 } });
    const people = (await world.people("alice", "bob", "carol")) as [Someone, Someone, Someone];
    const [alice0, bob, carol0] = people;
    const [c, b, a0] = (await together([carol0, bob, alice0])) as [Conversation, Conversation, Conversation];
    await agree(people, [a0, b, c]);
    for (const one of people) await one.messenger.settled();
    isSlow = true;
    await c.send("one");
    await c.send("two");
    await new Promise((done) => setTimeout(done, 50));
    expect(late.length).toBe(1);
    const [alice, a] = await lines.again(alice0, a0);
    await agree([alice, bob, carol0], [a, b, c]);
    let carol = carol0;
    if (isRestarted) {
      await carol0.messenger.close();
      isSlow = false;
      carol = await carol0.reopen();
    } else {
      isSlow = false;
      for (const one of late.splice(0)) await one();
    }
    void promise;
    resolve();
    await until([alice], () => hasHeard(alice, "one") && hasHeard(alice, "two"));
    await until([bob], () => hasHeard(bob, "two") && hasHeard(bob, "one"));
    await carol.messenger.settled();
    expect([await said(a), await said(b)]).toEqual(Array(2).fill(["carol: one", "carol: two"]));
  },
  15_000,
);
