// Storages with one fault each, in their lists.
import { type Fault, of, oneByOne, with_, writing } from "./faulty.js";

/** As a locale of PostgreSQL does it: punctuation counts last. */
function collated(a: string, b: string): number {
  const [letters, others] = [a, b].map((key) => key.replaceAll(/[-/]/g, "")) as [string, string];
  return letters === others ? a.localeCompare(b) : letters < others ? -1 : 1;
}

export const FAULTS: readonly Fault[] = [
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
];
