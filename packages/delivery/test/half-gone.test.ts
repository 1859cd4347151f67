// Who was removed isn't owed what was said while others may have been elsewhere, and needn't be heard before that ends.
import type { Conversation } from "@copse/delivery";
import { expect, it } from "vitest";
import { disturb, tell, withMallory } from "./support/insider.js";
import { commits, NEVER, type Three } from "./support/led.js";
import { Lines } from "./support/lines.js";
import { agree, conversationOf, type Someone, said } from "./support/people.js";

it.each(["before", "after"])(
  "what all have heard isn't said again to who came later, when more than half are gone (%s the rest were heard)",
  async (when) => {
    const lines = new Lines();
    const options = { wrap: lines.wrap, engine: NEVER };
    const insider = await withMallory(["alice", "bob", "carol", "dave", "erin"], options);
    const { world, people, all } = insider;
    const [zed] = (await world.people("zed")) as [Someone];
    const three = people.slice(0, 3) as Three<Someone>;
    const [a, b, c] = all as Three<Conversation>;
    await disturb(people, insider);
    const shrink = () => a.remove(["mallory", "dave", "erin"]);
    if (when === "before") await shrink();
    await agree(three, [a, b, c]);
    // So many commits of others end that it counts which were refused.
    for (const one of [a, b, a, b]) await commits(3, three, [one, ...[a, b, c].filter((two) => two !== one)]);
    if (when === "after") await shrink();
    await agree(three, [a, b, c]);
    await tell("long ago", c, three);
    for (const one of [a, b]) await tell(`heard by ${one === a ? "Alice" : "Bob"}`, one, three);
    await a.invite(["zed"]);
    const z = await conversationOf(zed, a.id);
    await agree([...three, zed], [a, b, c, z]);
    const [, c2] = await lines.again(three[2], c);
    await tell("hello Zed", c2, [zed]);
    expect(await said(z)).toEqual(["carol: hello Zed"]);
  },
);
