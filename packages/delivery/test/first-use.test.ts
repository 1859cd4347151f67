// What is told to who uses it for the first time: once, and so that one knows what to do.
import { generateSigner } from "@copse/core";
import { memoryStorage, sealedStorage } from "@copse/core/storage";
import {
  type Conversation,
  DeliveryError,
  type DeliveryService,
  type MembersEntry,
  MessengerError,
  openMessenger,
} from "@copse/delivery";
import { DELIVERY_METHODS } from "@copse/delivery/service";
import { nodeStorageCipher } from "@copse/provider-node/storage";
import { describe, expect, it } from "vitest";
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
} from "./support/people.js";

/** A service that lacks methods. */
const without = (...names: readonly string[]) => ({
  ordering: "service",
  ...Object.fromEntries(
    DELIVERY_METHODS.filter((name) => !names.includes(name)).map((name) => [name, () => {}]),
  ),
});

describe("an error", () => {
  it("says in one way whether to try again", () => {
    const words = (code: ConstructorParameters<typeof MessengerError>[0]) =>
      new MessengerError(code, "").retry;
    expect((["aborted", "unknown-user", "limit", "refused", "closed", "taken"] as const).map(words)).toEqual([
      ...["now", "later", "later", "never", "never", "never"],
    ]);
    const limit = (retryAfter?: number) =>
      new DeliveryError("limit", "", retryAfter === undefined ? {} : { retryAfter });
    expect([new DeliveryError("unavailable", ""), limit(5), limit()].map(({ retry }) => retry)).toEqual([
      ...["later", "later", "never"],
    ]);
  });

  it.each([
    ["nothing at all", undefined, "expected options.storage: a client storage, got undefined"],
    ["no service", { delivery: undefined }, "expected options.delivery: a delivery service"],
    [
      "a function that gives no service",
      { delivery: () => undefined },
      "expected the function options.delivery to return",
    ],
    ["something else as a service", { delivery: async () => ({ url: "" }) }, "got an object with url"],
    ["half a service", { delivery: without("clearInbox", "send") }, "got an object without send, clearInbox"],
    [
      "half a service of a function",
      { delivery: async () => without("close") },
      "or a promise of one; got an object without close",
    ],
    ["an accept that is none", { accept: true }, "expected options.accept: a function, got boolean"],
  ])("says what was expected: %s", async (_, options, message) => {
    const opened =
      options === undefined ? openMessenger(options as never) : new World().person("alice", options as never);
    const error: unknown = await opened.catch((error: unknown) => error);
    expect(error).toBeInstanceOf(MessengerError);
    expect(error).toMatchObject({ code: "usage", message: expect.stringContaining(message) });
  });
});

describe("two messengers on one storage", () => {
  it.each([
    ["plain", memoryStorage],
    ["sealed", () => sealedStorage(memoryStorage(), nodeStorageCipher(new Uint8Array(32)))],
  ])("the first ends, and overwrites nothing (%s)", async (_, make) => {
    const world = new World();
    const storage = make();
    const [alice] = (await world.people("alice")) as [Someone];
    const signer = await generateSigner(crypto, SUITE);
    const bob = await world.person("bob", { storage, signer });
    await bob.messenger.settled();
    const [a, b] = (await together([alice, bob])) as [Conversation, Conversation];
    // As another process would.
    const again = await world.person("bob", { storage, signer });
    const b2 = await conversationOf(again, a.id);
    await until([again], () => b2.state === "active");
    const taken = { code: "taken", retry: "never", message: expect.stringContaining("turn") };
    await expect(b.send("by the first")).rejects.toMatchObject(taken);
    await expect(b.update()).rejects.toMatchObject(taken);
    await expect(bob.messenger.start(["alice"])).rejects.toMatchObject(taken);
    await expect(bob.messenger.settled()).rejects.toMatchObject(taken);
    expect(problems(bob).filter((one) => one.startsWith("storage: another messenger"))).toHaveLength(1);
    await (await b2.send("by the second")).sent;
    await (await a.send("to the second")).sent;
    await heard(again, b2, 2);
    expect(await texts(b2)).toEqual(["alice added bob", "by the second", "to the second"]);
    expect(problems(again)).toEqual([]);
  });

  it("the first ends also if it only reads", async () => {
    const world = new World();
    const signer = await generateSigner(crypto, SUITE);
    const [alice] = (await world.people("alice")) as [Someone];
    const bob = await world.person("bob", { signer });
    await bob.messenger.settled();
    const [a, b] = (await together([alice, bob])) as [Conversation, Conversation];
    const again = await world.person("bob", { storage: bob.storage, signer });
    const b2 = await conversationOf(again, a.id);
    for (let i = 0; i < 5; i++) await (await a.send(`${i}`)).sent;
    await heard(again, b2, 5);
    expect(await texts(b2)).toEqual(["alice added bob", "0", "1", "2", "3", "4"]);
    await expect(b.history()).rejects.toMatchObject({ code: "taken" });
  });
});

/** The history in words. */
async function texts(one: Conversation): Promise<string[]> {
  return (await one.history()).map((entry) => {
    if (entry.kind === "message") return entry.text;
    const { by, added, removed } = entry;
    const of = (people: MembersEntry["added"]) => people.map(({ user }) => user).join(" and ");
    return [by.user, added.length > 0 && `added ${of(added)}`, removed.length > 0 && `removed ${of(removed)}`]
      .filter(Boolean)
      .join(" ");
  });
}

describe("each thing is told once", () => {
  /** What was told, without what belongs to MLS and the line. */
  const told = ({ events }: Someone): string[] =>
    events.flatMap((event) => {
      if (event.kind === "message") return [event.entry.text];
      if (event.kind === "members") {
        const { by, added, removed } = event.entry;
        return [`${by.user} +${added.map(({ user }) => user)} -${removed.map(({ user }) => user)}`];
      }
      if (event.kind === "problem") return [event.problem.message];
      return ["conversation", "invitation"].includes(event.kind) ? [event.kind] : [];
    });

  it("that one is invited, joins, is removed, and joins again; and all of it is in the history", async () => {
    const people = (await new World().people("alice", "bob")) as [Someone, Someone];
    const [alice, bob] = people;
    const [a, b] = (await together(people)) as [Conversation, Conversation];
    await (await a.send("one")).sent;
    await heard(bob, b, 1);
    await a.remove(["bob"]);
    await until([bob], () => b.state === "removed");
    await a.invite(["bob"]);
    await until([bob], () => bob.messenger.conversation(a.id)?.state === "active");
    const before = ["conversation", "alice +bob -", "one", "alice + -bob"];
    expect(told(bob)).toEqual([...before, "conversation", "alice +bob -"]);
    expect(told(alice).sort()).toEqual(
      ["conversation", "alice +bob -", "one", "alice + -bob", "alice +bob -"].sort(),
    );
    const again = await conversationOf(bob, a.id);
    expect(await texts(again)).toEqual(["alice added bob", "one", "alice removed bob", "alice added bob"]);
    expect(await texts(again)).toEqual(await texts(a));
    const { messenger } = await bob.reopen();
    expect(await texts(messenger.conversation(a.id) as Conversation)).toEqual(await texts(a));
  });

  it("a conversation before what happens in it, and nothing of what didn't come to be", async () => {
    const [alice, bob] = (await new World().people("alice", "bob")) as [Someone, Someone];
    const a = await alice.messenger.start(["bob"]);
    await alice.messenger.start(["nobody"]).catch(() => undefined);
    await bob.messenger.settled();
    for (const { events } of [alice, bob]) {
      const ofOne = events.filter((one) => "conversation" in one);
      expect(ofOne.map(({ kind }) => kind).slice(0, 2)).toEqual(["conversation", "members"]);
      expect(ofOne.every(({ conversation }) => conversation?.id === a.id)).toBe(true);
      expect(events.filter(({ kind }) => kind === "conversation")).toHaveLength(1);
    }
    await alice.messenger.close();
    expect(alice.events.at(-1)?.kind).not.toBe("connection");
  });

  it("an invitation that waits, by the event; one that is decided, by what comes of it", async () => {
    const world = new World();
    const [alice] = (await world.people("alice")) as [Someone];
    const bob = await world.person("bob", {
      accept: ({ name }) => (name === "ask" ? undefined : name === "yes"),
    });
    await bob.messenger.settled();
    for (const name of ["no", "ask", "yes"]) await alice.messenger.start(["bob"], { name });
    await bob.messenger.settled();
    expect(told(bob)).toEqual(["invitation", "conversation", "alice +bob -"]);
  });

  it("that a wish can't be fulfilled, by the call; after a restart, by a problem", async () => {
    const world = new World();
    let [alice] = (await world.people("alice")) as [Someone];
    const a = await alice.messenger.start([]);
    await expect(a.invite(["nobody"])).rejects.toMatchObject({ code: "unknown-user" });
    expect(problems(alice)).toEqual([]);
    world.delivery.pause();
    await until([alice], () => a.state === "catching-up");
    const invited = a.invite(["nobody"]);
    await until([alice], () => a.state === "catching-up");
    await new Promise((resolve) => setTimeout(resolve, 5));
    const [again] = await Promise.all([
      alice.reopen(),
      expect(invited).rejects.toMatchObject({ code: "closed" }),
    ]);
    alice = again;
    world.delivery.restart();
    await alice.messenger.settled();
    expect(problems(alice).filter((one) => one.startsWith("change: invite nobody: "))).toHaveLength(1);
  });

  it("that the service can't be reached, by `connection`, with the reason, also at the first start", async () => {
    const world = new World();
    const [alice] = (await world.people("alice")) as [Someone];
    for (let i = 0; i < 3; i++) await alice.messenger.start([]);
    const lines = ({ events }: Someone) =>
      events.filter((one) => one.kind === "connection" || one.kind === "problem");
    const before = lines(alice).length;
    world.delivery.pause();
    await until([alice], () => !alice.messenger.connected);
    const late = await world.person("late");
    await late.until(({ kind }) => kind === "connection");
    expect(lines(late)).toMatchObject([
      { kind: "connection", connected: false, cause: { code: "unavailable" } },
    ]);
    for (const one of alice.messenger.conversations) await until([alice], () => one.state === "catching-up");
    expect(lines(alice).slice(before)).toMatchObject([{ connected: false, cause: { code: "unavailable" } }]);
    world.delivery.restart();
    await alice.messenger.settled();
    expect(lines(alice).slice(before + 1)).toEqual([
      { kind: "connection", connected: true, cause: undefined },
    ]);
  });

  it("that a message is refused, by `sent` if that is asked for", async () => {
    let isFull = false;
    const wrap = (service: DeliveryService): DeliveryService => {
      const send = service.send.bind(service);
      service.send = async (...args) => {
        if (isFull) throw new DeliveryError("limit", "the quota is used up");
        return send(...args);
      };
      return service;
    };
    const [alice] = (await new World({ wrap }).people("alice")) as [Someone];
    const a = await alice.messenger.start([]);
    isFull = true;
    await expect((await a.send("asked")).sent).rejects.toMatchObject({ code: "refused", retry: "never" });
    expect(problems(alice)).toEqual([]);
    await a.send("not asked");
    await alice.until(({ kind }) => kind === "problem");
    expect(problems(alice)).toEqual(["delivery: the service refuses a message"]);
  });
});

describe("a service that refuses for good", () => {
  const refusing = (
    error: DeliveryError,
    calls: readonly string[],
    when: { isOn: boolean } = { isOn: true },
  ) => {
    const wrap = (service: DeliveryService): DeliveryService =>
      new Proxy(service, {
        get(target, name: keyof DeliveryService) {
          const value: unknown = target[name];
          if (typeof value !== "function") return value;
          const call = value.bind(target) as (...args: readonly unknown[]) => unknown;
          if (!calls.includes(name)) return call;
          return (...args: readonly unknown[]) => {
            if (!when.isOn) return call(...args);
            const failing = Promise.reject(error);
            failing.catch(() => undefined);
            if (name !== "inbox" && name !== "subscribe") return failing;
            return {
              [Symbol.asyncIterator]: () => ({ next: () => failing, return: async () => ({ done: true }) }),
            };
          };
        },
      });
    return wrap;
  };
  const gone = new DeliveryError("forbidden", "the account is gone");
  const all = ["publishKeyPackages", "countKeyPackages", "withdrawKeyPackages", "claimKeyPackages"];
  const everything = [
    ...all,
    "submit",
    "send",
    "groupInfo",
    "publishGroupInfo",
    "inbox",
    "subscribe",
    "clearInbox",
  ];

  it.each([
    ["everything", everything, gone],
    ["the inbox", ["inbox"], gone],
    ["key packages", ["publishKeyPackages"], new DeliveryError("limit", "the quota is used up")],
  ])("ends settled() and says why: %s", async (_, calls, error) => {
    const alice = await new World({ wrap: refusing(error, calls) }).person("alice");
    const refused = {
      code: "refused",
      retry: "never",
      cause: error,
      message: expect.stringContaining(error.message),
    };
    await expect(alice.messenger.settled()).rejects.toMatchObject(refused);
    expect(problems(alice)).toHaveLength(1);
  });

  it.each([
    ["key packages", ["claimKeyPackages"], gone],
    ["the group", ["submit"], new DeliveryError("limit", "the quota is used up")],
  ])("ends start(), and leaves nothing behind: %s", async (_, calls, error) => {
    const when = { isOn: false };
    const [alice] = (await new World({ wrap: refusing(error, calls, when) }).people("alice", "bob")) as [
      Someone,
    ];
    when.isOn = true;
    await expect(alice.messenger.start(["bob"])).rejects.toMatchObject({ code: "refused", retry: "never" });
    expect(alice.messenger.conversations).toEqual([]);
    when.isOn = false;
    await alice.messenger.settled();
  });

  it("ends settled() when the account is gone later, and is asked again when it is called again", async () => {
    const when = { isOn: false };
    const [alice] = (await new World({ wrap: refusing(gone, everything, when) }).people("alice")) as [
      Someone,
    ];
    await alice.messenger.start([]);
    when.isOn = true;
    const again = await alice.reopen();
    await expect(again.messenger.settled()).rejects.toMatchObject({ code: "refused", cause: gone });
    when.isOn = false;
    await again.messenger.settled();
  });

  it("ends join()", async () => {
    const [alice] = (await new World().people("alice")) as [Someone];
    const joined = alice.messenger.join("0123456789abcdef");
    await expect(joined).rejects.toMatchObject({ code: "refused", cause: { code: "not-found" } });
    await until([alice], () => alice.messenger.conversations.length === 0);
  });
});

describe("removing", () => {
  it("takes one device of a user, and leaves the others", async () => {
    const world = new World();
    const [alice, phone] = (await world.people("alice", "bob")) as [Someone, Someone];
    const laptop = await world.person("bob", { storage: memoryStorage() });
    await laptop.messenger.settled();
    const a = await alice.messenger.start(["bob"]);
    const b = await conversationOf(phone, a.id);
    const lost = await conversationOf(laptop, a.id);
    await agree([alice, phone, laptop], [a, b, lost]);
    const device = b.members.find(({ user, own }) => user === "bob" && !own);
    await b.remove([device as NonNullable<typeof device>]);
    await until([laptop], () => lost.state === "removed");
    await agree([alice, phone], [a, b]);
    expect(names(a)).toEqual(["alice", "bob"]);
    await (await a.send("still here")).sent;
    await heard(phone, b, 1);
    await expect(b.remove([device as NonNullable<typeof device>])).rejects.toMatchObject({
      code: "unknown-user",
    });
  });

  it("refuses who is no member, and what names nobody", async () => {
    const [alice] = (await new World().people("alice", "bob")) as [Someone];
    const a = await alice.messenger.start(["bob"]);
    await expect(a.remove(["bop"])).rejects.toMatchObject({
      code: "unknown-user",
      message: "expected members of the conversation, got bop",
    });
    for (const wrong of ["bob", [{ user: "bob" }], [undefined]])
      await expect(a.remove(wrong as never)).rejects.toMatchObject({ code: "usage" });
    expect(names(a)).toEqual(["alice", "bob"]);
  });
});
