// RFC 9420 §7.3, §12.4.3.1: which keys are in a tree, so that a repeated one is found without a scan of all members.
import { equalBytes } from "../bytes.js";

// Of all sets that come of one another by changes, one has the index, and each of the others knows what leads from its
// neighbour to it (Baker, "Shallow binding makes functional arrays fast", 1991). Whichever is asked takes the index over,
// in time of the number of changes between the two: none for the latest epoch, which nearly all questions are about.

/** A key, how often the set holds it, and other keys with the same hash. */
interface Entry {
  readonly key: Uint8Array;
  readonly count: number;
  readonly next: Entry | undefined;
}

type Index = Map<number, Entry>;

/** What stood at some hashes before they were changed, in the order of the changes. */
type Undo = (readonly [hash: number, Entry | undefined])[];

function put(index: Index, hash: number, entry: Entry | undefined): void {
  if (entry === undefined) index.delete(hash);
  else index.set(hash, entry);
}

const PRIME = 67108859; // the largest below 2^26: products of two residues stay exact in a double

/** `x` modulo {@link PRIME}, for integers from 0 to 2^53: `%` of doubles takes ten times as long. */
function reduced(x: number): number {
  // The quotient may be off by one where it was rounded up to the next integer.
  const rest = x - Math.floor(x / PRIME) * PRIME;
  return rest < 0 ? rest + PRIME : rest;
}

/**
 * Where the hash polynomial is evaluated, unknown to whoever chooses keys: nobody can fill a bucket on
 * purpose. It protects against a waste of time only and needs no cryptographic source.
 */
let point = 0;

/**
 * A polynomial hash modulo a prime: at most `length / 3` of the 2^26 points make two given keys collide.
 */
function hashOf(key: Uint8Array): number {
  if (point === 0) point = 2 ** 20 + Math.floor(Math.random() * (PRIME - 2 ** 20));
  let hash = key.length % PRIME;
  let i = 0;
  for (; i + 3 <= key.length; i += 3) {
    const word = (key[i] as number) | ((key[i + 1] as number) << 8) | ((key[i + 2] as number) << 16);
    hash = reduced(hash * point + word);
  }
  for (; i < key.length; i++) hash = reduced(hash * point + (key[i] as number));
  return hash;
}

/** The same entries with one more (`by` 1) or one less (-1) of a key. */
function changed(entry: Entry | undefined, key: Uint8Array, by: 1 | -1): Entry | undefined {
  if (entry === undefined) return by < 0 ? undefined : { key, count: 1, next: undefined };
  const { key: own, count, next } = entry;
  if (!equalBytes(own, key)) return { key: own, count, next: changed(next, key, by) };
  return count + by === 0 ? next : { key: own, count: count + by, next };
}

function countOf(entry: Entry | undefined, key: Uint8Array): number {
  for (let at = entry; at !== undefined; at = at.next) if (equalBytes(at.key, key)) return at.count;
  return 0;
}

/**
 * One more (`by` 1) or one less (-1) of a key.
 * @returns by how much the number of repeats changes
 */
function count(index: Index, key: Uint8Array, by: 1 | -1, undo?: Undo): number {
  const hash = hashOf(key);
  const entry = index.get(hash);
  undo?.push([hash, entry]);
  put(index, hash, changed(entry, key, by));
  // Of a key that is added, one was there already; of one that is removed, one stays.
  return countOf(entry, key) > (by < 0 ? 1 : 0) ? by : 0;
}

/** An immutable collection of public keys that counts how often it holds each. */
export class KeySet {
  /** What the index is to be made of, until something is asked: who restores a group may ask nothing for long. */
  private keys: (() => readonly Uint8Array[]) | undefined;
  /** Unless another set has it, or it isn't made yet: then this is `undefined`. */
  private index: Index | undefined;
  /** Who is nearer to the set that has the index, and what makes this one of it. */
  private neighbour: KeySet | undefined;
  private undo: Undo = [];
  /** How many keys are held more than once, each time but the first. */
  private repeats = 0;

  private constructor(keys?: () => readonly Uint8Array[]) {
    this.keys = keys;
  }

  /** These keys, one that is among them several times as often. */
  static of(keys: () => readonly Uint8Array[]): KeySet {
    return new KeySet(keys);
  }

  private make(): void {
    if (this.keys === undefined) return;
    const index: Index = new Map();
    for (const key of this.keys()) this.repeats += count(index, key, 1);
    this.index = index;
    this.keys = undefined;
  }

  /** The index, taken over from the set that has it, by way of those between. */
  private own(): Index {
    this.make();
    const way: KeySet[] = [];
    for (let at: KeySet = this; at.neighbour !== undefined; at = at.neighbour) way.push(at);
    for (let at = way.pop(); at !== undefined; at = way.pop()) {
      const before = at.neighbour as KeySet;
      const index = before.index as Index;
      const { undo } = at;
      before.undo = [];
      for (let i = undo.length - 1; i >= 0; i--) {
        const [hash, entry] = undo[i] as Undo[number];
        before.undo.push([hash, index.get(hash)]);
        put(index, hash, entry);
      }
      at.takeFrom(before, index);
    }
    return this.index as Index;
  }

  private takeFrom(before: KeySet, index: Index): void {
    before.neighbour = this;
    before.index = undefined;
    this.index = index;
    this.neighbour = undefined;
    this.undo = [];
  }

  has(key: Uint8Array): boolean {
    return countOf(this.own().get(hashOf(key)), key) > 0;
  }

  /** Whether some key is held twice. */
  get hasRepeats(): boolean {
    this.make();
    return this.repeats > 0;
  }

  /** Without each of `removed` once and with each of `added` once more. */
  change(removed: readonly Uint8Array[], added: readonly Uint8Array[]): KeySet {
    // A member that commits keeps its signature key.
    if (removed.length === added.length && removed.every((key, i) => equalBytes(key, added[i] as Uint8Array)))
      return this;
    const index = this.own();
    const undo: Undo = [];
    const after = new KeySet();
    after.repeats = this.repeats;
    for (const key of removed) after.repeats += count(index, key, -1, undo);
    for (const key of added) after.repeats += count(index, key, 1, undo);
    this.undo = undo;
    after.takeFrom(this, index);
    return after;
  }
}
