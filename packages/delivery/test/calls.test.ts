// Every call that waits can be given up by its signal, and ends with the messenger: whatever it waits for.
import { generateSigner } from "@copse/core";
import { type ClientStorage, memoryStorage } from "@copse/core/storage";
import { type Conversation, type Invitation, type Messenger, MessengerError } from "@copse/delivery";
import { expect, it } from "vitest";
import { crypto, type Someone, SUITE, together, World } from "./support/people.js";

type Options = { readonly signal?: AbortSignal };
/** The methods that wait. A method without a row doesn't compile. */
type Waiting<T> = {
  [K in keyof T as T[K] extends (...args: never[]) => Promise<unknown> ? K : never]: (
    one: T,
    options: Options,
  ) => Promise<unknown>;
};

const MESSENGER: Waiting<Messenger> = {
  start: (one, options) => one.start(["bob"], options),
  join: (one, options) => one.join("0123456789abcdef", options),
  settled: (one, options) => one.settled(options),
  close: (one, options) => one.close(options),
};
const CONVERSATION: Waiting<Conversation> = {
  send: (one, options) => one.send("hello", options),
  invite: (one, options) => one.invite(["carol"], options),
  remove: (one, options) => one.remove(["bob"], options),
  update: (one, options) => one.update(options),
  leave: (one, options) => one.leave(options),
  history: (one, options) => one.history(options),
  safetyNumber: (one, options) => one.safetyNumber(one.members[1], options),
  delete: (one, options) => one.delete(options),
};
const INVITATION: Waiting<Invitation> = {
  safetyNumber: (one, options) => one.safetyNumber(one.by, options),
  accept: (one, options) => one.accept(options),
  decline: (one, options) => one.decline(options),
};

/** A storage that answers nothing while it is stuck. */
function stuckStorage(): ClientStorage & { isStuck: boolean; free(): void } {
  const inner = memoryStorage();
  let free: () => void = () => undefined;
  const freed = new Promise<void>((resolve) => {
    free = resolve;
  });
  const ready = async () => {
    if (storage.isStuck) await freed;
  };
  const storage = {
    ...{ isStuck: false, handles: true, free: () => free() },
    get: async (key: string) => ready().then(() => inner.get(key)),
    list: async (prefix: string) => ready().then(() => inner.list(prefix)),
    write: async (...args: Parameters<ClientStorage["write"]>) => ready().then(() => inner.write(...args)),
  };
  return storage;
}

/** Bob, who is in a conversation with Alice, and is invited to another one. */
async function bobIsThere() {
  const world = new World();
  const storage = stuckStorage();
  const [alice] = (await world.people("alice")) as [Someone];
  const bob = await world.person("bob", {
    storage,
    accept: ({ name }) => (name === "Birds" ? true : undefined),
  });
  await bob.messenger.settled();
  const [, conversation] = (await together([alice, bob], "Birds")) as [Conversation, Conversation];
  await alice.messenger.start(["bob"], { name: "Herons" });
  await bob.until(({ kind }) => kind === "invitation");
  const [invitation] = bob.messenger.invitations as [Invitation];
  return { world, bob, storage, conversation, invitation };
}

type There = Awaited<ReturnType<typeof bobIsThere>>;
type Row = readonly [string, (there: There, options: Options) => Promise<unknown>];

const rows: Row[] = [
  ...Object.entries(MESSENGER).map(([name, call]): Row => {
    return [`messenger.${name}`, ({ bob }, options) => call(bob.messenger, options)];
  }),
  ...Object.entries(CONVERSATION).map(([name, call]): Row => {
    return [`conversation.${name}`, ({ conversation }, options) => call(conversation, options)];
  }),
  ...Object.entries(INVITATION).map(([name, call]): Row => {
    return [`invitation.${name}`, ({ invitation }, options) => call(invitation, options)];
  }),
];

/** Those that don't wait for the storage or the service. */
const quick = /safetyNumber|delete/;
/** It ends the messenger, whatever its signal says. */
const ending = "messenger.close";
const given = { code: "aborted", cause: "enough", retry: "now" };
const errorOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => "done",
    (error: unknown) => error,
  );

it("isn't begun with a signal that is aborted", async () => {
  const there = await bobIsThere();
  for (const [name, call] of rows) {
    if (name === ending) continue;
    const error = await errorOf(call(there, { signal: AbortSignal.abort("enough") }));
    expect(error, name).toBeInstanceOf(MessengerError);
    expect(error, name).toMatchObject(given);
  }
  await there.bob.messenger.settled();
  expect([there.conversation.members.length, there.bob.messenger.invitations.length]).toEqual([2, 1]);
});

it.each(["storage", "service"] as const)(
  "is given up by its signal while the %s answers nothing",
  async (stuck) => {
    const there = await bobIsThere();
    if (stuck === "storage") there.storage.isStuck = true;
    else there.world.delivery.pause();
    const ofService = /start|join|settled|invite|remove|update|leave/;
    // The end last.
    const last = rows.filter(([name]) => name === ending);
    for (const [name, call] of [...rows.filter((one) => !last.includes(one)), ...last]) {
      const waits = stuck === "service" ? ofService.test(name) : name !== "messenger.settled";
      if (quick.test(name) || !waits) continue;
      const stop = new AbortController();
      const error = errorOf(call(there, { signal: stop.signal }));
      await new Promise((resolve) => setTimeout(resolve, 1));
      stop.abort("enough");
      expect(await error, name).toMatchObject(given);
    }
    there.storage.free();
  },
);

it("is refused after the messenger was closed", async () => {
  const there = await bobIsThere();
  await there.bob.messenger.close();
  for (const [name, call] of rows) {
    if (name === ending) continue;
    const error = await errorOf(call(there, {}));
    expect(error, name).toBeInstanceOf(MessengerError);
    expect(error, name).toMatchObject({ code: "closed", retry: "never" });
  }
});

it("ends with the messenger", async () => {
  const there = await bobIsThere();
  there.world.delivery.pause();
  const waiting = /start|join|settled|invite|remove|update|leave/;
  const calls = rows
    .filter(([name]) => waiting.test(name))
    .map(([name, call]) => [name, errorOf(call(there, {}))] as const);
  await there.bob.messenger.close();
  for (const [name, error] of calls)
    expect(await error, name).toMatchObject({ code: "closed", retry: "never" });
});

it("gives up opening a messenger, whatever that waits for", async () => {
  const world = new World();
  const signer = await generateSigner(crypto, SUITE);
  const never = new Promise<never>(() => undefined);
  const stuck = stuckStorage();
  stuck.isStuck = true;
  for (const waits of [
    { delivery: () => never },
    { storage: stuck },
    { storage: { ...memoryStorage(), turn: () => never } },
  ]) {
    const stop = new AbortController();
    const opened = world.person("alice", { ...waits, signer, signal: stop.signal });
    await new Promise((resolve) => setTimeout(resolve, 5));
    stop.abort("enough");
    await expect(opened).rejects.toMatchObject(given);
  }
});
