// What a client with a storage doesn't know is refused by name, before anything is read or written, as by other clients.
import { openClient, StoredClient } from "@copse/core/storage";
import { failure } from "@copse/test-support/errors";
import { expect, it } from "vitest";
import { ID, opened, TestStorage } from "./stores.js";

// biome-ignore lint/suspicious/noExplicitAny: the compiler refuses these calls
type Untyped = any;

/** A method: the arguments before its options, and the names of these. */
const ROWS: Readonly<Record<string, readonly [before: readonly unknown[], names: string]>> = {
  group: [[ID], "joining signal"],
  deleteGroup: [[ID], "joining alongside signal"],
  refresh: [[], "signal"],
  sweep: [[], "signal"],
  getEntry: [["app/a"], "signal"],
  listEntries: [["app/"], "signal"],
  writeEntries: [[[{ key: "app/a", value: ID }], []], "signal"],
  readWelcome: [[ID], "ratchetTree previous signal"],
};

it.each(Object.entries(ROWS))("%s refuses each option that isn't its own", async (name, [before, names]) => {
  const storage = new TestStorage();
  const client: Untyped = await opened(storage);
  await client.createGroup({ groupId: ID });
  const saved = await storage.all();
  for (const wrong of ["alongside", "joining", "previous", "steps"]) {
    if (names.includes(wrong)) continue;
    const error = await failure(client[name](...before, { [wrong]: () => [] }));
    expect(error.code).toBe("usage");
    expect(error.message).toContain(`"${wrong}" here, only `);
    for (const known of names.split(" ")) expect(error.message).toContain(known);
  }
  for (const known of names.split(" ")) {
    const error = await failure(client[name](...before, { [known]: 7 }));
    expect(error.code).toBe("usage");
    expect(error.message).toMatch(new RegExp(`^${known}: expected `));
  }
  for (const wrong of [7, "options", null, []])
    expect((await failure(client[name](...before, wrong))).code, String(wrong)).toBe("usage");
  expect(await storage.all()).toEqual(saved);
});

it("all methods of a client with a storage are in the table", () => {
  const others = ["constructor", "begin", "knownGroups", "watch", "forget", "load", "perform"];
  expect([...Object.keys(ROWS), ...others].sort()).toEqual(
    Object.getOwnPropertyNames(StoredClient.prototype).sort(),
  );
});

it("whoever opens a client, or watches one, is told what is wrong", async () => {
  const storage = new TestStorage();
  const client: Untyped = await opened(storage);
  const saved = await storage.all();
  await expect((async () => client.watch("listener"))()).rejects.toThrow(/^listener: expected function/);
  const error = await failure(openClient({ storage, name: "alice" } as Untyped));
  expect(error).toMatchObject({ code: "usage", message: /"name" here, only / });
  expect(await storage.all()).toEqual(saved);
});
