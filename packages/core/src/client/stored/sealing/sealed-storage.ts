// RFC 9420 §16.6: a storage whose values are sealed, around any other.
import { equalBytes } from "../../../bytes.js";
import { MlsError } from "../../../errors.js";
import { checkOptions, type OptionShape } from "../../../option-shapes.js";
import type { StorageCipher } from "../../../provider/index.js";
import type { ClientStorage, StorageChange, StoredEntry, VersionStep } from "../client-storage.js";
import { readValue } from "../entries.js";
import { type Part, type PartState, partOf } from "./part.js";
import { type FoundPart, isSame, PartList, type WriteMemory } from "./part-list.js";

/** The options of {@link sealedStorage} and {@link resealStorage}. */
export interface SealedStorageOptions {
  /**
   * Notices that a part, such as a group, or the whole storage was taken away, or put back as it was before. Default: none, and
   * nobody notices.
   */
  readonly memory?: WriteMemory;
  /** How many values one key seals: 1 to 2^20. Each opener begins with new keys, too. Default: 2^20. */
  readonly valuesPerKey?: number;
}

const OPTIONS: OptionShape<SealedStorageOptions> = { memory: "object", valuesPerKey: "number" };
/** With random nonces, 2^32 are the most (NIST SP 800-38D §8.3); for 2^20 two are equal with a probability of 2^-57. */
const MAX_VALUES_PER_KEY = 2 ** 20;

/**
 * A storage around another one that has only sealed values: AES-256-GCM, with keys that the cipher derives from its master
 * key for each part (the client, each group, and the application's entries below each `app/NAME/`) and each opener. A value fits its key alone, and all values of a part fit
 * one version of it alone: one that is damaged, foreign, old, missing or in another's place is refused when the client is
 * opened or the group is loaded, with MlsError `state`, and nothing is overwritten.
 *
 * In clear are the keys of entries: names of groups in the storage, which are random, references of key packages, numbers of
 * epochs, leaf indices of who has sent; the sizes of values; and handles (CryptoKeys), which stay what they are. A sealed value
 * is 37 bytes longer; that of a client's version has 60 bytes.
 *
 * Two clients need two master keys. Use the storage within it for nothing else.
 * @throws MlsError `usage`
 * @example
 * const storage = sealedStorage(memoryStorage(), nodeStorageCipher(masterKey));
 * const client = await openClient({ storage, crypto, credential: "alice", authentication });
 */
export function sealedStorage(
  storage: ClientStorage,
  cipher: StorageCipher,
  options: SealedStorageOptions = {},
): ClientStorage {
  const parts = partsOf(storage, cipher, options);
  const { handles, turn, changes } = storage;
  return {
    ...(handles !== undefined && { handles }),
    ...(turn !== undefined && { turn: turn.bind(storage) }),
    ...(changes !== undefined && { changes: changes.bind(storage) }),
    get: (key) => get(storage, parts, key),
    list: (prefix) => list(parts, prefix),
    write: (changes, steps) => write(storage, parts, changes, steps),
  };
}

/** @throws MlsError `usage` */
export function partsOf(
  storage: ClientStorage,
  cipher: StorageCipher,
  options: SealedStorageOptions,
): PartList {
  const { memory, valuesPerKey = MAX_VALUES_PER_KEY } = checkOptions(options, OPTIONS);
  needFunctions(storage, "a client storage", ["get", "list", "write"]);
  needFunctions(cipher, "a storage cipher", ["deriveKey", "random"]);
  if (memory !== undefined) needFunctions(memory, "options.memory", ["recall", "remember"]);
  if (!Number.isInteger(valuesPerKey) || valuesPerKey < 1 || valuesPerKey > MAX_VALUES_PER_KEY)
    throw new MlsError(
      "usage",
      `options.valuesPerKey: expected 1 to ${MAX_VALUES_PER_KEY}, got ${valuesPerKey}`,
    );
  return new PartList(storage, cipher, memory, valuesPerKey);
}

function needFunctions(value: object, what: string, names: readonly string[]): void {
  const missing = names.find(
    (name) => typeof (value as Record<string, unknown> | null)?.[name] !== "function",
  );
  if (missing !== undefined) throw new MlsError("usage", `expected ${what}, got one without ${missing}()`);
}

async function get(storage: ClientStorage, parts: PartList, key: string): Promise<Uint8Array | undefined> {
  const part = parts.part(partOf(key));
  const state = await parts.known(part);
  if (state !== undefined && isSame(await readValue(storage, part.versionKey), state.seal)) {
    if (key === part.versionKey) return state.version?.slice();
    const tag = state.tags.get(key);
    if (tag === undefined) return undefined;
    const value = await readValue(storage, key);
    // Otherwise it has changed in between.
    if (value !== undefined && equalBytes(value.subarray(-tag.length), tag))
      return part.open({ key, value }, part.opener());
  }
  return (await list(parts, key)).find((entry) => entry.key === key)?.value;
}

async function list(parts: PartList, prefix: string): Promise<readonly StoredEntry[]> {
  const found = await parts.read(
    partOf(prefix),
    (name) => name.startsWith(prefix) || prefix.startsWith(name),
  );
  const opened = found.flatMap(({ part, state: { version }, values, open }) => [
    ...(version !== undefined && part.versionKey.startsWith(prefix)
      ? [{ key: part.versionKey, value: version.slice() }]
      : []),
    ...values
      .filter(({ key }) => key.startsWith(prefix))
      .map(async (entry) => ({ ...entry, value: await part.open(entry, open) })),
  ]);
  return (await Promise.all(opened)).sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** What a write does to one part. */
interface PartWork {
  readonly part: Part;
  readonly changes: StorageChange[];
  readonly steps: VersionStep[];
}

function workOf(
  parts: PartList,
  changes: readonly StorageChange[],
  steps: readonly VersionStep[],
): PartWork[] {
  const work = new Map<string, PartWork>();
  const at = (key: string): PartWork => {
    const name = partOf(key);
    const one = work.get(name) ?? { part: parts.part(name), changes: [], steps: [] };
    work.set(name, one);
    return one;
  };
  for (const change of changes) at(change.key).changes.push(change);
  for (const step of steps) at(step.key).steps.push(step);
  return [...work.values()];
}

/** Whether a part must be read again before a write: another entry than its version is compared. */
const needsRead = ({ part, steps }: PartWork): boolean => steps.some(({ key }) => key !== part.versionKey);

type Seen = Pick<FoundPart, "state"> & Partial<FoundPart>;

async function isFrom({ part, steps }: PartWork, { state, values = [], open }: Seen): Promise<boolean> {
  for (const { key, from } of steps) {
    const entry = values.find((one) => one.key === key);
    const opened = entry && open && (await part.open(entry, open));
    if (!isSame(key === part.versionKey ? state.version : opened, from)) return false;
  }
  return true;
}

async function write(
  storage: ClientStorage,
  parts: PartList,
  changes: readonly StorageChange[],
  steps: readonly VersionStep[],
): Promise<boolean> {
  const work = workOf(parts, changes, steps);
  let mustRead = work.some(needsRead);
  let before: readonly PartState[] | undefined;
  for (;;) {
    const isRead = mustRead;
    const seen = await Promise.all(work.map(({ part }) => look(parts, part, isRead)));
    mustRead = true;
    const matches = await Promise.all(work.map((one, i) => isFrom(one, seen[i] as Seen)));
    if (matches.includes(false)) {
      if (isRead) return false;
      continue;
    }
    // A storage that refuses what nobody has changed would do so for ever.
    if (before?.every(({ seal }, i) => isSame(seal, seen[i]?.state.seal))) return false;
    before = seen.map(({ state }) => state);
    const writes = await Promise.all(
      work.map(({ part, changes, steps }, i) =>
        part.next(before?.[i] as PartState, [
          ...changes,
          ...steps.map(({ key, to }) => ({ key, value: to })),
        ]),
      ),
    );
    const answer = await storage.write(
      writes.flatMap(({ changes }) => changes),
      writes.flatMap(({ step }) => step ?? []),
    );
    if (answer === true) await parts.made(writes);
    if (answer !== false) return answer;
  }
}

/** The state of a part: the one that this opener knows, or the one that the storage has. */
async function look(parts: PartList, part: Part, isRead: boolean): Promise<Seen> {
  const state = isRead ? undefined : await parts.known(part);
  if (state !== undefined) return { state };
  const [found] = await parts.read(part.name, (name) => name === part.name);
  return found as FoundPart;
}
