// Entries: what was written is read, byte for byte, and belongs to whoever has it.
import type { Body } from "../check.js";
import { fail } from "../check.js";
import { bytes, drop, has, lists, make, pattern, put, same, step } from "../tools.js";

export const entryChecks: Readonly<Record<string, Body>> = {
  "entries: one that isn't there is undefined": async (storage) => {
    same(await storage.get("missing"), undefined, "get(missing)");
    await lists(storage, "missing", []);
  },

  "entries: what was written is read": async (storage) => {
    await make(storage, [put("one", "1"), put("two", "2")]);
    await has(storage, "one", "1");
    await has(storage, "two", "2");
  },

  "entries: one that is written again has the new value": async (storage) => {
    for (const value of ["short", "a longer value than before", "", "s"]) {
      await make(storage, [put("one", value), put("beside", "it")]);
      await has(storage, "one", value);
    }
  },

  "entries: an empty value isn't a missing one": async (storage) => {
    await make(storage, [put("empty", "")]);
    await has(storage, "empty", "");
    await make(storage, [drop("empty")]);
    await has(storage, "empty", undefined);
  },

  "entries: each byte is kept": async (storage) => {
    const values = [
      pattern(256),
      new Uint8Array(300),
      new Uint8Array(300).fill(0xff),
      bytes("\u0000é'\"\\%_;"),
    ];
    for (const [i, value] of values.entries()) {
      await make(storage, [put(`value${i}`, value)]);
      await has(storage, `value${i}`, value);
    }
  },

  "entries: each length is kept": async (storage) => {
    for (const near of [0, 64, 256, 1024, 4096, 65_536]) {
      for (const length of [near - 1, near, near + 1].filter((one) => one >= 0)) {
        await make(storage, [put("value", pattern(length))]);
        await has(storage, "value", pattern(length));
      }
    }
  },

  "entries: values of 8 MB are kept, several in one write": async (storage) => {
    const size = 8 * 1024 * 1024;
    await make(storage, [put("large/1", pattern(size, 1)), put("large/2", pattern(size, 2))]);
    same(await storage.get("large/1"), pattern(size, 1), "get(large/1)");
    same((await storage.list("large/"))[1]?.value, pattern(size, 2), "list(large/)");
  },

  "entries: a view of a larger buffer is written as what it shows": async (storage) => {
    const buffer = pattern(300);
    await make(storage, [put("view", buffer.subarray(100, 150))]);
    await has(storage, "view", pattern(300).slice(100, 150));
  },

  "entries: what the caller does with its bytes after a write changes nothing": async (storage) => {
    const value = bytes("secret");
    const to = bytes("version");
    await make(storage, [{ key: "one", value }], { key: "version", from: undefined, to });
    value.fill(0);
    to.fill(0);
    await has(storage, "one", "secret");
    await has(storage, "version", "version");
  },

  "entries: what the caller does with what was read changes nothing": async (storage) => {
    await make(storage, [put("one", "secret")]);
    (await storage.get("one"))?.fill(0);
    await has(storage, "one", "secret");
    for (const { value } of await storage.list("one")) value.fill(0);
    await has(storage, "one", "secret");
  },

  "entries: one that is deleted is gone, and the others stay": async (storage) => {
    await make(storage, [put("a", "1"), put("a/b", "2"), put("a/c", "3"), put("b", "4")]);
    await make(storage, [drop("a"), drop("a/c"), drop("missing")]);
    await has(storage, "a", undefined);
    await lists(storage, "", ["a/b", "b"]);
  },

  "entries: one that was deleted can be written again": async (storage) => {
    await make(storage, [put("one", "1")], step("version", undefined, "1"));
    await make(storage, [drop("one"), drop("version")]);
    await make(storage, [put("one", "2")], step("version", undefined, "2"));
    await has(storage, "one", "2");
    await has(storage, "version", "2");
  },

  "entries: those of another storage are apart": async (storage, { other }) => {
    const apart = await other();
    await make(storage, [put("one", "here")], step("version", undefined, "here"));
    await lists(apart, "", []);
    await make(apart, [put("one", "there")], step("version", undefined, "there"));
    await has(storage, "one", "here");
    await has(storage, "version", "here");
  },

  "entries: a write without changes is made": async (storage) => {
    await make(storage, []);
    await make(storage, [], step("version", undefined, "1"));
    await has(storage, "version", "1");
    if ((await storage.list("")).length !== 1) fail("expected one entry");
  },
};
