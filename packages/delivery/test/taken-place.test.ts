// A commit with a client's own key that takes its place: of another process, or one whose state it has given up.
import { generateSigner } from "@copse/core";
import { memoryStorage } from "@copse/core/storage";
import { type Conversation, DeliveryError } from "@copse/delivery";
import { expect, it } from "vitest";
import { joinFromOutside, outlaw } from "./support/outlaw.js";
import { agree, crypto, type Someone, SUITE, together, until, World } from "./support/people.js";
import { changed } from "./support/unreliable.js";

const NEVER = { proposalWait: 600_000 };

async function two(world: World) {
  const alice = await world.person("alice");
  const signer = await generateSigner(crypto, SUITE);
  const bob = await world.person("bob", { signer });
  await bob.messenger.settled();
  const [a, b] = (await together([alice, bob])) as [Conversation, Conversation];
  await bob.messenger.settled();
  return { alice, bob, signer, a, b };
}

it("who has found it taken joins again, after a restart too", async () => {
  let isDown = false;
  const world = new World({
    members: "unchecked",
    engine: NEVER,
    wrap: (service, name) =>
      name !== "bob"
        ? service
        : changed(service, {
            groupInfo: async (...args) => {
              if (isDown) throw new DeliveryError("unavailable", "it is down");
              return service.groupInfo(...args);
            },
          }),
  });
  const { alice, bob, signer, a, b } = await two(world);
  isDown = true;
  await joinFromOutside(
    await outlaw("bob", signer),
    world.delivery.connect("bob", signer.publicKey),
    a.groupId,
    true,
  );
  await until([bob], () => b.state === "joining");
  await bob.messenger.close();
  isDown = false;
  const again = await bob.reopen();
  const back = again.messenger.conversation(a.id) as Conversation;
  await until([again], () => back.state === "active" && back.group?.active === true);
  await agree([alice, again], [a, back]);
});

it("two copies of a client take each other's place ever more seldom", async () => {
  const world = new World({ members: "unchecked", engine: { ...NEVER, longestWait: 5000 } });
  const { bob, signer, a } = await two(world);
  await bob.messenger.close();
  const storage = memoryStorage();
  await storage.write(await bob.storage.list(""), []);
  await bob.reopen();
  const copy: Someone = await world.person("bob", { signer, storage });
  copy.messenger
    .conversation(a.id)
    ?.update()
    .catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  // Waits that double, from 5 ms on: about ten of each.
  expect(a.epoch).toBeLessThan(40n);
});
