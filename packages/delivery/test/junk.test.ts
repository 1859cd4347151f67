// RFC 9420 §12.4.2, RFC 9750 §5.2: commits of an insider that the service takes and members refuse: all of them, or some.
import { generateSigner } from "@copse/core";
import { memoryStorage } from "@copse/core/storage";
import { DeliveryError, type DeliveryService } from "@copse/delivery";
import { expect, it } from "vitest";
import { type Junk, spoilt, submitJunk } from "./support/mallory.js";
import {
  agree,
  conversationOf,
  crypto,
  heard,
  names,
  problems,
  type Someone,
  SUITE,
  together,
  until,
  World,
  type WorldOptions,
} from "./support/people.js";
import { changed, watching } from "./support/unreliable.js";

/** Alice, Bob, Carol and Mallory at leaves 0 to 3; Mallory's messenger is closed when the junk is there. */
async function infiltrated(junk: Junk, options: WorldOptions = {}) {
  const world = new World(options);
  const signer = await generateSigner(crypto, SUITE);
  const [alice, bob, carol] = (await world.people("alice", "bob", "carol")) as [Someone, Someone, Someone];
  const mallory = await world.person("mallory", { signer });
  await mallory.messenger.settled();
  const [a, b, c, m] = (await together([alice, bob, carol, mallory])) as [C, C, C, C];
  await agree([alice, bob, carol, mallory], [a, b, c, m]);
  const service = world.connect("mallory", signer.publicKey);
  const before = a.epoch;
  await submitJunk(service, m, signer, junk);
  await mallory.messenger.close();
  return { people: [alice, bob, carol], all: [a, b, c], before };
}

/** The group goes on: everybody can change it, speak in it and be heard. */
async function goesOn(people: readonly Someone[], all: readonly C[]) {
  await all[2]?.update();
  await all[0]?.update();
  for (const one of all) await (await one.send("here")).sent;
  for (const [i, one] of people.entries()) expect(await heard(one, all[i] as C, 3)).toHaveLength(3);
  await agree(people, all);
}

const blamed = ({ events }: Someone) =>
  events.flatMap((one) =>
    one.kind === "problem" && one.problem.code === "junk" ? [one.problem.who?.user] : [],
  );

it("goes on after a commit that all refuse, with its sender blamed, and its GroupInfo replaced", async () => {
  const junk: Junk = { path: spoilt(0, 1), confirmationTag: new Uint8Array(32), beside: "nothing" };
  const { people, all, before } = await infiltrated(junk);
  await until(people, () => people.every((one) => blamed(one).length > 0));
  for (const one of people) expect(blamed(one)).toEqual(["mallory"]);
  await goesOn(people, all);
  expect(all[0]?.epoch).toBeGreaterThanOrEqual(before + 2n);
  // The GroupInfo is one by which a client can join that has lost everything but its signer.
  const carol = people[2] as Someone;
  await carol.messenger.close();
  const again = await carol.reopen({ storage: memoryStorage() });
  const c = await again.messenger.join(all[0]?.id as string);
  await agree([...people.slice(0, 2), again], [...all.slice(0, 2), c]);
  expect(names(c)).toEqual(["alice", "bob", "carol", "mallory"]);
});

it("commits soon after one that all refuse, though nobody has anything to change", async () => {
  const junk: Junk = { path: spoilt(0, 1), confirmationTag: new Uint8Array(32), beside: "nothing" };
  const { people, all, before } = await infiltrated(junk);
  await until(people, () => all.every(({ epoch }) => epoch > before));
  await agree(people, all);
});

it("commits what it was about to when junk came first", async () => {
  let isHeld = false;
  let reached: () => void = () => undefined;
  let open: () => void = () => undefined;
  const isReached = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const hold = () => {
    if (!isHeld) return undefined;
    reached();
    return gate;
  };
  const world = new World({
    wrap: (one, name) => (name === "alice" ? watching(one, "submit", hold) : one),
    // Bob doesn't commit before her.
    engine: { proposalWait: 600_000 },
  });
  const signer = await generateSigner(crypto, SUITE);
  const [alice, bob] = (await world.people("alice", "bob")) as [Someone, Someone];
  const mallory = await world.person("mallory", { signer });
  await mallory.messenger.settled();
  const [a, b, m] = (await together([alice, bob, mallory])) as [C, C, C];
  await agree([alice, bob, mallory], [a, b, m]);
  isHeld = true;
  const update = a.update();
  await isReached;
  const junk: Junk = { path: spoilt(0), confirmationTag: new Uint8Array(32), beside: "nothing" };
  await submitJunk(world.connect("mallory", signer.publicKey), m, signer, junk);
  await mallory.messenger.close();
  open();
  await update;
  await agree([alice, bob], [a, b]);
  expect(a.epoch).toBe(m.epoch + 1n);
});

it("has who alone can't take a commit join again, without waiting for anybody", async () => {
  const { people, all, before } = await infiltrated({ path: spoilt(0), isConfirmed: true, beside: "right" });
  const carol = people[2] as Someone;
  await carol.until(
    (one) => one.kind === "problem" && one.problem.message.includes("has joined the group again"),
  );
  await agree(people, all);
  expect(blamed(carol)).toEqual(["mallory"]);
  expect(all[0]?.epoch).toBe(before + 2n);
  // The others see that she was there before.
  const alice = people[0] as Someone;
  const told = await alice.until((one) => one.kind === "members" && one.entry.rejoined.length > 0);
  expect(told).toMatchObject({ entry: { added: [], removed: [], rejoined: [{ user: "carol" }] } });
  await goesOn(people, all);
});

it("says and commits nothing until it knows where the others are, however long the service can't tell", async () => {
  let left = 30;
  const refuse = () => {
    if (left-- > 0) throw new DeliveryError("unavailable", "the GroupInfo can't be had now");
  };
  const wrap = (one: DeliveryService, name: string) =>
    name === "carol" ? watching(one, "groupInfo", refuse) : one;
  const { people, all, before } = await infiltrated(
    { path: spoilt(0), isConfirmed: true, beside: "right" },
    { wrap },
  );
  await until(people, () => left < 0);
  await agree(people, all);
  // The commit that she couldn't take, and that by which she joined again.
  expect(all[0]?.epoch).toBe(before + 2n);
  await goesOn(people, all);
});

it("has all join again, one after the other, if nobody can take a commit whose GroupInfo is right", async () => {
  const { people, all } = await infiltrated({ path: spoilt(0, 1), isConfirmed: true, beside: "right" });
  await until(people, () =>
    people.every((one) => problems(one).join().includes("has joined the group again")),
  );
  await agree(people, all);
  await goesOn(people, all);
});

it("has it join again, though the service lets it read nothing of what the others did since", async () => {
  let isOpen: Promise<unknown> | undefined;
  const wrap = (service: DeliveryService, name: string) =>
    name !== "carol"
      ? service
      : changed(service, {
          groupInfo: async (groupId, options) => {
            await isOpen;
            return service.groupInfo(groupId, options);
          },
        });
  const world = new World({ wrap });
  const signer = await generateSigner(crypto, SUITE);
  const people = (await world.people("alice", "bob", "carol")) as [Someone, Someone, Someone];
  const mallory = await world.person("mallory", { signer });
  await mallory.messenger.settled();
  const [a, b, c, m] = (await together([...people, mallory])) as [C, C, C, C];
  await agree([...people, mallory], [a, b, c, m]);
  // She looks at the GroupInfo only when the others are further.
  isOpen = until(people, () => a.epoch >= m.epoch + 2n && b.epoch >= m.epoch + 2n);
  const service = world.connect("mallory", signer.publicKey);
  await submitJunk(service, m, signer, { path: spoilt(0), isConfirmed: true, beside: "right" });
  await mallory.messenger.close();
  await until(people, () => a.epoch > m.epoch && b.epoch > m.epoch);
  await a.update();
  await agree(people, [a, b, c]);
  await goesOn(people, [a, b, c]);
});

it.each(["present", "nothing"] as const)(
  "has it find the others, though the GroupInfo beside the commit is wrong: %s",
  async (beside) => {
    const { people, all } = await infiltrated({ path: spoilt(0), isConfirmed: true, beside });
    await agree(people, all);
    await goesOn(people, all);
    expect(problems(people[2] as Someone).join()).toContain("has joined the group again");
    expect(await conversationOf(people[0] as Someone, all[0]?.id as string)).toBe(all[0]);
  },
);

type C = Awaited<ReturnType<typeof together>>[number];
