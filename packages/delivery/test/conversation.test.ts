// Conversations of two and three clients, over a service that checks who is a member.
import { describe, expect, it } from "vitest";
import {
  agree,
  conversationOf,
  heard,
  isRemoved,
  names,
  problems,
  said,
  together,
  until,
  World,
} from "./support/people.js";

describe("a conversation", () => {
  it("is begun, talked in, and read again in the history by all its members", async () => {
    const people = await new World().people("alice", "bob", "carol");
    const [alice, bob] = people as [(typeof people)[0], (typeof people)[0]];
    const all = await together(people, "Birds");
    expect(all.map(({ name }) => name)).toEqual(["Birds", "Birds", "Birds"]);
    expect(all.map(names)).toEqual(Array(3).fill(["alice", "bob", "carol"]));
    const [a, b] = all as [(typeof all)[0], (typeof all)[0]];
    const sent = await (await a.send("Hello!")).sent;
    await heard(bob, b, 1);
    await (await b.send("Hello, Alice!")).sent;
    for (const [i, one] of people.entries())
      expect(await heard(one, all[i] as typeof a, 2)).toEqual(["alice: Hello!", "bob: Hello, Alice!"]);
    expect(sent.sender).toMatchObject({ user: "alice", own: true });
    expect(people.flatMap(problems)).toEqual([]);
    expect(await said(a)).toEqual(await said(b));
    expect(await a.safetyNumber(b.members.find(({ own }) => own))).toBe(
      await b.safetyNumber(a.members.find(({ own }) => own)),
    );
    expect(await a.safetyNumber()).toBe(await b.safetyNumber());
    expect(await a.safetyNumber()).toMatch(/^(\d{5} ){11}\d{5}$/);
    expect(alice.messenger.conversations).toEqual([a]);
  });

  it("shows who was invited, removed, and who left", async () => {
    const people = await new World().people("alice", "bob", "carol", "dave");
    const [alice, bob, carol, dave] = people as [P, P, P, P];
    const [a, b, c] = (await together([alice, bob, carol])) as [C, C, C];
    await b.invite(["dave"]);
    const d = await conversationOf(dave, a.id);
    await agree(people, [a, b, c, d]);
    await a.remove(["carol"]);
    await carol.until(isRemoved);
    expect(c.state).toBe("removed");
    await b.leave();
    expect(b.state).toBe("left");
    for (const one of [alice, dave])
      await one.until((event) => event.kind === "members" && event.entry.left.length > 0);
    await agree([alice, dave], [a, d]);
    const entries = await d.history();
    const changes = entries.flatMap((one) => (one.kind === "members" ? [one] : []));
    expect(changes.map(({ by, removed, left }) => [by.user, removed[0]?.user, left[0]?.user])).toEqual([
      ["bob", undefined, undefined],
      ["alice", "carol", undefined],
      [expect.stringMatching("alice|dave"), "bob", "bob"],
    ]);
    await expect(b.send("too late")).rejects.toMatchObject({ code: "left", retry: "never" });
    await expect(c.send("too late")).rejects.toMatchObject({ code: "removed" });
    expect(carol.events.filter(isRemoved)).toHaveLength(1);
    expect(people.flatMap(problems)).toEqual([]);
  });

  it("has read what others did a moment ago when it is settled", async () => {
    const people = await new World().people("alice", "bob");
    const [alice, bob] = people as [P, P];
    for (let i = 0; i < 3; i++) {
      const a = await alice.messenger.start(["bob"]);
      await (await a.send("one")).sent;
      await bob.messenger.settled();
      expect(await said(bob.messenger.conversation(a.id) as C)).toEqual(["alice: one"]);
      await (await a.send("two")).sent;
      await bob.messenger.settled();
      expect(await said(bob.messenger.conversation(a.id) as C)).toEqual(["alice: one", "alice: two"]);
    }
  });

  it("goes on after a restart, with what was sent meanwhile", async () => {
    const people = await new World().people("alice", "bob");
    const [alice, bob] = people as [P, P];
    const [a, b] = (await together(people)) as [C, C];
    await (await a.send("one")).sent;
    await heard(bob, b, 1);
    await bob.messenger.close();
    await (await a.send("two")).sent;
    await a.update();
    await (await a.send("three")).sent;
    const again = await bob.reopen();
    await until([again], () => again.messenger.conversation(a.id)?.state === "active");
    const b2 = again.messenger.conversation(a.id) as C;
    expect(await said(b2)).toEqual(["alice: one", "alice: two", "alice: three"]);
    await (await b2.send("four")).sent;
    expect((await heard(alice, a, 4)).at(-1)).toBe("bob: four");
    expect(problems(again)).toEqual([]);
  });
});

type P = Awaited<ReturnType<World["people"]>>[number];
type C = Awaited<ReturnType<typeof together>>[number];
