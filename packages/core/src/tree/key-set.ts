// RFC 9420 §7.3, §12.4.3.1: which keys are in a tree, so that a repeated one is found without a scan of all members.
import { equalBytes } from "../bytes.js";

// A persistent hash trie (Bagwell): 32 ways by five bits of the hash at each level, the highest first, only those ways
// held that lead somewhere. A change copies one node at each level, log32 of the number of keys.

interface Entry {
  readonly hash: number;
  readonly key: Uint8Array;
  readonly count: number;
  /** Another key with the same hash. */
  readonly next: Entry | undefined;
}

interface Branch {
  readonly bitmap: number;
  readonly children: readonly Trie[];
}

type Trie = Entry | Branch;

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

/** By how many bits a hash is shifted to the right for its first way; after six levels it is used up. */
const TOP = 25;

/**
 * A polynomial hash modulo a prime: at most `length / 3` of the 2^26 points make two given keys collide. In the upper
 * 26 of 30 bits.
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
  return hash << 4;
}

function isBranch(trie: Trie): trie is Branch {
  return "bitmap" in trie;
}

function bitCount(x: number): number {
  let n = x - ((x >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  return (((n + (n >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}

function find(trie: Trie | undefined, hash: number, key: Uint8Array): Entry | undefined {
  let at = trie;
  for (let shift = TOP; at !== undefined && isBranch(at); shift -= 5) {
    const bit = 1 << ((hash >>> shift) & 31);
    at = at.bitmap & bit ? at.children[bitCount(at.bitmap & (bit - 1))] : undefined;
  }
  let entry = at as Entry | undefined;
  if (entry?.hash !== hash) return undefined;
  while (entry !== undefined && !equalBytes(entry.key, key)) entry = entry.next;
  return entry;
}

/** One more of a key, or one less. */
interface Change {
  readonly hash: number;
  readonly key: Uint8Array;
  readonly by: 1 | -1;
}

/** How many keys are held more than once, each time but the first. */
interface Tally {
  repeats: number;
}

/** The same chain of entries with one more or one less of a key. */
function inChain(chain: Entry | undefined, change: Change, tally: Tally): Entry | undefined {
  const { hash, key, by } = change;
  if (chain === undefined) return by < 0 ? undefined : { hash, key, count: 1, next: undefined };
  if (!equalBytes(chain.key, key)) return { ...chain, next: inChain(chain.next, change, tally) };
  const count = chain.count + by;
  if (count === 0) return chain.next;
  tally.repeats += by;
  return { ...chain, count };
}

/** A trie with these two chains, whose hashes differ. */
function pair(a: Entry, b: Entry, shift: number): Branch {
  const [wayA, wayB] = [(a.hash >>> shift) & 31, (b.hash >>> shift) & 31];
  if (wayA === wayB) return { bitmap: 1 << wayA, children: [pair(a, b, shift - 5)] };
  return { bitmap: (1 << wayA) | (1 << wayB), children: wayA < wayB ? [a, b] : [b, a] };
}

/** A trie of one hash, or of none, after a change. */
function setOne(trie: Entry | undefined, change: Change, shift: number, tally: Tally): Trie | undefined {
  if (trie === undefined || trie.hash === change.hash) return inChain(trie, change, tally);
  const added = inChain(undefined, change, tally);
  return added === undefined ? trie : pair(trie, added, shift);
}

/**
 * The trie after the changes from the `first` to the one before `end`, which are in the order of their hashes. A branch
 * is copied once for all of them that are below it.
 */
function set(
  trie: Trie | undefined,
  changes: readonly Change[],
  first: number,
  end: number,
  shift: number,
  tally: Tally,
): Trie | undefined {
  if (trie === undefined || !isBranch(trie)) {
    let at = trie;
    for (let i = first; i < end; i++) {
      const after = setOne(at, changes[i] as Change, shift, tally);
      if (after !== undefined && isBranch(after)) return set(after, changes, i + 1, end, shift, tally);
      at = after;
    }
    return at;
  }
  if (first === end) return trie;
  let { bitmap } = trie;
  const children = trie.children.slice();
  for (let start = first, next = first; start < end; start = next) {
    const way = ((changes[start] as Change).hash >>> shift) & 31;
    while (next < end && (((changes[next] as Change).hash >>> shift) & 31) === way) next++;
    const bit = 1 << way;
    const at = bitCount(bitmap & (bit - 1));
    const present = (bitmap & bit) !== 0;
    const child = set(present ? children[at] : undefined, changes, start, next, shift - 5, tally);
    if (present && child !== undefined) children[at] = child;
    else if (present) children.splice(at, 1);
    else if (child !== undefined) children.splice(at, 0, child);
    if (present !== (child !== undefined)) bitmap ^= bit;
  }
  if (children.length === 0) return undefined;
  // What grew has room to grow further, and a copy hasn't.
  return { bitmap, children: children.length > trie.children.length ? children.slice() : children };
}

/** An immutable collection of public keys that counts how often it holds each. */
export class KeySet {
  private readonly trie: Trie | undefined;
  /** How many keys are held more than once, each time but the first. */
  private readonly repeats: number;

  private constructor(trie: Trie | undefined, repeats: number) {
    this.trie = trie;
    this.repeats = repeats;
  }

  /** These keys, one that is among them several times as often. */
  static of(keys: readonly Uint8Array[]): KeySet {
    return new KeySet(undefined, 0).change([], keys);
  }

  has(key: Uint8Array): boolean {
    return find(this.trie, hashOf(key), key) !== undefined;
  }

  /** Whether some key is held twice. */
  get hasRepeats(): boolean {
    return this.repeats > 0;
  }

  /** Without each of `removed` once and with each of `added` once more. */
  change(removed: readonly Uint8Array[], added: readonly Uint8Array[]): KeySet {
    // A member that commits keeps its signature key.
    if (removed.length === added.length && removed.every((key, i) => equalBytes(key, added[i] as Uint8Array)))
      return this;
    const changes = [
      ...removed.map((key): Change => ({ hash: hashOf(key), key, by: -1 })),
      ...added.map((key): Change => ({ hash: hashOf(key), key, by: 1 })),
    ].sort((a, b) => a.hash - b.hash);
    const tally = { repeats: this.repeats };
    return new KeySet(set(this.trie, changes, 0, changes.length, TOP, tally), tally.repeats);
  }
}
