// RFC 9420 §7, §8, §12: what a storage has of one group.
import { equalBytes, wipe } from "../../bytes.js";
import { encode, opaque, vector } from "../../codec/index.js";
import { digestOf, type GroupConfig, type GroupState } from "../../group/index.js";
import {
  type LoadedState,
  loadState,
  loadTreeRecords,
  type SavePoint,
  saveTreeRecord,
} from "../../group/storage/index.js";
import type { CipherSuiteProvider } from "../../provider/index.js";
import type { RatchetTree } from "../../tree/index.js";
import type { Membership } from "../membership.js";
import type { StorageChange, StoredEntry, VersionStep } from "./client-storage.js";

/**
 * The entries of a group besides its version: the tree, its changes since then, and all else, with the secrets. That is
 * written anew each time, so that no used key stays. Trees hold no secrets.
 */
const TREE = "tree";
const CHANGES = "tree-changes";
const STATE = "state";

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

export class Journal {
  /** Before the names of its entries. */
  readonly #prefix: string;
  readonly #random: (length: number) => Uint8Array;
  #version: Uint8Array | undefined;
  /** The whole tree, and the size of its record. */
  #whole: { readonly point: SavePoint; readonly size: number } | undefined;
  /** The latest record of the tree. */
  #base: SavePoint | undefined;
  /** The state in the storage, and the digest of what changes in place in it. */
  #state: GroupState | undefined;
  #used: Uint8Array | undefined;

  constructor(prefix: string, random: (length: number) => Uint8Array) {
    this.#prefix = prefix;
    this.#random = random;
  }

  get versionKey(): string {
    return `${this.#prefix}version`;
  }

  isAt(version: Uint8Array | undefined): boolean {
    const known = this.#version;
    return known === undefined || version === undefined ? known === version : equalBytes(known, version);
  }

  /** Loads the state from the entries of the group; `undefined` if it isn't there. */
  async load(config: GroupConfig, entries: readonly StoredEntry[]): Promise<LoadedState | undefined> {
    const values = new Map(entries.map(({ key, value }) => [key.slice(this.#prefix.length), value]));
    const [tree, changes, state, version] = [TREE, CHANGES, STATE, "version"].map((name) => values.get(name));
    if (tree === undefined || state === undefined || version === undefined) return undefined;
    const points = await loadTreeRecords(config.provider, changes === undefined ? [tree] : [tree, changes]);
    const loaded = await loadState(config, [state], points.at(-1));
    this.#version = version;
    this.#whole = { point: points[0] as SavePoint, size: tree.length };
    this.#base = points.at(-1);
    // Reading from it writes nothing.
    this.#state = loaded.state;
    this.#used = await usedIn(config.provider, loaded.state);
    return loaded;
  }

  /** Deletes all of the group. */
  deletions(): StorageChange[] {
    return ["version", TREE, CHANGES, STATE].map((name) => ({
      key: `${this.#prefix}${name}`,
      value: undefined,
    }));
  }

  /**
   * The write that makes the group's state safe; `undefined` if the storage has it already.
   * @throws MlsError `closed` if the group is closed meanwhile: its secrets may be overwritten already
   */
  async next(own: Membership): Promise<Draft | undefined> {
    const { state } = own;
    const { provider } = own.config;
    const used = await usedIn(provider, state);
    if (state === this.#state && this.#used !== undefined && equalBytes(used, this.#used)) return undefined;
    const { tree } = state.current;
    const isSame = this.#base?.tree === tree;
    const trees = isSame
      ? { base: this.#base, whole: this.#whole, changes: [] }
      : await this.#trees(provider, tree);
    const { bytes } = await own.record(trees.base);
    const step = stepFrom(this.versionKey, this.#version, this.#random);
    const done = () => {
      this.#version = step.to;
      this.#base = trees.base;
      this.#whole = trees.whole;
      this.#state = state;
      this.#used = used;
      if (own.state.status !== "closed") own.recorded();
    };
    return { changes: [...trees.changes, { key: `${this.#prefix}${STATE}`, value: bytes }], step, done };
  }

  /** The records of a tree: its changes, or, if those are large, the whole of it. */
  async #trees(provider: CipherSuiteProvider, tree: RatchetTree) {
    const change = (name: string, value: Uint8Array | undefined) => ({
      key: `${this.#prefix}${name}`,
      value,
    });
    const whole = this.#whole;
    if (whole !== undefined) {
      const { bytes, saved } = await saveTreeRecord(provider, tree, whole.point);
      if (2 * bytes.length <= whole.size) return { base: saved, whole, changes: [change(CHANGES, bytes)] };
    }
    const { bytes, saved } = await saveTreeRecord(provider, tree);
    const changes = [change(TREE, bytes), change(CHANGES, undefined)];
    return { base: saved, whole: { point: saved, size: bytes.length }, changes };
  }
}

/** The digest of what changes in a state in place, as keys are used: its secret trees, and the ledgers of extensions. */
async function usedIn(provider: CipherSuiteProvider, { current, past }: GroupState): Promise<Uint8Array> {
  const trees = [current, ...past].map(({ secretTree }) => secretTree.save());
  const ledgers = Array.from(current.ledgers.values(), (ledger) => ledger.save());
  const all = encode(vector(opaque), [...trees, ...ledgers]);
  try {
    return await digestOf(provider, all);
  } finally {
    wipe(all, ...trees);
  }
}
