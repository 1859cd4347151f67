// RFC 9420 §12.4, RFC 9750 §5.2: what an insider can put into the log, and the group goes on all the same.
import { Client, generateSigner, insecureAcceptAll } from "@copse/core";
import { type Conversation, DeliveryError, type DeliveryService } from "@copse/delivery";
import { expect, it } from "vitest";
import { framed } from "../src/messenger/wire.js";
import { logOf } from "./support/mallory.js";
import { careless, copyOf, newId, Schemer } from "./support/outlaw.js";
import {
  agree,
  crypto,
  heard,
  problems,
  type Someone,
  SUITE,
  together,
  until,
  World,
} from "./support/people.js";

/** Alice, Bob and Carol, in a group with Mallory, who doesn't keep to the rules. */
async function infiltrated(wrap: (service: DeliveryService) => DeliveryService = careless) {
  const world = new World({ members: "unchecked", wrap });
  const signer = await generateSigner(crypto, SUITE);
  const people = await world.people("alice", "bob", "carol");
  const mallory = await world.person("mallory", { signer });
  await mallory.messenger.settled();
  const all = await together([...people, mallory]);
  await agree([...people, mallory], all);
  const group = await copyOf(all[3]?.group, "mallory", signer);
  await mallory.messenger.close();
  const schemer = await Schemer.at(world.connect("mallory", signer.publicKey), group);
  return { people, all: all.slice(0, -1), schemer };
}

async function goesOn(people: readonly Someone[], all: readonly Conversation[], count = all.length) {
  await Promise.all(all.map((one) => one.update()));
  for (const one of all) await (await one.send("here")).sent;
  for (const [i, one] of people.entries()) await heard(one, all[i] as Conversation, count);
  await agree(people, all);
}

it("goes on after an application message that was submitted as a handshake, and doesn't show it", async () => {
  const { people, all, schemer } = await infiltrated();
  const message = await schemer.group.encrypt(framed(newId(), new TextEncoder().encode("hidden")));
  await schemer.group.commit({ forcePath: true });
  expect(await schemer.submit(await schemer.handshake({ message }))).toBe("accepted");
  await goesOn(people, all);
  for (const one of all) expect(JSON.stringify(await one.history(), withText)).not.toContain("hidden");
});

it("takes no commit that stands among the messages", async () => {
  const { people, all, schemer } = await infiltrated();
  const before = all[0]?.epoch as bigint;
  const staged = await schemer.group.commit({ forcePath: true });
  await schemer.send(staged.commit);
  await until(people, () => people.every((one) => problems(one).some((text) => text.startsWith("junk"))));
  for (const one of all) expect(one.epoch).toBe(before);
  await goesOn(people, all);
});

it("goes on after a commit of the past was submitted again, by anybody", async () => {
  const { people, all, schemer } = await infiltrated();
  await all[0]?.update();
  await all[1]?.update();
  await agree(people, all);
  const log = await logOf(schemer.service, schemer.group.groupId);
  const handshakes = log.filter(({ kind }) => kind === "handshake");
  for (const { message } of handshakes.slice(-2)) {
    schemer.after = (await logOf(schemer.service, schemer.group.groupId))
      .filter(({ kind }) => kind === "handshake")
      .at(-1)?.cursor as string;
    await schemer.group.commit({ forcePath: true, replacePending: true });
    expect(await schemer.submit(await schemer.handshake({ message }))).toBe("accepted");
  }
  await goesOn(people, all);
});

it("leaves a proposal out with which no commit can be made", async () => {
  let isJudging = false;
  const { people, all, schemer } = await infiltrated((service) => {
    const submit = service.submit.bind(service);
    service.submit = async (handshake, options) => {
      if (isJudging && handshake.welcomes.length > 0)
        throw new DeliveryError("invalid", "a Welcome for nobody");
      return submit(handshake, options);
    };
    return service;
  });
  const zed = await Client.create({
    crypto,
    suite: SUITE,
    credential: "zed",
    signer: await generateSigner(crypto, SUITE),
    authentication: insecureAcceptAll(),
    capabilities: { extensions: [0xf0c5, 0x000a] },
  });
  // This service refuses a Welcome for a client that it doesn't know, and the commit with it, which none should.
  isJudging = true;
  await schemer.send(await schemer.group.propose({ add: await zed.createKeyPackage() }));
  await until(people, () => all.every(({ group }) => (group?.proposals.length ?? 0) > 0));
  await goesOn(people, all);
  for (const one of all) expect(one.members.map(({ user }) => user)).not.toContain("zed");
});

const withText = (_: string, value: unknown) => (typeof value === "bigint" ? String(value) : value);
