// A storage in files, the simplest that outlasts its process: each write makes a whole new file, under the next number.
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { ClientStorage } from "@copse/core/storage";

type Entries = Map<string, Uint8Array>;

let made = 0;

const isSame = (a: Uint8Array | undefined, b: Uint8Array | undefined) =>
  a === undefined || b === undefined ? a === b : Buffer.from(a).equals(b);

/** Of two processes that make the same number, one can: a name is linked once. Numbers stay, empty, so that none comes again. */
export function fileStorage(folder: string): ClientStorage {
  mkdirSync(folder, { recursive: true });
  const newest = () =>
    Math.max(0, ...readdirSync(folder).flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : [])));
  const read = (): { number: number; entries: Entries } => {
    for (;;) {
      const number = newest();
      if (number === 0) return { number, entries: new Map() };
      const text = readFileSync(join(folder, `${number}`), "utf8");
      // Emptied meanwhile, by who made the next.
      if (text === "") continue;
      const pairs = JSON.parse(text) as [string, string][];
      return { number, entries: new Map(pairs.map(([key, value]) => [key, Buffer.from(value, "base64")])) };
    }
  };
  /** @returns whether nobody was faster */
  const make = (number: number, entries: Entries): boolean => {
    const temporary = join(folder, `new-${process.pid}-${++made}`);
    const file = openSync(temporary, "w");
    const pairs = Array.from(entries, ([key, value]) => [key, Buffer.from(value).toString("base64")]);
    writeSync(file, JSON.stringify(pairs));
    fsyncSync(file);
    closeSync(file);
    try {
      linkSync(temporary, join(folder, `${number}`));
    } catch (error) {
      if ((error as { code?: string }).code !== "EEXIST") throw error;
      return false;
    } finally {
      rmSync(temporary);
    }
    if (number > 1) truncateSync(join(folder, `${number - 1}`));
    return true;
  };
  const own = (value: Uint8Array) => new Uint8Array(value);
  return {
    get(key) {
      const value = read().entries.get(key);
      return value && own(value);
    },
    list: (prefix) =>
      [...read().entries]
        .filter(([key]) => key.startsWith(prefix))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, value]) => ({ key, value: own(value) })),
    write(changes, steps) {
      for (;;) {
        const { number, entries } = read();
        if (steps.some(({ key, from }) => !isSame(entries.get(key), from))) return false;
        for (const { key, value } of changes) {
          if (value === undefined) entries.delete(key);
          else entries.set(key, own(value));
        }
        for (const { key, to } of steps) entries.set(key, to);
        if (make(number + 1, entries)) return true;
      }
    },
  };
}
