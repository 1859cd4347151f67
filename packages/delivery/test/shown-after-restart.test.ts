// Who joins again shows who came and went meanwhile, also if it ended while it joined.
import { type Conversation, DeliveryError, type DeliveryService } from "@copse/delivery";
import { expect, it } from "vitest";
import { withMallory } from "./support/insider.js";
import { commits, isBack, Line, NEVER } from "./support/led.js";
import { held } from "./support/lines.js";
import { isNamed } from "./support/outlaw.js";
import { type Someone, until } from "./support/people.js";
import { changed } from "./support/unreliable.js";

it.each([false, true])(
  "who joins again shows who is missing where it was led (it ended while it joined: %s)",
  async (isRestarted) => {
    const line = new Line();
    let isDown = isRestarted;
    const tried = held();
    const wrap = (service: DeliveryService, name: string) =>
      changed(line.wrap(service, name), {
        submit: async (...args) => {
          if (name !== "carol" || !isDown || line.groupInfo === undefined) return service.submit(...args);
          tried.resolve();
          throw new DeliveryError("unavailable", "the line is bad");
        },
      });
    const { people, all, copy } = await withMallory(["alice", "bob", "carol"], { wrap, engine: NEVER });
    const carol = people[2] as Someone;
    const [a, b, c] = all as [Conversation, Conversation, Conversation];
    await carol.messenger.close();
    await commits(5, people.slice(0, 2), [a, b]);
    line.groupInfo = await (
      await copy.commit({ forcePath: true, remove: isNamed("alice", "bob") })
    ).groupInfo();
    line.isExpired = true;
    let again = await carol.reopen();
    if (isRestarted) {
      await tried.promise;
      await again.messenger.close();
      isDown = false;
      again = await again.reopen();
    }
    await until([again], () => isBack(again));
    const entries = (await again.messenger.conversation(c.id)?.history({ limit: 100 })) ?? [];
    const removed = entries.flatMap((one) => (one.kind === "members" ? one.removed : []));
    expect(removed.map(({ user }) => user).sort()).toEqual(["alice", "bob"]);
  },
);
