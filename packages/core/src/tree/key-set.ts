// RFC 9420 §7.3, §12.4.3.1: which keys are in a tree, so that a repeated one is found without a scan of all members.
import { equalBytes } from "../bytes.js";

// A persistent hash trie (Bagwell): 32 ways by five bits of the hash at each level, only those ways held that
// lead somewhere. A change copies one node at each level, log32 of the number of keys.

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

/**
 * Where the hash polynomial is evaluated, unknown to whoever chooses keys: nobody can fill a bucket on
 * purpose. It protects against a waste of time only and needs no cryptographic source.
 */
let point = 0;

/** A polynomial hash modulo a prime: at most `length / 3` of the 2^26 points make two given keys collide. */
function hashOf(key: Uint8Array): number {
  if (point === 0) point = 2 ** 20 + Math.floor(Math.random() * (PRIME - 2 ** 20));
  let hash = key.length % PRIME;
  let i = 0;
  for (; i + 3 <= key.length; i += 3) {
    const word = (key[i] as number) | ((key[i + 1] as number) << 8) | ((key[i + 2] as number) << 16);
    hash = (hash * point + word) % PRIME;
  }
  for (; i < key.length; i++) hash = (hash * point + (key[i] as number)) % PRIME;
  return hash;
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
  for (let shift = 0; at !== undefined && isBranch(at); shift += 5) {
    const bit = 1 << ((hash >>> shift) & 31);
    at = at.bitmap & bit ? at.children[bitCount(at.bitmap & (bit - 1))] : undefined;
  }
  let entry = at as Entry | undefined;
  if (entry?.hash !== hash) return undefined;
  while (entry !== undefined && !equalBytes(entry.key, key)) entry = entry.next;
  return entry;
}

/** The same chain of entries with `count` for this key; without it if that is 0. */
function inChain(chain: Entry | undefined, hash: number, key: Uint8Array, count: number): Entry | undefined {
  if (chain === undefined) return count === 0 ? undefined : { hash, key, count, next: undefined };
  if (equalBytes(chain.key, key)) return count === 0 ? chain.next : { ...chain, count };
  return { ...chain, next: inChain(chain.next, hash, key, count) };
}

/** A trie with these two chains, whose hashes differ. */
function pair(a: Entry, b: Entry, shift: number): Branch {
  const [wayA, wayB] = [(a.hash >>> shift) & 31, (b.hash >>> shift) & 31];
  if (wayA === wayB) return { bitmap: 1 << wayA, children: [pair(a, b, shift + 5)] };
  return { bitmap: (1 << wayA) | (1 << wayB), children: wayA < wayB ? [a, b] : [b, a] };
}

function set(
  trie: Trie | undefined,
  hash: number,
  key: Uint8Array,
  count: number,
  shift: number,
): Trie | undefined {
  if (trie === undefined) return inChain(undefined, hash, key, count);
  if (!isBranch(trie)) {
    if (trie.hash === hash) return inChain(trie, hash, key, count);
    return count === 0 ? trie : pair(trie, { hash, key, count, next: undefined }, shift);
  }
  const bit = 1 << ((hash >>> shift) & 31);
  const at = bitCount(trie.bitmap & (bit - 1));
  const present = (trie.bitmap & bit) !== 0;
  const child = set(present ? trie.children[at] : undefined, hash, key, count, shift + 5);
  const children = trie.children.slice();
  if (child === undefined) {
    if (!present) return trie;
    if (children.length === 1) return undefined;
    children.splice(at, 1);
    return { bitmap: trie.bitmap ^ bit, children };
  }
  children.splice(at, present ? 1 : 0, child);
  return { bitmap: trie.bitmap | bit, children };
}

/** The trie of entries that are there once each, whose hashes are the same below `shift`. */
function build(entries: readonly Entry[], shift: number): Trie | undefined {
  if (entries.length <= 1) return entries[0];
  // A hash has 26 bits: these are all of one hash.
  if (shift > 25) {
    let chain: Entry | undefined;
    for (const { hash, key } of entries) {
      let known = chain;
      while (known !== undefined && !equalBytes(known.key, key)) known = known.next;
      chain = inChain(chain, hash, key, (known?.count ?? 0) + 1);
    }
    return chain;
  }
  const ways: Entry[][] = [];
  let bitmap = 0;
  for (const entry of entries) {
    const way = (entry.hash >>> shift) & 31;
    bitmap |= 1 << way;
    const others = ways[way];
    if (others === undefined) ways[way] = [entry];
    else others.push(entry);
  }
  const children: Trie[] = [];
  for (let way = 0; way < 32; way++) {
    const child = build(ways[way] ?? [], shift + 5);
    if (child !== undefined) children.push(child);
  }
  // What grew has room to grow further, and a copy hasn't.
  return { bitmap, children: children.slice() };
}

/** How many keys of a trie are held more than once, each time but the first. */
function repeatsIn(trie: Trie | undefined): number {
  if (trie === undefined) return 0;
  if (isBranch(trie)) return trie.children.reduce((sum, child) => sum + repeatsIn(child), 0);
  return trie.count - 1 + repeatsIn(trie.next);
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

  /** These keys, one that is among them several times as often. Without the copies of {@link change}. */
  static of(keys: readonly Uint8Array[]): KeySet {
    const trie = build(
      keys.map((key) => ({ hash: hashOf(key), key, count: 1, next: undefined })),
      0,
    );
    return new KeySet(trie, repeatsIn(trie));
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
    let { trie, repeats } = this;
    const count = (key: Uint8Array, by: 1 | -1) => {
      const hash = hashOf(key);
      const before = find(trie, hash, key)?.count ?? 0;
      trie = set(trie, hash, key, Math.max(0, before + by), 0);
      repeats += Math.max(0, before + by - 1) - Math.max(0, before - 1);
    };
    for (const key of removed) count(key, -1);
    for (const key of added) count(key, 1);
    return new KeySet(trie, repeats);
  }
}
