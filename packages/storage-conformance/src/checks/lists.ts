// Lists: by the beginning of the key, in the byte order of the keys, and of one moment.
import type { Body } from "../check.js";
import { fail, pause } from "../check.js";
import { bytes, lists, make, put, same, textOf } from "../tools.js";

/** In their byte order: `-` comes before `/`, that before digits, and those before letters. */
const KEYS = [
  "a",
  "a-",
  "a-b",
  "a/",
  "a//",
  "a/b",
  "a0",
  "a00",
  "a1",
  "a10",
  "a2",
  "aa",
  "ab",
  "b",
  "ba",
  "z/z",
];

export const listChecks: Readonly<Record<string, Body>> = {
  "lists: all entries, in the byte order of their keys": async (storage) => {
    await make(
      storage,
      [...KEYS].reverse().map((key) => put(key, key)),
    );
    await lists(storage, "", KEYS);
    for (const { key, value } of await storage.list("")) same(value, bytes(key), `list(): ${key}`);
  },

  "lists: the order doesn't depend on when entries were written": async (storage) => {
    const mixed = KEYS.map((_, i) => KEYS[(i * 7) % KEYS.length] as string);
    for (const key of mixed) await make(storage, [put(key, "1")]);
    for (const key of mixed.slice(0, 5)) await make(storage, [put(key, "2")]);
    await lists(storage, "", KEYS);
  },

  "lists: those whose key begins with the prefix, and no others": async (storage) => {
    await make(
      storage,
      KEYS.map((key) => put(key, "1")),
    );
    for (const prefix of ["a", "a-", "a/", "a0", "b", "z/", "z/z", "c", "a/b/", "1", "-"])
      await lists(
        storage,
        prefix,
        KEYS.filter((key) => key.startsWith(prefix)),
      );
  },

  "lists: a prefix that ends with the last character": async (storage) => {
    await make(storage, [put("yzz", "1"), put("z", "1"), put("zz", "1"), put("zzz", "1"), put("zza", "1")]);
    await lists(storage, "zz", ["zz", "zza", "zzz"]);
    await lists(storage, "z", ["z", "zz", "zza", "zzz"]);
  },

  "lists: keys of 255 characters that differ in the last one": async (storage) => {
    const keys = ["-", "/", "0", "9", "a", "z"].map((last) => `${"k".repeat(254)}${last}`);
    await make(
      storage,
      keys.map((key) => put(key, key.slice(-1))),
    );
    await lists(storage, "k".repeat(254), keys);
    await lists(storage, keys[2] as string, [keys[2] as string]);
    for (const key of keys) same(await storage.get(key), bytes(key.slice(-1)), "get() of a long key");
  },

  "lists: 2,000 entries that were written together": async (storage) => {
    const keys = Array.from({ length: 2000 }, (_, i) => `many/${String(i).padStart(4, "0")}`);
    await make(
      storage,
      keys.map((key) => put(key, key)),
    );
    await lists(storage, "many/", keys);
    await lists(
      storage,
      "many/1",
      keys.filter((key) => key.startsWith("many/1")),
    );
  },

  "lists: of each write all or nothing": async (storage, { open }) => {
    const reader = await open();
    let isWriting = true;
    const names = ["first", "middle", "zlast"];
    const write = async () => {
      for (let i = 0; i < 60; i++)
        await make(
          storage,
          names.map((name) => put(`pair/${name}`, `${i}`)),
        );
      isWriting = false;
    };
    const read = async () => {
      while (isWriting) {
        const values = (await reader.list("pair/")).map(({ value }) => textOf(value));
        if (new Set(values).size > 1 || ![0, names.length].includes(values.length))
          fail(`expected the entries of one write, got those of several: ${values.join(" ")}`);
        await pause();
      }
    };
    // Both must have ended, so that no call is left over.
    const [, wrong] = await Promise.allSettled([write().finally(() => (isWriting = false)), read()]);
    if (wrong.status === "rejected") throw wrong.reason;
  },
};
