// What faulty storages are made of.
import { type ClientStorage, memoryStorage, type StorageChange, type VersionStep } from "@copse/core/storage";
import type { StorageUnderTest } from "@copse/storage-conformance";

/** What all openers of a storage share. */
export interface Shared {
  readonly inner: ClientStorage;
  readonly notes: Map<string, Uint8Array>;
}

/** @param make wraps what is shared, for one opener */
export function under(make: (shared: Shared) => ClientStorage, isShared = true): StorageUnderTest {
  const stores = new Map<string, Shared>();
  return {
    name: "faulty",
    open(name) {
      const found = stores.get(isShared ? name : "");
      const shared = found ?? { inner: memoryStorage(), notes: new Map() };
      stores.set(isShared ? name : "", shared);
      return make(shared);
    },
  };
}

type Write = ClientStorage["write"];
type Faulty = (shared: Shared) => Partial<ClientStorage>;

export const with_ = (fault: Faulty) =>
  under((shared) => {
    const { inner } = shared;
    return { get: inner.get, list: inner.list, write: inner.write, ...fault(shared) };
  });

/** A storage whose writes get something else than they should. */
export const writing = (change: (...write: Parameters<Write>) => Parameters<Write>) =>
  with_(({ inner }) => ({ write: (...write) => inner.write(...change(...write)) }));

/** A storage whose values are read otherwise than they were written. */
export const reading = (change: (value: Uint8Array, key: string) => Uint8Array | undefined) =>
  with_(({ inner }) => ({
    async get(key) {
      const value = await inner.get(key);
      return value && change(value, key);
    },
    list: async (prefix) =>
      (await inner.list(prefix)).flatMap(({ key, value }) => {
        const changed = change(value, key);
        return changed === undefined ? [] : [{ key, value: changed }];
      }),
  }));

/** A storage that compares versions in its own way, with a wait between that and the write. */
export const comparing = (
  isSame: (value: Uint8Array | undefined, from: Uint8Array | undefined) => boolean,
  waits = false,
) =>
  with_(({ inner }) => ({
    async write(changes, steps) {
      for (const { key, from } of steps) if (!isSame(await inner.get(key), from)) return false;
      if (waits) await new Promise((resolve) => setTimeout(resolve, 1));
      const done = steps.map(({ key, to }): StorageChange => ({ key, value: to }));
      return inner.write([...changes, ...done], []);
    },
  }));

export const hex = (value: Uint8Array | undefined) =>
  value === undefined ? "none" : Buffer.from(value).toString("hex");
export const string = (value: Uint8Array | undefined) => Buffer.from(value ?? []).toString();
export const exact = (a: Uint8Array | undefined, b: Uint8Array | undefined) => hex(a) === hex(b);
export const later = () => new Promise((resolve) => setTimeout(resolve, 2));

/** Writes one change after the other. */
export async function oneByOne(
  inner: ClientStorage,
  changes: readonly StorageChange[],
  steps: readonly VersionStep[],
) {
  if ((await inner.write([], steps)) !== true) return false;
  for (const change of changes) {
    await later();
    await inner.write([change], []);
  }
  return true;
}

/** A storage with a fault, and the check that must catch it. */
export interface Fault {
  readonly fault: string;
  readonly caughtBy: string;
  readonly storage: StorageUnderTest;
}

export const of = (fault: string, caughtBy: string, storage: StorageUnderTest): Fault => ({
  fault,
  caughtBy,
  storage,
});
