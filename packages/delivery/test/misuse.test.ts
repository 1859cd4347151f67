// What an application passes that isn't right, and what it does wrong itself: it is told what was expected, and what came.
import { insecureAcceptAll, MlsError } from "@copse/core";
import { memoryStorage } from "@copse/core/storage";
import { type Conversation, type MessengerEvent, memoryDelivery, openMessenger } from "@copse/delivery";
import { expect, it } from "vitest";
import { crypto as CRYPTO, type Someone, SUITE, together, until, World } from "./support/people.js";

const usage = (...parts: readonly string[]) => ({
  code: "usage",
  message: expect.stringMatching(new RegExp(parts.join(".*"))),
});

it("says what was expected, and what came", async () => {
  const world = new World();
  const people = (await world.people("alice", "bob")) as [Someone, Someone];
  const [a] = (await together(people)) as [Conversation];
  const { messenger } = people[0];
  const calls: [() => unknown, ReturnType<typeof usage>][] = [
    [() => messenger.start("bob" as never), usage("array of up to 1000 users", "string")],
    [() => messenger.start(["bob"], { name: 5 as never }), usage("a text")],
    [() => messenger.join("zz"), usage("hexadecimal", '"zz"')],
    [() => messenger.join(undefined as never), usage("hexadecimal", "undefined")],
    [() => a.invite("bob" as never), usage("array of up to 1000 users", "string")],
    [() => a.safetyNumber("bob" as never), usage("a member", "string")],
    [async () => messenger.on(undefined as never), usage("a function", "undefined")],
  ];
  const carol = await world.person("carol", { accept: () => undefined });
  await carol.messenger.settled();
  await a.invite(["carol"]);
  await until([carol], () => carol.messenger.invitations.length > 0);
  calls.push([
    () => carol.messenger.invitations[0]?.safetyNumber("alice" as never),
    usage("a member", "string"),
  ]);
  for (const [call, expected] of calls) await expect(call()).rejects.toMatchObject(expected);
});

it("is not opened over a service for another user than the credential's, and closes that one", async () => {
  const service = memoryDelivery().connect("bob", "phone");
  const options = {
    storage: memoryStorage(),
    crypto: CRYPTO,
    suite: SUITE,
    authentication: insecureAcceptAll(),
  };
  const opened = openMessenger({ ...options, credential: "alice", delivery: () => service });
  await expect(opened).rejects.toMatchObject(usage('the user of the credential, "alice", got one for "bob"'));
  await expect(service.countKeyPackages(SUITE)).rejects.toMatchObject({ code: "closed" });
});

it("tells by a problem that a listener threw, and tells the others all the same", async () => {
  const world = new World();
  const people = (await world.people("alice", "bob")) as [Someone, Someone];
  const [alice, bob] = people;
  const heard: MessengerEvent[] = [];
  alice.messenger.on((event) => {
    if (event.kind === "message") throw new Error("its own");
  });
  alice.messenger.on(async (event) => {
    if (event.kind === "message" || event.kind === "problem") throw new Error("its own, later");
  });
  alice.messenger.on((event) => void heard.push(event));
  const [, b] = (await together(people)) as [Conversation, Conversation];
  await b.send("hello");
  const found = () => heard.flatMap((one) => (one.kind === "problem" ? [one.problem] : []));
  await until([alice, bob], () => found().length > 1);
  expect(found().map(({ code, message }) => `${code}: ${message}`)).toEqual(
    Array(2).fill("application: a listener threw at the event message"),
  );
  expect(found().map(({ cause }) => (cause as Error).message)).toEqual(["its own", "its own, later"]);
  expect(heard.filter(({ kind }) => kind === "message")).toHaveLength(1);
});

it("tells by a problem of the application that its authentication service fails", async () => {
  const world = new World();
  let isDown = false;
  const authentication = {
    ...insecureAcceptAll(),
    validate: async () => {
      if (isDown) throw new Error("it is down");
      return true;
    },
  };
  const alice = await world.person("alice", { authentication } as never);
  await world.people("bob");
  await alice.messenger.settled();
  isDown = true;
  const started = alice.messenger.start(["bob"]);
  const codes = () =>
    alice.events.flatMap((one) =>
      one.kind === "problem" && one.problem.cause instanceof MlsError ? [one.problem.code] : [],
    );
  await until([alice], () => codes().length > 0);
  isDown = false;
  await started;
  expect(new Set(codes())).toEqual(new Set(["application"]));
});

it("says that the service has no key package for its cipher suite", async () => {
  const world = new World();
  const alice = await world.person("alice", { suite: 3 });
  await world.people("bob");
  await expect(alice.messenger.start(["bob"])).rejects.toMatchObject({
    code: "unknown-user",
    message: 'the service has no key package of "bob" for cipher suite 3',
  });
});

it("names all options if there is none of a name", async () => {
  const { storage, crypto } = { storage: memoryStorage(), crypto: CRYPTO };
  const options = { storage, crypto, suite: SUITE, credential: "alice", authentication: insecureAcceptAll() };
  const delivery = memoryDelivery().connect("alice", new Uint8Array([1]));
  const opened = openMessenger({ ...options, delivery, acept: () => true } as never);
  await expect(opened).rejects.toMatchObject({
    code: "usage",
    message: expect.stringMatching(/"acept" here, only .*storage.*accept, delivery, limits, settle, userOf$/),
  });
});

it("says which part of a history there isn't", async () => {
  const world = new World();
  const [alice] = await world.people("alice", "bob");
  const conversation = await alice?.messenger.start(["bob"]);
  for (const [options, message] of [
    [{ after: "x" }, "expected after: a place of the history, got x"],
    [{ before: Number.NaN }, "expected before: a place of the history, got NaN"],
    [{ limit: 0 }, "expected a limit of 1 to 1000, got 0"],
  ] as const)
    await expect(conversation?.history(options as never)).rejects.toMatchObject({ code: "usage", message });
});
