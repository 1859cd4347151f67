// RFC 9420 §7, §8, §9.2, §12: what a storage has of one group, and what must change in it.
import { wipe } from "../../bytes.js";
import { type GroupConfig, privateKeysIn } from "../../group/index.js";
import {
  type LoadedState,
  loadParts,
  nameOf,
  type Part,
  partsOf,
  saveTree,
  saveTreeChanges,
  saving,
  secretPartsOf,
  secretPrefix,
  TREE,
  TREE_CHANGES,
} from "../../group/storage/index.js";
import type { CipherSuiteProvider } from "../../provider/index.js";
import type { SecretTree } from "../../schedule/index.js";
import type { RatchetTree } from "../../tree/index.js";
import type { Membership } from "../membership.js";
import type { StorageChange, StoredEntry, VersionStep } from "./client-storage.js";
import { isSame } from "./entries.js";
import { KeyRows } from "./key-rows.js";
import { EntrySum } from "./sum.js";

/** The entries of a group besides the parts of its state. */
const VERSION = "version";
const SUM = "sum";

/** The size of a version in bytes. It is random: so a version that was there before never comes back. */
const VERSION_SIZE = 16;

/** A write of a group, before it is made. */
export interface Draft {
  readonly changes: readonly StorageChange[];
  readonly step: VersionStep;
  /** Is called when it was made. */
  readonly done: () => void;
}

/** The step to a new version. */
export function stepFrom(
  key: string,
  from: Uint8Array | undefined,
  random: (length: number) => Uint8Array,
): VersionStep {
  return { key, from, to: random(VERSION_SIZE) };
}

/** The tree in the storage: a whole one, and the changes since. It holds no secrets, so they may stay. */
interface StoredTree {
  readonly tree: RatchetTree;
  /** The sizes of the whole one and of all changes, in bytes. */
  readonly size: number;
  readonly changed: number;
  /** How many changes. */
  readonly count: number;
}

type Values = Map<string, Uint8Array | undefined>;

/** What the storage has as it was saved: with it, a part that hasn't changed need not be encoded. */
interface Known {
  readonly tree: StoredTree | undefined;
  readonly parts: ReadonlyMap<string, Part["of"]>;
  /** By the beginnings of the names of their pieces. */
  readonly secretTrees: ReadonlyMap<string, SecretTree | undefined>;
}

const isOfTree = (name: string): boolean => name === TREE || name.startsWith(`${TREE_CHANGES}/`);

/**
 * @param names those of what was loaded. There may be more than in the state, such as epochs that are too old by now
 * @param tree the one that was loaded
 */
function knownOf(
  provider: CipherSuiteProvider,
  loaded: LoadedState,
  names: Iterable<string>,
  tree: StoredTree,
): Known {
  const made = new Map(partsOf(provider, loaded.state, loaded).map(({ name, of }) => [name, of]));
  const parts = new Map<string, Part["of"]>();
  const secretTrees = new Map<string, SecretTree | undefined>();
  for (const name of names) {
    const prefix = secretPrefix(name);
    if (prefix !== undefined) secretTrees.set(prefix, undefined);
    else if (!isOfTree(name)) parts.set(name, made.get(name));
  }
  for (const { prefix, secretTree } of secretPartsOf(loaded.state)) secretTrees.set(prefix, secretTree);
  return { tree, parts, secretTrees };
}

function treeIn({ state }: LoadedState, values: ReadonlyMap<string, Uint8Array>): StoredTree {
  let [size, changed, count] = [0, 0, 0];
  for (const [name, { length }] of values) {
    if (name === TREE) size = length;
    else if (isOfTree(name)) {
      changed += length;
      count++;
    }
  }
  return { tree: state.current.tree, size, changed, count };
}

const NOTHING: Known = { tree: undefined, parts: new Map(), secretTrees: new Map() };

export class Journal {
  /** Before the names of its entries. */
  readonly #prefix: string;
  readonly #random: (length: number) => Uint8Array;
  #version: Uint8Array | undefined;
  #sum = new EntrySum();
  /** After it was loaded, made when it is first asked for: many a group is loaded to be looked at. */
  #known: (() => Known) | undefined;
  readonly #rows: KeyRows | undefined;

  /** @param handles whether the storage keeps handles of keys */
  constructor(prefix: string, random: (length: number) => Uint8Array, handles = false) {
    this.#prefix = prefix;
    this.#random = random;
    this.#rows = handles ? new KeyRows(`${prefix}key/`, random) : undefined;
  }

  get versionKey(): string {
    return `${this.#prefix}${VERSION}`;
  }

  isAt(version: Uint8Array | undefined): boolean {
    return isSame(this.#version, version);
  }

  /**
   * Loads the state from the entries of the group; `undefined` if it isn't there. {@link loadGroup} is for a state to go on with.
   * @throws MlsError `state` if they aren't those of one write, `try-again`
   */
  async load(config: GroupConfig, entries: readonly StoredEntry[]): Promise<LoadedState | undefined> {
    const parts = this.#rows?.take(entries) ?? entries;
    const values = new Map(parts.map(({ key, value }) => [key.slice(this.#prefix.length), value]));
    const [version, sum] = [values.get(VERSION), values.get(SUM)];
    for (const name of [VERSION, SUM]) values.delete(name);
    try {
      if (version === undefined) return undefined;
      // Also if the rest fails: whoever loads it asks whether that is still there.
      this.#version = version;
      const checked = await EntrySum.check(config.provider, values, sum);
      const provider = this.#rows?.provider(config.provider) ?? config.provider;
      const loaded = await loadParts({ ...config, provider }, values);
      this.#sum = checked;
      const tree = treeIn(loaded, values);
      this.#knows(() => knownOf(config.provider, loaded, checked.names, tree));
      return loaded;
    } finally {
      // Trees aren't secret, and read from their bytes.
      for (const [name, value] of values) if (!isOfTree(name)) wipe(value);
    }
  }

  /**
   * The write that makes the group's state safe; `undefined` if the storage has it already. It is made, or the group is
   * loaded again: which keys were used is told once.
   * @param isMade whether there is one in any case: it compares the version
   * @throws MlsError `closed` if the group is closed meanwhile: its secrets may be overwritten already
   */
  async next(own: Membership, isMade = false): Promise<Draft | undefined> {
    const { provider } = own.config;
    const { state } = own;
    const values: Values = new Map();
    try {
      const known = this.#known?.() ?? NOTHING;
      const parts = await this.#partChanges(own, known.parts, values);
      const tree = await this.#treeChanges(own, known.tree, values);
      const secretTrees = this.#secretChanges(own, known.secretTrees, values);
      const { sum, changed, done } = await this.#sum.after(provider, values);
      own.needState(state);
      const rows = this.#rows?.changes(privateKeysIn(state));
      const written = new Set(changed);
      for (const [name, value] of values) if (!written.has(name)) wipe(value);
      if (changed.length === 0 && !isMade) return undefined;
      const step = stepFrom(this.versionKey, this.#version, this.#random);
      own.keys.isRecording = true;
      const change = (name: string, value: Uint8Array | undefined) => ({
        key: `${this.#prefix}${name}`,
        value,
      });
      return {
        // A copy: what is written is overwritten.
        changes: [
          ...changed.map((name) => change(name, values.get(name))),
          change(SUM, sum.slice()),
          ...(rows?.changes ?? []),
        ],
        step,
        done: () => {
          done();
          rows?.done();
          this.#version = step.to;
          this.#knows(() => ({ tree, parts, secretTrees }));
          if (own.state.status !== "closed") own.replaced();
        },
      };
    } catch (error) {
      wipe(...values.values());
      throw error;
    }
  }

  #knows(known: () => Known): void {
    this.#known = known;
  }

  async #partChanges(own: Membership, known: Known["parts"], values: Values): Promise<Known["parts"]> {
    const { provider } = own.config;
    const parts = partsOf(provider, own.state, own.keysToSave());
    await saving(this.#rows?.provider(provider) ?? provider, async (save) => {
      for (const { name, of, encode } of parts)
        if (!isMadeOfSame(of, known.get(name))) values.set(name, await encode(save));
    });
    const names = new Map(parts.map(({ name, of }) => [name, of]));
    for (const name of known.keys()) if (!names.has(name)) values.set(name, undefined);
    return names;
  }

  /** What changed in the tree, or, if there are more changes than half the tree, the whole of it. */
  async #treeChanges(
    { config, state }: Membership,
    known: Known["tree"],
    values: Values,
  ): Promise<StoredTree> {
    const { tree } = state.current;
    if (known?.tree === tree) return known;
    if (known !== undefined) {
      const bytes = saveTreeChanges(known.tree, tree);
      const changed = known.changed + bytes.length;
      if (2 * changed <= known.size) {
        values.set(nameOf(TREE_CHANGES, known.count), bytes);
        return { ...known, tree, changed, count: known.count + 1 };
      }
    }
    const whole = await saveTree(config.provider, tree);
    values.set(TREE, whole);
    for (let i = 0; i < (known?.count ?? 0); i++) values.set(nameOf(TREE_CHANGES, i), undefined);
    return { tree, size: whole.length, changed: 0, count: 0 };
  }

  /** The pieces of secret trees that changed, and those of trees that ended. */
  #secretChanges({ state }: Membership, known: Known["secretTrees"], values: Values): Known["secretTrees"] {
    const now = new Map(secretPartsOf(state).map(({ prefix, secretTree }) => [prefix, secretTree]));
    const ended = [...known].flatMap(([prefix, secretTree]) =>
      now.get(prefix) === secretTree ? [] : [prefix],
    );
    if (ended.length > 0)
      for (const name of this.#sum.names)
        if (ended.some((prefix) => name.startsWith(prefix))) values.set(name, undefined);
    for (const [prefix, secretTree] of now) {
      const { pieces } = secretTree;
      if (known.get(prefix) !== secretTree) pieces.noneSaved();
      for (const name of pieces.takeChanged()) values.set(`${prefix}${name}`, pieces.get(name));
    }
    return now;
  }
}

/** Whether a part is made of the same. What may have changed in place is encoded, and its digest compared. */
function isMadeOfSame(a: Part["of"], b: Part["of"]): boolean {
  return a !== undefined && b !== undefined && a.length === b.length && a.every((one, i) => one === b[i]);
}
