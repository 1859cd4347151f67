// Storages with one fault each, and the check that must catch it.
import type { StorageUnderTest } from "@copse/storage-conformance";
import { comparing, exact, hex, later, oneByOne, reading, string, under, with_, writing } from "./faulty.js";

interface Fault {
  readonly fault: string;
  readonly caughtBy: string;
  readonly storage: StorageUnderTest;
}

/** As a locale of PostgreSQL does it: punctuation counts last. */
function collated(a: string, b: string): number {
  const [letters, others] = [a, b].map((key) => key.replaceAll(/[-/]/g, "")) as [string, string];
  return letters === others ? a.localeCompare(b) : letters < others ? -1 : 1;
}

const of = (fault: string, caughtBy: string, storage: StorageUnderTest): Fault => ({
  fault,
  caughtBy,
  storage,
});

export const FAULTS: readonly Fault[] = [
  of(
    "returns null for a missing entry",
    "entries: one that isn't there is undefined",
    with_(({ inner }) => ({ get: (key) => inner.get(key) ?? (null as never) })),
  ),
  of(
    "keeps the first value",
    "entries: one that is written again has the new value",
    with_(({ inner, notes }) => ({
      async write(changes, steps) {
        const fresh = changes.filter(({ key, value }) => value === undefined || !notes.has(key));
        for (const { key, value } of changes)
          if (value === undefined) notes.delete(key);
          else notes.set(key, value);
        return inner.write(fresh, steps);
      },
    })),
  ),
  of(
    "takes an empty value for a missing one",
    "entries: an empty value isn't a missing one",
    reading((value) => (value.length === 0 ? undefined : value)),
  ),
  of(
    "keeps text",
    "entries: each byte is kept",
    reading((value) => new Uint8Array(Buffer.from(Buffer.from(value).toString("utf8")))),
  ),
  of(
    "cuts values at 64 KB",
    "entries: each length is kept",
    reading((value) => value.slice(0, 65_535)),
  ),
  of(
    "cuts values at 4 MB",
    "entries: values of 8 MB are kept, several in one write",
    reading((value) => value.slice(0, 4 << 20)),
  ),
  of(
    "writes the buffer behind a view",
    "entries: a view of a larger buffer is written as what it shows",
    writing((changes, steps) => [
      changes.map(({ key, value }) => ({ key, value: value && new Uint8Array(value.buffer) })),
      steps,
    ]),
  ),
  of(
    "keeps the caller's array",
    "entries: what the caller does with its bytes after a write changes nothing",
    with_(({ inner, notes }) => ({
      get: async (key) => ((await inner.get(key)) === undefined ? undefined : notes.get(key)?.slice()),
      async write(changes, steps) {
        for (const { key, value } of changes) if (value !== undefined) notes.set(key, value);
        for (const { key, to } of steps) notes.set(key, to);
        return inner.write(changes, steps);
      },
    })),
  ),
  of(
    "returns its own array",
    "entries: what the caller does with what was read changes nothing",
    with_(({ inner, notes }) => ({
      async get(key) {
        const value = await inner.get(key);
        if (value === undefined) return undefined;
        const known = notes.get(key);
        if (known?.length !== value.length) notes.set(key, value);
        return notes.get(key);
      },
    })),
  ),
  of(
    "never deletes",
    "entries: one that is deleted is gone, and the others stay",
    writing((changes, steps) => [changes.filter(({ value }) => value !== undefined), steps]),
  ),
  of(
    "deletes all below a key",
    "entries: one that is deleted is gone, and the others stay",
    with_(({ inner }) => ({
      async write(changes, steps) {
        const below = [];
        for (const { key, value } of changes) if (value === undefined) below.push(...(await inner.list(key)));
        const named = new Set(changes.map(({ key }) => key));
        return inner.write(
          [...changes, ...below.flatMap(({ key }) => (named.has(key) ? [] : [{ key, value: undefined }]))],
          steps,
        );
      },
    })),
  ),
  of(
    "has one place for all storages",
    "entries: those of another storage are apart",
    under(({ inner }) => inner, false),
  ),
  of(
    "ignores steps without changes",
    "entries: a write without changes is made",
    with_(({ inner }) => ({
      write: (changes, steps) => (changes.length === 0 ? true : inner.write(changes, steps)),
    })),
  ),
  of(
    "lists in the order of writing",
    "lists: all entries, in the byte order of their keys",
    with_(({ inner, notes }) => ({
      async list(prefix) {
        const found = new Map((await inner.list(prefix)).map((one) => [one.key, one]));
        return [...notes.keys()].flatMap((key) => found.get(key) ?? []);
      },
      write(changes, steps) {
        for (const { key } of [...changes, ...steps]) notes.set(key, new Uint8Array());
        return inner.write(changes, steps);
      },
    })),
  ),
  of(
    "lists in the order of a language",
    "lists: all entries, in the byte order of their keys",
    with_(({ inner }) => ({
      list: async (prefix) => [...(await inner.list(prefix))].sort((a, b) => collated(a.key, b.key)),
    })),
  ),
  of(
    "lists what contains the prefix",
    "lists: those whose key begins with the prefix, and no others",
    with_(({ inner }) => ({
      list: async (prefix) => (await inner.list("")).filter(({ key }) => key.includes(prefix)),
    })),
  ),
  of(
    "lists without what equals the prefix",
    "lists: those whose key begins with the prefix, and no others",
    with_(({ inner }) => ({
      list: async (prefix) => (await inner.list(prefix)).filter(({ key }) => key !== prefix || key === ""),
    })),
  ),
  of(
    "ends a range at z",
    "lists: a prefix that ends with the last character",
    with_(({ inner }) => ({
      list: async (prefix) =>
        (await inner.list("")).filter(({ key }) => key >= prefix && key <= `${prefix}z`),
    })),
  ),
  of(
    "cuts keys at 128 characters",
    "lists: keys of 255 characters that differ in the last one",
    writing((changes, steps) => [
      [
        ...new Map(
          changes.map((one) => [one.key.slice(0, 128), { ...one, key: one.key.slice(0, 128) }]),
        ).values(),
      ],
      steps,
    ]),
  ),
  of(
    "lists at most 1,000",
    "lists: 2,000 entries that were written together",
    with_(({ inner }) => ({
      list: async (prefix) => (await inner.list(prefix)).slice(0, 1000),
    })),
  ),
  of(
    "writes one change after the other",
    "lists: of each write all or nothing",
    with_(({ inner }) => ({
      write: (changes, steps) => oneByOne(inner, changes, steps),
    })),
  ),
  of(
    "doesn't compare a first version",
    "versions: the first needs that there is none",
    comparing((value, from) => from === undefined || exact(value, from)),
  ),
  of(
    "compares no versions",
    "versions: the next needs the one before",
    comparing(() => true),
  ),
  of(
    "takes a missing version for any",
    "versions: one that isn't there isn't any",
    comparing((value, from) => value === undefined || exact(value, from)),
  ),
  of(
    "takes a missing version for an empty one",
    "versions: one that isn't there isn't any",
    comparing((value, from) => string(value) === string(from) && (value === undefined || from !== undefined)),
  ),
  of(
    "compares 8 bytes",
    "versions: all of it is compared",
    comparing((value, from) => hex(value?.subarray(0, 8)) === hex(from?.subarray(0, 8))),
  ),
  of(
    "compares lengths and the first byte",
    "versions: all of it is compared",
    comparing((value, from) => value?.length === from?.length && value?.[0] === from?.[0]),
  ),
  of(
    "compares numbers as such",
    "versions: what ends with zeros or looks like a number is compared as bytes",
    comparing(
      (value, from) =>
        exact(value, from) || (value !== undefined && Number(string(value)) === Number(string(from))),
    ),
  ),
  of(
    "compares without case",
    "versions: what ends with zeros or looks like a number is compared as bytes",
    comparing(
      (value, from) =>
        exact(value, from) ||
        (value !== undefined &&
          from !== undefined &&
          string(value).toLowerCase() === string(from).toLowerCase()),
    ),
  ),
  of(
    "refuses a step that changes nothing",
    "versions: a step to what it was is made",
    with_(({ inner }) => ({
      write: (changes, steps) =>
        steps.some(({ from, to }) => exact(from, to)) ? false : inner.write(changes, steps),
    })),
  ),
  of(
    "makes the changes of a refused write",
    "writes: a refused one changes nothing",
    with_(({ inner }) => ({
      async write(changes, steps) {
        const isMade = await inner.write(changes, steps);
        if (!isMade) await inner.write(changes, []);
        return isMade;
      },
    })),
  ),
  of(
    "makes the steps before the one that is refused",
    "writes: a refused one changes nothing",
    with_(({ inner }) => ({
      async write(changes, steps) {
        for (const one of steps) if (!(await inner.write([], [one]))) return false;
        return inner.write(changes, []);
      },
    })),
  ),
  of(
    "compares only the first step",
    "writes: a refused one changes nothing",
    with_(({ inner }) => ({
      write: (changes, [first, ...others]) =>
        inner.write(
          [...changes, ...others.map(({ key, to }) => ({ key, value: to }))].filter(
            ({ key }, i, all) => all.findIndex((one) => one.key === key) === i,
          ),
          first ? [first] : [],
        ),
    })),
  ),
  of(
    "makes only the first step",
    "writes: several steps are made together",
    with_(({ inner }) => ({ write: (changes, steps) => inner.write(changes, steps.slice(0, 1)) })),
  ),
  of(
    "returns nothing",
    "entries: what was written is read",
    with_(({ inner }) => ({
      async write(...write) {
        await inner.write(...write);
        return undefined as never;
      },
    })),
  ),
  of(
    "throws for another version",
    "versions: the next needs the one before",
    with_(({ inner }) => ({
      async write(...write) {
        if ((await inner.write(...write)) === true) return true;
        throw new Error("another version");
      },
    })),
  ),
  of(
    "remembers what it has read",
    "writes: another opener sees them at once",
    under(({ inner }) => {
      const read = new Map<string, Uint8Array>();
      return {
        async get(key) {
          const value = read.get(key) ?? (await inner.get(key));
          if (value !== undefined) read.set(key, value);
          return value?.slice();
        },
        list: inner.list,
        write(changes, steps) {
          for (const { key } of [...changes, ...steps]) read.delete(key);
          return inner.write(changes, steps);
        },
      };
    }),
  ),
  of(
    "compares with the version that it has seen last",
    "writes: another opener's version is the version",
    under(({ inner }) => {
      const seen = new Map<string, Uint8Array>();
      return {
        get: inner.get,
        list: inner.list,
        async write(changes, steps) {
          for (const { key, from } of steps)
            if (!exact(seen.get(key) ?? (await inner.get(key)), from)) return false;
          for (const { key, value } of changes) if (value === undefined) seen.delete(key);
          for (const { key, to } of steps) seen.set(key, to.slice());
          return inner.write([...changes, ...steps.map(({ key, to }) => ({ key, value: to }))], []);
        },
      };
    }),
  ),
  of(
    "compares before it waits",
    "races: of many writes from one version, one is made",
    comparing(exact, true),
  ),
  of("lets all be the first", "races: of many who make it first, one does", comparing(exact, true)),
  of("loses steps", "races: no step is lost", comparing(exact, true)),
  of(
    "refuses while another write is made",
    "races: writes from different versions don't refuse each other",
    with_(({ inner, notes }) => ({
      async write(changes, steps) {
        if (notes.has("busy")) return false;
        notes.set("busy", new Uint8Array());
        await later();
        notes.delete("busy");
        return inner.write(changes, steps);
      },
    })),
  ),
  of(
    "answers with what was asked last",
    "races: calls that don't wait for each other have the answers to their own questions",
    with_(({ inner }) => {
      let asked = "";
      return {
        async get(key) {
          asked = key;
          await later();
          return inner.get(asked);
        },
      };
    }),
  ),
  of(
    "writes after it has answered",
    "writes: another opener sees them at once",
    with_(({ inner }) => ({
      write(changes, steps) {
        if (steps.length > 0) return inner.write(changes, steps);
        const copies = changes.map(({ key, value }) => ({ key, value: value?.slice() }));
        void later().then(() => inner.write(copies, []));
        return true;
      },
    })),
  ),
  of(
    "forgets when it is closed",
    "openers: what was written is there after all have closed",
    (() => {
      const { open } = under(({ inner }) => ({ get: inner.get, list: inner.list, write: inner.write }));
      let closed = 0;
      return { name: "forgetful", open: (name: string) => open(`${name}${closed}`), close: () => closed++ };
    })(),
  ),
  of(
    "ends all openers with one",
    "openers: one that closes doesn't end the others",
    (() => {
      let isClosed = false;
      const alive = <T>(value: T): T => {
        if (isClosed) throw new Error("closed");
        return value;
      };
      const { open } = under(({ inner }) => ({
        get: (key) => alive(inner.get(key)),
        list: (prefix) => alive(inner.list(prefix)),
        write: (...write) => alive(inner).write(...write),
      }));
      return {
        name: "closing",
        open,
        close: () => {
          isClosed = true;
        },
      };
    })(),
  ),
  of(
    "writes no entry a second time that was deleted",
    "entries: one that was deleted can be written again",
    with_(({ inner, notes }) => ({
      write(changes, steps) {
        const fresh = changes.filter(({ key }) => !notes.has(key));
        for (const { key, value } of changes) if (value === undefined) notes.set(key, new Uint8Array());
        return inner.write(fresh, steps);
      },
    })),
  ),
  of(
    "lists what was written again last",
    "lists: the order doesn't depend on when entries were written",
    with_(({ inner, notes }) => ({
      async list(prefix) {
        const found = await inner.list(prefix);
        return [...found.filter(({ key }) => !notes.has(key)), ...found.filter(({ key }) => notes.has(key))];
      },
      async write(changes, steps) {
        for (const { key } of changes)
          if ((await inner.get(key)) !== undefined) notes.set(key, new Uint8Array());
        return inner.write(changes, steps);
      },
    })),
  ),
  of(
    "keeps the version of a deleted entry",
    "versions: one that was deleted isn't there",
    with_(({ inner, notes }) => ({
      async write(changes, steps) {
        for (const { key, from } of steps)
          if (!exact(notes.get(key) ?? (await inner.get(key)), from)) return false;
        for (const { key, to } of steps) notes.set(key, to.slice());
        return inner.write([...changes, ...steps.map(({ key, to }) => ({ key, value: to }))], []);
      },
    })),
  ),
];
