// RFC 9420 §16.6: whatever is done to the values of a sealed storage is refused as `state`, and nothing is overwritten.
import { type ClientStorage, memoryStorage } from "@copse/core/storage";
import { flipped } from "@copse/test-support/bytes";
import { code, failure } from "@copse/test-support/errors";
import { beforeAll, describe, expect, it } from "vitest";
import { opened } from "../storage/stores.js";
import {
  attacked,
  changed,
  contentOf,
  ID,
  KEY,
  type Scene,
  type Snapshot,
  scene,
  sealed,
  snapshot,
  use,
} from "./sealed.js";

/** Of keys, in their order. */
const CHARACTERS = "-/0123456789abcdefghijklmnopqrstuvwxyz";

let entries: Snapshot;
/** The same storage some calls later. */
let later: Snapshot;
let keys: readonly string[];
let play: Scene;

beforeAll(async () => {
  play = await scene();
  entries = await snapshot(play.inner);
  keys = entries.map(({ key }) => key);
  const { client, group, bobs } = play;
  await client.createKeyPackage();
  await client.createGroup();
  await bobs.receive(await group.encrypt("more"));
  await group.receive(await bobs.encrypt("more, too"));
  const { commit } = await group.update();
  await group.mergePendingCommit();
  await bobs.receive(commit);
  await group.encrypt("in the next epoch");
  later = await snapshot(play.inner);
});

async function refuse(tampered: Snapshot, what: string): Promise<void> {
  const storage = attacked(tampered);
  expect(await use(storage), what).toEqual(code("state"));
  expect(storage.writes, `${what}: writes`).toBe(0);
}

it("what nobody touched is opened", async () => {
  for (const all of [entries, later]) expect(await use(attacked(all))).toBeUndefined();
  expect(keys.filter((key) => key.startsWith("client/")).length).toBeGreaterThan(3);
  expect(keys.filter((key) => key.startsWith("group/")).length).toBeGreaterThan(2);
});

it("each bit of each value that is flipped is noticed where it is read", async () => {
  let bits = 0;
  for (const { key, value } of entries) {
    let read: Uint8Array = value;
    const part = /^client\/|^group\/[^/]+\//.exec(key)?.[0] as string;
    const inPart = entries.filter((entry) => entry.key.startsWith(part));
    const inner: ClientStorage = {
      get: () => undefined,
      list: () => inPart.map((entry) => (entry.key === key ? { key, value: read } : entry)),
      write: () => true,
    };
    const storage = sealed(inner);
    expect(await storage.list(part)).toHaveLength(inPart.length);
    for (let bit = 0; bit < 8 * value.length; bit++, bits++) {
      read = flipped(value, bit >> 3, bit & 7);
      const error = await Promise.resolve(storage.list(part)).catch((error: unknown) => error);
      if ((error as { code?: string }).code !== "state") expect.fail(`bit ${bit} of ${key} was accepted`);
    }
  }
  expect(bits).toBeGreaterThan(10_000);
});

describe("the client, or its group, refuses", () => {
  it("a value with a flipped bit, at its beginning, in its middle and at its end", async () => {
    for (const { key, value } of entries)
      for (const at of [0, 1, 9, 21, value.length >> 1, value.length - 16, value.length - 1])
        await refuse(changed(entries, { [key]: flipped(value, at) }), `${key}, byte ${at}`);
  });

  it("a value that is shorter, longer or empty", async () => {
    for (const { key, value } of entries) {
      for (const length of [0, 1, 20, 36, 37, value.length >> 1, value.length - 1])
        if (length < value.length)
          await refuse(changed(entries, { [key]: value.slice(0, length) }), `${key}, ${length} bytes`);
      await refuse(changed(entries, { [key]: Uint8Array.of(...value, 0) }), `${key}, longer`);
    }
  });

  it("two values that have changed places", async () => {
    for (const [i, one] of entries.entries())
      for (const other of entries.slice(i + 1))
        await refuse(
          changed(entries, { [one.key]: other.value, [other.key]: one.value }),
          `${one.key} and ${other.key}`,
        );
  });

  it("a value in another's place, or in one more", async () => {
    for (const { key, value } of entries) {
      for (const other of keys.filter((one) => one !== key))
        await refuse(changed(entries, { [other]: value }), `${key} as ${other}`);
      await refuse(changed(entries, { [`${key}x`]: value }), `${key} twice`);
      await refuse(changed(entries, { [key]: undefined, [`${key}x`]: value }), `${key} moved`);
    }
  });

  it("an entry whose key only looks like what it was, and one that is there twice", async () => {
    for (const { key, value } of entries) {
      const last = key.charCodeAt(key.length - 1);
      for (const other of [
        `${key.slice(0, -1)}${String.fromCharCode(last + 256)}`,
        `${key}\0`,
        key.replace(/[^/]*$/, (name) => name.toUpperCase()),
      ])
        if (other !== key)
          await refuse(changed(entries, { [key]: undefined, [other]: value }), `${key} as ${other}`);
      const twice: ClientStorage = {
        get: () => undefined,
        list: (prefix) =>
          entries.flatMap((one) =>
            one.key.startsWith(prefix) ? [one, ...(one.key === key ? [one] : [])] : [],
          ),
        write: () => expect.fail("nothing is to be written"),
      };
      if (!key.endsWith("/version")) expect(await use(twice), `${key} twice`).toEqual(code("state"));
    }
  });

  it("an entry under another name that changes no order, where only the entry is looked for", async () => {
    for (const { key, value } of entries) {
      // What stands just before it, and isn't found where it is looked for.
      const before = CHARACTERS[CHARACTERS.indexOf(key.slice(-1)) - 1];
      const renamed = changed(entries, { [key]: undefined, [`${key.slice(0, -1)}${before}z`]: value });
      for (const read of ["get", "list"] as const) {
        const storage = sealed(attacked(renamed));
        expect(await failure(async () => storage[read](key)), `${read} ${key}`).toEqual(code("state"));
      }
    }
  });

  it("a value that is missing", async () => {
    for (const key of keys) await refuse(changed(entries, { [key]: undefined }), `${key} missing`);
  });

  it("all entries of the group, or of all but the client's version, missing", async () => {
    const without = (isMeant: (key: string) => boolean) => later.filter(({ key }) => !isMeant(key));
    const name = later.find(({ key }) => key.startsWith("group/"))?.key.slice(0, 23) as string;
    const gone = without((key) => key.startsWith(name));
    const storage = attacked(gone);
    const client = await opened(sealed(storage));
    const outcomes = await Promise.all(
      client.knownGroups().map(({ groupId }) => client.group(groupId).catch((error: unknown) => error)),
    );
    expect(outcomes.filter((one) => one instanceof Error)).toEqual([code("state")]);
    await refuse(
      without((key) => key.startsWith("client/") && key !== "client/version"),
      "the client's",
    );
  });

  it("an old value that is put back, and one that was deleted", async () => {
    let count = 0;
    for (const { key, value } of entries) {
      const now = contentOf(later, key);
      if (now !== undefined && Buffer.from(now).equals(value)) continue;
      count++;
      await refuse(changed(later, { [key]: value }), `${key} of before`);
    }
    expect(count).toBeGreaterThan(2);
  });

  it("a new value among old ones", async () => {
    for (const { key, value } of later) {
      const before = contentOf(entries, key);
      if (before !== undefined && Buffer.from(before).equals(value)) continue;
      // Another group is whole, and is not in the old list.
      if (key.startsWith("group/") && !keys.some((one) => one.startsWith(key.slice(0, 23)))) continue;
      await refuse(changed(entries, { [key]: value }), `${key} of later`);
    }
  });

  it("a value of another client's storage, sealed with the same master key or another", async () => {
    for (const key of [KEY, new Uint8Array(32).fill(4)]) {
      const foreign = await snapshot((await scene({}, key)).inner);
      const group = (all: Snapshot) =>
        all.find((one) => one.key.startsWith("group/"))?.key.slice(0, 23) as string;
      const [own, other] = [group(entries), group(foreign)];
      for (const { key, value } of foreign) {
        const place = key.replace(other, own);
        if (keys.includes(place))
          await refuse(changed(entries, { [place]: value }), `${key} of another storage`);
      }
      // The whole group, under the name of ours.
      const moved = foreign.filter(({ key }) => key.startsWith(other));
      await refuse(
        [
          ...entries.filter(({ key }) => !key.startsWith(own)),
          ...moved.map(({ key, value }) => ({ key: key.replace(other, own), value })),
        ],
        "a group of another storage",
      );
    }
  });

  it("another master key, and a storage that was never sealed", async () => {
    const storage = attacked(entries);
    const other = sealed(storage, {}, new Uint8Array(32).fill(9));
    expect(await failure(opened(other))).toEqual(code("state"));
    const { inner } = await plainScene();
    const plain = attacked(await snapshot(inner));
    expect(await use(plain)).toEqual(code("state"));
    // Nor is a sealed one opened without its key.
    const bare = attacked(entries);
    expect(await failure(opened(bare))).toEqual(code("state"));
    expect([storage.writes, plain.writes, bare.writes]).toEqual([0, 0, 0]);
  });
});

async function plainScene() {
  const inner = memoryStorage();
  const client = await opened(inner);
  await client.createGroup({ groupId: ID });
  return { inner };
}

it("the error says which value it is, and nothing of its content", async () => {
  const key = keys.find((one) => one.startsWith("client/key-packages/")) as string;
  const value = contentOf(entries, key) as Uint8Array;
  const damaged = await use(attacked(changed(entries, { [key]: flipped(value, 30) })));
  expect((damaged as Error).message).toBe(
    `${key} isn't what was sealed there with this master key: the key is another one, or the value is damaged, of another place, or not sealed`,
  );
  const missing = await use(attacked(changed(entries, { [key]: undefined })));
  expect((missing as Error).message).toBe(
    "the entries of client/ aren't those of one write: changed, put back or left out",
  );
});

it("a client that is open notices at its next call, and overwrites nothing", async () => {
  const { inner, client, group } = await scene();
  const before = await snapshot(inner);
  const old = before.find(({ key }) => key.endsWith("/version") && key.startsWith("group/"));
  await group.encrypt("one");
  const now = await snapshot(inner);
  // The attacker puts the group's version back, which the next write compares.
  await inner.write([old as Snapshot[number]], []);
  const error = await failure(group.encrypt("two"));
  expect(["state", "storage", "stale-state"]).toContain(error.code);
  expect(await failure(async () => (await client.group(ID))?.encrypt("three"))).toEqual(code("state"));
  expect(await snapshot(inner)).toEqual(changed(now, { [old?.key as string]: old?.value }));
});
