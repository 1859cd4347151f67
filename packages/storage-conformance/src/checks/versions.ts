// Writes: all or nothing, and only from the version that they name, whoever writes at the same time.
import type { ClientStorage } from "@copse/core/storage";
import type { Body } from "../check.js";
import { fail } from "../check.js";
import { bytes, drop, has, lists, make, put, refuse, step, textOf } from "../tools.js";

/** Adds one to a counter, as often as it takes. */
async function increment(storage: ClientStorage): Promise<void> {
  for (;;) {
    const from = (await storage.get("count")) as Uint8Array;
    const to = bytes(`${Number(textOf(from)) + 1}`);
    if (await storage.write([put(`at/${textOf(to)}`, to)], [{ key: "count", from, to }])) return;
  }
}

export const versionChecks: Readonly<Record<string, Body>> = {
  "versions: the first needs that there is none": async (storage) => {
    await make(storage, [put("one", "1")], step("version", undefined, "v1"));
    await refuse(storage, [put("one", "2")], step("version", undefined, "v2"));
    await has(storage, "one", "1");
    await has(storage, "version", "v1");
  },

  "versions: the next needs the one before": async (storage) => {
    await make(storage, [], step("version", undefined, "v1"));
    await make(storage, [put("one", "1")], step("version", "v1", "v2"));
    await refuse(storage, [put("one", "2")], step("version", "v1", "v3"));
    await make(storage, [put("one", "3")], step("version", "v2", "v3"));
    await has(storage, "one", "3");
    await has(storage, "version", "v3");
  },

  "versions: one that isn't there isn't any": async (storage) => {
    await refuse(storage, [put("one", "1")], step("version", "v1", "v2"));
    await refuse(storage, [put("one", "1")], step("version", "", "v2"));
    await lists(storage, "", []);
  },

  "versions: one that was deleted isn't there": async (storage) => {
    await make(storage, [], step("version", undefined, "v1"));
    await make(storage, [drop("version")]);
    await refuse(storage, [put("one", "1")], step("version", "v1", "v2"));
    await lists(storage, "", []);
  },

  "versions: a step to nothing deletes it": async (storage) => {
    await make(storage, [put("version/of", "1")], step("version", undefined, "v1"));
    await refuse(storage, [drop("version/of")], step("version", "v0", undefined));
    await has(storage, "version", "v1");
    await make(storage, [drop("version/of")], step("version", "v1", undefined));
    await lists(storage, "", []);
    await refuse(storage, [], step("version", "v1", undefined));
    await refuse(storage, [], step("version", "", "v2"));
    await make(storage, [], step("version", undefined, "v2"));
  },

  "versions: all of it is compared": async (storage) => {
    const version = new Uint8Array(64).map((_, i) => i + 1);
    await make(storage, [], { key: "version", from: undefined, to: version });
    const others = [
      version.slice(0, 63),
      Uint8Array.of(...version, 65),
      new Uint8Array(0),
      version.slice().reverse(),
    ];
    for (let i = 0; i < 64; i++) others.push(version.map((byte, at) => (at === i ? byte ^ 0x80 : byte)));
    for (const from of others)
      await refuse(storage, [put("one", "1")], { key: "version", from, to: bytes("x") });
    await has(storage, "version", version);
    await make(storage, [], { key: "version", from: version, to: bytes("next") });
  },

  "versions: what ends with zeros or looks like a number is compared as bytes": async (storage) => {
    for (const [one, other] of [
      ["1", "1.0"],
      ["a", "A"],
      ["a", "a\u0000"],
      ["a", "a "],
      ["1e1", "10"],
    ] as const) {
      await make(storage, [drop("version")]);
      await make(storage, [], step("version", undefined, one));
      await refuse(storage, [], step("version", other, "next"));
      await make(storage, [], step("version", one, "next"));
    }
  },

  "versions: a step to what it was is made": async (storage) => {
    await make(storage, [], step("version", undefined, "same"));
    await make(storage, [put("one", "1")], step("version", "same", "same"));
    await has(storage, "one", "1");
  },

  "writes: a refused one changes nothing": async (storage) => {
    await make(
      storage,
      [put("kept", "1"), put("gone", "1")],
      step("v", undefined, "1"),
      step("w", undefined, "1"),
    );
    const before = await storage.list("");
    const changes = [put("kept", "2"), drop("gone"), put("new", "2")];
    for (const steps of [
      [step("v", "1", "2"), step("w", "0", "2")],
      [step("w", "0", "2"), step("v", "1", "2")],
      [step("v", "1", "2"), step("new", undefined, "1"), step("w", undefined, "2")],
    ]) {
      await refuse(storage, changes, ...steps);
      await lists(
        storage,
        "",
        before.map(({ key }) => key),
      );
      for (const { key, value } of before) await has(storage, key, value);
    }
  },

  "writes: several steps are made together": async (storage) => {
    const names = ["a", "b", "c"];
    await make(storage, [], ...names.map((name) => step(name, undefined, "1")));
    await make(storage, [put("one", "1")], ...names.map((name) => step(name, "1", "2")));
    for (const name of names) await has(storage, name, "2");
  },

  "writes: another opener sees them at once": async (storage, { open }) => {
    const other = await open();
    for (let i = 0; i < 20; i++) {
      const [from, to] = i % 2 === 0 ? [storage, other] : [other, storage];
      await make(from, [put("one", `${i}`), i % 3 === 0 ? drop("two") : put("two", "2")]);
      await has(from, "one", `${i}`);
      await has(to, "one", `${i}`);
      await has(to, "two", i % 3 === 0 ? undefined : "2");
    }
  },

  "writes: another opener's version is the version": async (storage, { open }) => {
    const other = await open();
    await make(storage, [], step("version", undefined, "1"));
    await make(other, [], step("version", "1", "2"));
    await refuse(storage, [put("one", "1")], step("version", "1", "3"));
    await make(storage, [put("one", "1")], step("version", "2", "3"));
    await refuse(other, [], step("version", "2", "4"));
  },

  "races: of many writes from one version, one is made": async (storage, { open }) => {
    const openers = [storage, await open(), await open()];
    await make(storage, [], step("version", undefined, "round 0"));
    for (let round = 0; round < 12; round++) {
      const answers = await Promise.all(
        Array.from({ length: 12 }, (_, i) =>
          (openers[i % 3] as ClientStorage).write(
            [put(`winner/${round}`, `${i}`), put(`by/${round}/${i}`, "1")],
            [step("version", `round ${round}`, `round ${round + 1}`)],
          ),
        ),
      );
      const winners = answers.flatMap((isMade, i) => (isMade ? [i] : []));
      if (winners.length !== 1)
        fail(`round ${round}: expected one of 12 writes to be made, got ${winners.length}`);
      await has(storage, `winner/${round}`, `${winners[0]}`);
      await lists(storage, `by/${round}/`, [`by/${round}/${winners[0]}`]);
    }
  },

  "races: of many who make it first, one does": async (storage, { open }) => {
    const openers = [storage, await open()];
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        (openers[i % 2] as ClientStorage).write([put("maker", `${i}`)], [step("version", undefined, `${i}`)]),
      ),
    );
    const made = answers.flatMap((isMade, i) => (isMade ? [i] : []));
    if (made.length !== 1) fail(`expected one of 10 to make it, got ${made.length}`);
    await has(storage, "maker", `${made[0]}`);
    await has(storage, "version", `${made[0]}`);
  },

  "races: no step is lost": async (storage, { open }) => {
    const openers = [storage, await open(), await open()];
    await make(storage, [], step("count", undefined, "0"));
    await Promise.all(
      openers.map(async (opener) => {
        for (let i = 0; i < 20; i++) await increment(opener);
      }),
    );
    await has(storage, "count", "60");
    const { length } = await storage.list("at/");
    if (length !== 60) fail(`expected 60 entries, one of each step, got ${length}`);
  },

  "races: writes from different versions don't refuse each other": async (storage, { open }) => {
    const openers = [storage, await open()];
    const one = async (i: number) => {
      const opener = openers[i % 2] as ClientStorage;
      await make(opener, [put(`of/${i}`, "0")], step(`version/${i}`, undefined, "0"));
      for (let n = 1; n <= 10; n++)
        await make(opener, [put(`of/${i}`, `${n}`)], step(`version/${i}`, `${n - 1}`, `${n}`));
    };
    await Promise.all(Array.from({ length: 8 }, (_, i) => one(i)));
    for (let i = 0; i < 8; i++) await has(storage, `of/${i}`, "10");
  },

  "races: calls that don't wait for each other have the answers to their own questions": async (storage) => {
    const keys = Array.from({ length: 40 }, (_, i) => `key/${i}`);
    await Promise.all(keys.map((key) => make(storage, [put(key, key)])));
    const [values, found] = await Promise.all([
      Promise.all(keys.map((key) => storage.get(key))),
      Promise.all(keys.map((key) => storage.list(`${key}`))),
    ]);
    for (const [i, key] of keys.entries()) {
      if (textOf(values[i]) !== key) fail(`get(${key}): got the value of ${textOf(values[i])}`);
      if (found[i]?.some((one) => !one.key.startsWith(key)))
        fail(`list(${key}): got entries of another prefix`);
    }
  },

  "openers: what was written is there after all have closed": async (storage, { open, close }) => {
    await make(storage, [put("one", "1"), put("two", "2")], step("version", undefined, "1"));
    await make(storage, [drop("two")], step("version", "1", "2"));
    await close(storage);
    const again = await open();
    await lists(again, "", ["one", "version"]);
    await has(again, "version", "2");
    await refuse(again, [], step("version", "1", "3"));
    await make(again, [put("one", "again")], step("version", "2", "3"));
  },

  "openers: one that closes doesn't end the others": async (storage, { open, close }) => {
    const other = await open();
    await make(other, [put("one", "1")]);
    await close(other);
    await make(storage, [put("two", "2")]);
    await lists(storage, "", ["one", "two"]);
  },
};
