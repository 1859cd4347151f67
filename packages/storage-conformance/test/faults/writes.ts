// Storages with one fault each, in their writes.
import { exact, type Fault, later, of, under, with_, writing } from "./faulty.js";

export const FAULTS: readonly Fault[] = [
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
    "writes nothing bytes for a step to nothing",
    "versions: a step to nothing deletes it",
    writing((changes, steps) => [changes, steps.map((one) => ({ ...one, to: one.to ?? new Uint8Array() }))]),
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
          for (const { key, to } of steps) if (to !== undefined) seen.set(key, to.slice());
          return inner.write([...changes, ...steps.map(({ key, to }) => ({ key, value: to }))], []);
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
];
