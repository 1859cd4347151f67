// Many members who change a group at the same time: each commit is accepted or made anew, and all wishes come true.
import { DeliveryError, type DeliveryService } from "@copse/delivery";
import { expect, it } from "vitest";
import { logOf } from "./support/mallory.js";
import {
  agree,
  conversationOf,
  heard,
  names,
  problems,
  said,
  together,
  until,
  World,
} from "./support/people.js";

it("lets everybody invite somebody at once", async () => {
  const world = new World();
  const people = await world.people("alice", "bob", "carol");
  const guests = await world.people("dave", "erin", "frank", "grace", "heidi", "ivan");
  const all = await together(people);
  await Promise.all(guests.map(({ name }, i) => all[i % 3]?.invite([name])));
  const ofGuests = await Promise.all(guests.map((one) => conversationOf(one, all[0]?.id as string)));
  await agree([...people, ...guests], [...all, ...ofGuests]);
  for (const one of [...all, ...ofGuests]) expect(names(one)).toHaveLength(9);
  expect([...people, ...guests].flatMap(problems)).toEqual([]);
});

it("invites nobody twice, though two do it at once", async () => {
  const world = new World();
  const people = await world.people("alice", "bob");
  const [guest] = await world.people("carol");
  const all = await together(people);
  await Promise.all(all.map((one) => one.invite(["carol"])));
  const c = await conversationOf(guest as (typeof people)[0], all[0]?.id as string);
  await agree([...people, guest as (typeof people)[0]], [...all, c]);
  expect(names(c)).toEqual(["alice", "bob", "carol"]);
  expect(await Promise.all(all.map((one) => one.remove(["carol"])))).toHaveLength(2);
  await until(people, () => all.every((one) => names(one).length === 2));
  await expect(all[0]?.remove(["carol"])).rejects.toMatchObject({ code: "unknown-user" });
});

it("loses no message, repeats none and keeps their order while the keys change all the time", async () => {
  const people = await new World().people("alice", "bob", "carol", "dave");
  const all = await together(people);
  const COUNT = 12;
  await Promise.all(
    all.flatMap((one, who) => [
      (async () => {
        for (let i = 0; i < COUNT; i++) await one.send(`${who} ${i}`);
      })(),
      (async () => {
        for (let i = 0; i < 3; i++) await one.update();
      })(),
    ]),
  );
  for (const [i, one] of people.entries()) {
    const heardHere = await heard(one, all[i] as (typeof all)[0], 4 * COUNT);
    expect(new Set(heardHere).size).toBe(4 * COUNT);
    for (let who = 0; who < 4; who++) {
      const from = heardHere.flatMap((text) => (text.includes(`: ${who} `) ? [text.split(" ").at(-1)] : []));
      expect(from).toEqual(Array.from({ length: COUNT }, (_, n) => `${n}`));
    }
  }
  const logs = await Promise.all(all.map(said));
  for (const log of logs) expect(log).toEqual(logs[0]);
  expect(people.flatMap(problems)).toEqual([]);
});

it("hands a message over once, though the log is read to its end before the service has it", async () => {
  let calls = 0;
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  let isHeld: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    isHeld = resolve;
  });
  const wrap = (service: DeliveryService, name: string) => {
    if (name !== "bob") return service;
    const send = service.send.bind(service);
    service.send = async (message, options) => {
      calls++;
      if (calls === 1) throw new DeliveryError("unavailable", "the request was lost");
      if (calls === 2) {
        isHeld();
        await gate;
      }
      return send(message, options);
    };
    return service;
  };
  const world = new World({ members: "unchecked", wrap, engine: { firstWait: 50 } });
  const people = await world.people("alice", "bob");
  const [alice, bob] = people as [(typeof people)[0], (typeof people)[0]];
  const all = await together(people);
  const [a, b] = all as [(typeof all)[0], (typeof all)[0]];
  const sending = b.send("once");
  // When it is handed over again, it is encrypted for another epoch.
  await until(people, () => calls === 1);
  await a.update();
  const { sent } = await sending;
  await held;
  const from = bob.events.length;
  world.delivery.restart();
  const states = () => bob.events.slice(from).flatMap((one) => (one.kind === "state" ? [one.state] : []));
  await until([bob], () => states().includes("active"));
  open();
  await sent;
  await bob.messenger.settled();
  expect(await heard(alice, a, 1)).toEqual(["bob: once"]);
  const log = await logOf(world.connect("alice", alice.messenger.client.signatureKey), a.groupId);
  expect(log.filter(({ kind }) => kind === "message")).toHaveLength(1);
});
