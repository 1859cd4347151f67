// RFC 9420 §7.3, §12.4.3.1: the keys of a tree, indexed so that a repeated key is found without a scan of all members.
//
// A KeySet is immutable, but all versions of a set share one mutable index (Baker, "Shallow binding makes functional
// arrays fast", 1991). One version owns the index. Every other version has a base, which is another version, and a diff,
// which turns the index of the base into its own. When a version without the index is asked, the index moves to it along
// the chain of bases: each diff on the way is applied, and its inverse becomes the diff of the former owner. That takes
// time linear in the number of changes between the two versions: none for the latest epoch, which most calls ask about.
import { equalBytes, mapKey } from "../bytes.js";

/** How often a set contains each key, which {@link mapKey} gives. */
type Index = Map<string, number>;

/** Former counts of an index, in the order in which they were changed. Applied in reverse, they undo the changes. */
type Diff = (readonly [key: string, count: number])[];

function put(index: Index, key: string, count: number): void {
  if (count > 0) index.set(key, count);
  else index.delete(key);
}

/**
 * Changes the count of a key by 1 or -1.
 * @param diff receives the former entry
 * @returns by how much the number of repeats changes
 */
function count(index: Index, bytes: Uint8Array, by: 1 | -1, diff?: Diff): number {
  const key = mapKey(bytes);
  const before = index.get(key) ?? 0;
  put(index, key, before + by);
  diff?.push([key, before]);
  // A repeat begins when a key is added that is there already, and ends when a key is removed that stays once.
  return before > (by < 0 ? 1 : 0) ? by : 0;
}

/** An immutable multiset of public keys. */
export class KeySet {
  /** The source of the index, until it is built: on first use, because a restored group may never need it. */
  private source: (() => readonly Uint8Array[]) | undefined;
  /** Defined only in the version that owns the index. */
  private index: Index | undefined;
  /** The next version on the way to the owner of the index; `undefined` in the owner. */
  private base: KeySet | undefined;
  /** Turns the index of {@link base} into that of this version. */
  private diff: Diff = [];
  /** How many keys are repeats: a key that is there three times counts as two. */
  private repeats = 0;

  private constructor(source?: () => readonly Uint8Array[]) {
    this.source = source;
  }

  /** The set of these keys. They are read when the set is first asked. */
  static of(source: () => readonly Uint8Array[]): KeySet {
    return new KeySet(source);
  }

  private build(): void {
    if (this.source === undefined) return;
    const index: Index = new Map();
    for (const key of this.source()) this.repeats += count(index, key, 1);
    this.index = index;
    this.source = undefined;
  }

  /** Makes this version the owner of the index. */
  private takeIndex(): Index {
    this.build();
    if (this.base === undefined) return this.index as Index;
    const path: KeySet[] = [];
    for (let set: KeySet = this; set.base !== undefined; set = set.base) path.push(set);
    for (let set = path.pop(); set !== undefined; set = path.pop()) {
      const owner = set.base as KeySet;
      const index = owner.index as Index;
      const inverse: Diff = [];
      for (const [key, count] of set.diff.reverse()) {
        inverse.push([key, index.get(key) ?? 0]);
        put(index, key, count);
      }
      set.becomeOwner(owner, index, inverse);
    }
    return this.index as Index;
  }

  /** @param inverse turns the index of this version back into that of the former owner */
  private becomeOwner(former: KeySet, index: Index, inverse: Diff): void {
    former.base = this;
    former.diff = inverse;
    former.index = undefined;
    this.index = index;
    this.base = undefined;
    this.diff = [];
  }

  /** Whether the set contains a key. */
  has(key: Uint8Array): boolean {
    return this.takeIndex().has(mapKey(key));
  }

  /** Whether the set contains a key more than once. */
  get hasRepeats(): boolean {
    this.build();
    return this.repeats > 0;
  }

  /** The set with each of `removed` once less and each of `added` once more. */
  change(removed: readonly Uint8Array[], added: readonly Uint8Array[]): KeySet {
    // A member that commits keeps its signature key.
    if (removed.length === added.length && removed.every((key, i) => equalBytes(key, added[i] as Uint8Array)))
      return this;
    const index = this.takeIndex();
    const inverse: Diff = [];
    const next = new KeySet();
    next.repeats = this.repeats;
    for (const key of removed) next.repeats += count(index, key, -1, inverse);
    for (const key of added) next.repeats += count(index, key, 1, inverse);
    next.becomeOwner(this, index, inverse);
    return next;
  }
}
