// Storages with one fault each, in what they keep of entries.
import { type Fault, of, reading, under, with_, writing } from "./faulty.js";

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
        for (const { key, to } of steps) if (to !== undefined) notes.set(key, to);
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
];
