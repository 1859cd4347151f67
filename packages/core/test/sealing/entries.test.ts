// RFC 9420 §16.6: the application's own entries in a sealed storage: what binds them, and what an attacker can do with them.
import { memoryStorage, resealStorage, type StoredClient } from "@copse/core/storage";
import { nodeStorageCipher } from "@copse/provider-node/storage";
import { holds } from "@copse/test-support/bytes";
import { code, failure } from "@copse/test-support/errors";
import { expect, it } from "vitest";
import { opened } from "../storage/stores.js";
import { attacked, KEY, sealed, snapshot, writeMemory } from "./sealed.js";

const SECRET = new TextEncoder().encode("what only the application may read");
const OTHER = new Uint8Array(32).fill(5);
const entry = (key: string) => [{ key, value: SECRET }];
const keysOf = async (client: StoredClient, prefix = "app/") =>
  (await client.listEntries(prefix)).map(({ key }) => key);

/** A client with entries of two names, one of them of an earlier write too. */
async function kept() {
  const inner = memoryStorage();
  const alice = await opened(sealed(inner));
  await alice.writeEntries([...entry("app/outbox/1"), ...entry("app/history/1")]);
  const before = await snapshot(inner);
  await alice.createKeyPackage({ alongside: () => [...entry("app/outbox/2"), ...entry("app/plain")] });
  return { inner, alice, before, after: await snapshot(inner) };
}

it("they are sealed, and as they were for each opener", async () => {
  const { inner, after } = await kept();
  for (const { value } of after) expect(holds(value, SECRET)).toBe(false);
  const again = await opened(sealed(inner));
  expect(await keysOf(again)).toEqual(["app/history/1", "app/outbox/1", "app/outbox/2", "app/plain"]);
  expect(await keysOf(again, "app/outbox/")).toEqual(["app/outbox/1", "app/outbox/2"]);
  for (const key of await keysOf(again)) expect(await again.getEntry(key)).toEqual(SECRET);
  expect(await again.writeEntries([], [{ key: "app/outbox/1", from: SECRET, to: undefined }])).toBe(true);
  expect(await again.writeEntries([], [{ key: "app/outbox/2", from: KEY, to: undefined }])).toBe(false);
  expect(await keysOf(again)).toEqual(["app/history/1", "app/outbox/2", "app/plain"]);
});

it("one that is damaged, moved, missing or put back is refused, and those below another name aren't", async () => {
  const { before, after } = await kept();
  const at = (key: string, all = after) => all.find((one) => one.key === key)?.value as Uint8Array;
  const changed = (key: string, value: Uint8Array | undefined) =>
    after.flatMap((one) => (one.key !== key ? [one] : value === undefined ? [] : [{ key, value }]));
  const flipped = at("app/outbox/1").slice();
  flipped[40] = (flipped[40] ?? 0) ^ 1;
  for (const bad of [
    changed("app/outbox/1", flipped),
    changed("app/outbox/1", at("app/outbox/2")),
    changed("app/outbox/1", undefined),
    changed("app/outbox/version", at("app/outbox/version", before)),
    changed("app/outbox/version", undefined),
  ]) {
    const alice = await opened(sealed(attacked(bad)));
    expect(await failure(alice.getEntry("app/outbox/1"))).toEqual(code("state"));
    expect(await failure(alice.listEntries("app/"))).toEqual(code("state"));
    expect(await alice.getEntry("app/history/1")).toEqual(SECRET);
    expect(alice.keyPackages()).toHaveLength(1);
  }
});

it("one that was renamed isn't taken for one that isn't there", async () => {
  const { inner, alice, after } = await kept();
  const renamed = after.map((one) => (one.key === "app/outbox/2" ? { ...one, key: "app/outbox/3" } : one));
  expect(await alice.getEntry("app/outbox/2")).toEqual(SECRET);
  await inner.write([{ key: "app/outbox/2", value: undefined }, ...renamed], []);
  for (const client of [alice, await opened(sealed(inner))]) {
    expect(await failure(client.getEntry("app/outbox/2"))).toEqual(code("state"));
    expect(await failure(client.listEntries("app/outbox/2"))).toEqual(code("state"));
    const step = { key: "app/outbox/2", from: undefined, to: KEY };
    expect((await failure(client.writeEntries([], [step]))).cause).toEqual(code("state"));
  }
  expect(await snapshot(inner)).toEqual(renamed);
});

it("a memory notices that all below a name was put back, or taken away", async () => {
  const memory = writeMemory();
  const inner = memoryStorage();
  const alice = await opened(sealed(inner, { memory }));
  await alice.writeEntries(entry("app/outbox/1"));
  const before = (await snapshot(inner)).filter(({ key }) => key.startsWith("app/outbox/"));
  await alice.writeEntries([{ key: "app/outbox/1", value: undefined }]);
  const after = await snapshot(inner);
  const rest = after.filter(({ key }) => !key.startsWith("app/outbox/"));
  for (const bad of [[...before, ...rest], rest]) {
    const again = await opened(sealed(attacked(bad), { memory }));
    expect(await failure(again.getEntry("app/outbox/1"))).toEqual(code("state"));
    expect(await failure(again.listEntries("app/"))).toEqual(code("state"));
  }
  expect(await (await opened(sealed(attacked(after), { memory }))).getEntry("app/outbox/1")).toBeUndefined();
});

it("two openers that write below one name at once lose nothing", async () => {
  const inner = memoryStorage();
  const clients = [await opened(sealed(inner)), await opened(sealed(inner))];
  const calls = clients.flatMap((client, side) =>
    [1, 2, 3].map((i) => client.createKeyPackage({ alongside: () => entry(`app/made/${side}-${i}`) })),
  );
  await Promise.all(calls);
  const again = await opened(sealed(inner));
  expect(await keysOf(again)).toHaveLength(6);
  expect(again.keyPackages()).toHaveLength(6);
});

it("are resealed with another master key", async () => {
  const { inner } = await kept();
  await resealStorage(inner, nodeStorageCipher(KEY), nodeStorageCipher(OTHER));
  const again = await opened(sealed(inner, {}, OTHER));
  expect(await again.getEntry("app/outbox/2")).toEqual(SECRET);
  expect(await keysOf(again)).toHaveLength(4);
});
