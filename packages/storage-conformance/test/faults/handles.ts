// Faults of storages that keep handles of keys.
import { type Fault, of, type Shared, under } from "./faulty.js";

type Faulty = Partial<Shared["inner"]>;

/** A storage that keeps handles, with a fault. */
const keeping = (fault: (shared: Shared, handles: Map<string, object>) => Faulty) => {
  const handles = new Map<string, object>();
  return under((shared) => {
    const { get, list, write } = shared.inner;
    return { handles: true, get, list, write, ...fault(shared, handles) };
  });
};

export const FAULTS: readonly Fault[] = [
  of(
    "forgets handles",
    "handles: each is listed with its bytes, for all openers",
    keeping(({ inner }) => ({
      list: async (prefix) => (await inner.list(prefix)).map(({ key, value }) => ({ key, value })),
    })),
  ),
  of(
    "keeps the handle of an entry that is gone",
    "handles: one goes with its entry",
    keeping(({ inner }, handles) => ({
      list: async (prefix) =>
        (await inner.list(prefix)).map((entry) => ({ ...entry, handle: handles.get(entry.key) })),
      write(changes, steps) {
        for (const { key, handle } of changes) if (handle !== undefined) handles.set(key, handle);
        return inner.write(changes, steps);
      },
    })),
  ),
  of(
    "takes the handles of a write that it refuses",
    "handles: a refused write leaves them as they were",
    keeping(({ inner }, handles) => ({
      list: async (prefix) =>
        (await inner.list(prefix)).map((entry) => ({ ...entry, handle: handles.get(entry.key) })),
      write(changes, steps) {
        for (const { key, handle } of changes) {
          if (handle === undefined) handles.delete(key);
          else handles.set(key, handle);
        }
        return inner.write(changes, steps);
      },
    })),
  ),
];
