// A storage in files, to read and to compare with: the simplest that loses nothing when the power does. Node, Bun and Deno.
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
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { ClientStorage } from "@copse/core/storage";

type Entries = Map<string, Uint8Array>;

/** So many files that were replaced stay, empty: their numbers can't be taken again by who slept meanwhile. */
const KEPT = 100;

/** The state that has just been read, and its number: 0 before the first. */
interface Version {
  readonly number: number;
  readonly entries: Entries;
}

const isSame = (a: Uint8Array | undefined, b: Uint8Array | undefined) =>
  a === undefined || b === undefined ? a === b : Buffer.from(a).equals(b);

const copy = (value: Uint8Array) => new Uint8Array(value);

/** The numbers of the files that are there, the newest first. */
const numbersIn = (directory: string) =>
  readdirSync(directory)
    .flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []))
    .sort((a, b) => b - a);

/** Does to a file what somebody else may do at the same time: then it isn't there. */
function unlessGone<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") throw error;
    return undefined;
  }
}

function read(directory: string): Version {
  for (;;) {
    const [number = 0] = numbersIn(directory);
    if (number === 0) return { number, entries: new Map() };
    const text = unlessGone(() => readFileSync(join(directory, `${number}`), "utf8"));
    if (text?.endsWith("]")) {
      const pairs = JSON.parse(text) as [string, string][];
      const entries = pairs.map(([key, value]) => [key, copy(Buffer.from(value, "base64"))] as const);
      return { number, entries: new Map(entries) };
    }
    // Emptied meanwhile, by who made the next.
    if (numbersIn(directory)[0] === number) throw new Error(`${join(directory, `${number}`)} isn't whole`);
  }
}

/** Waits until the disk has it: a file's content, or the names in a directory. */
function sync(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

let made = 0;

/** Writes a file that nobody looks for. @returns its path */
function writeAside(directory: string, entries: Entries): string {
  const path = join(directory, `new-${process.pid}-${Date.now()}-${++made}`);
  const pairs = Array.from(entries, ([key, value]) => [key, Buffer.from(value).toString("base64")]);
  const file = openSync(path, "wx", 0o600);
  try {
    writeFileSync(file, JSON.stringify(pairs));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return path;
}

/**
 * Gives a file its number, and its predecessors' content back to the disk.
 * @returns whether nobody was faster: a name is linked once
 */
function take(directory: string, path: string, number: number): boolean {
  try {
    linkSync(path, join(directory, `${number}`));
  } catch (error) {
    if ((error as { code?: string }).code !== "EEXIST") throw error;
    return false;
  } finally {
    rmSync(path);
  }
  sync(directory);
  const [newest = 0, ...others] = numbersIn(directory);
  // Nobody knows whether the number was free because others had deleted its file.
  if (newest > number + KEPT / 2)
    throw new Error(`this writer slept while others made ${newest - number} writes`);
  empty(directory, number - 1);
  for (const old of others) if (old <= number - KEPT) rmSync(join(directory, `${old}`), { force: true });
  return true;
}

function empty(directory: string, number: number): void {
  unlessGone(() => truncateSync(join(directory, `${number}`)));
}

/** Removes what processes left that were killed: files without a number, and content that was replaced. */
function tidy(directory: string): void {
  for (const old of numbersIn(directory).slice(1)) empty(directory, old);
  for (const name of readdirSync(directory)) {
    const [, maker] = /^new-(\d+)-/.exec(name) ?? [];
    if (maker !== undefined && !isRunning(Number(maker))) rmSync(join(directory, name), { force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as { code?: string }).code !== "ESRCH";
  }
}

/**
 * A storage in a directory, which is made if it isn't there. Each write makes a whole new file with all entries, under the next
 * number, and waits until the disk has it: so it suits small states and tests. Several processes may open it. Old content is
 * given back to the disk, not overwritten.
 * @example
 * const storage = fileStorage("alice");
 */
export function fileStorage(directory: string): ClientStorage {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  tidy(directory);
  return {
    get: (key) => read(directory).entries.get(key),
    list: (prefix) =>
      [...read(directory).entries]
        .filter(([key]) => key.startsWith(prefix))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, value]) => ({ key, value })),
    write(changes, steps) {
      for (;;) {
        const { number, entries } = read(directory);
        if (steps.some(({ key, from }) => !isSame(entries.get(key), from))) return false;
        for (const { key, value } of [...changes, ...steps.map(({ key, to }) => ({ key, value: to }))]) {
          if (value === undefined) entries.delete(key);
          else entries.set(key, value);
        }
        if (take(directory, writeAside(directory, entries), number + 1)) return true;
      }
    },
  };
}
