// Storages with one fault each, in versions, and openers at the same time.
import { comparing, exact, type Fault, hex, later, of, string, under, with_ } from "./faulty.js";

export const FAULTS: readonly Fault[] = [
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
    "keeps the version of a deleted entry",
    "versions: one that was deleted isn't there",
    with_(({ inner, notes }) => ({
      async write(changes, steps) {
        for (const { key, from } of steps)
          if (!exact(notes.get(key) ?? (await inner.get(key)), from)) return false;
        for (const { key, to } of steps) if (to !== undefined) notes.set(key, to.slice());
        return inner.write([...changes, ...steps.map(({ key, to }) => ({ key, value: to }))], []);
      },
    })),
  ),
];
