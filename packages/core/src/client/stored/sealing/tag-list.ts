// NIST SP 800-38D: which values a part of a storage has, by their tags.

/** The size of a tag in bytes. */
export const TAG_SIZE = 16;

/** The tags of values, in the order of their keys. It never changes: {@link with} makes another. */
export class TagList {
  static readonly EMPTY: TagList = new TagList([], new Uint8Array());

  readonly #keys: readonly string[];
  /** One after the other: so a list of thousands is associated data as it is. */
  readonly tags: Uint8Array;

  private constructor(keys: readonly string[], tags: Uint8Array) {
    this.#keys = keys;
    this.tags = tags;
  }

  get size(): number {
    return this.#keys.length;
  }

  get(key: string): Uint8Array | undefined {
    const at = placeIn(this.#keys, key);
    return this.#keys[at] === key ? this.tags.subarray(at * TAG_SIZE, (at + 1) * TAG_SIZE) : undefined;
  }

  /** @param changes `undefined` for a value that is deleted */
  with(changes: Iterable<readonly [key: string, tag: Uint8Array | undefined]>): TagList {
    const all = [...changes];
    const keys = [...this.#keys];
    const tags = new Uint8Array(this.tags.length + all.length * TAG_SIZE);
    tags.set(this.tags);
    for (const [key, tag] of all) {
      const at = placeIn(keys, key);
      const [here, next] = [at * TAG_SIZE, (at + 1) * TAG_SIZE];
      const isThere = keys[at] === key;
      if (tag !== undefined) {
        if (!isThere) {
          tags.copyWithin(next, here, keys.length * TAG_SIZE);
          keys.splice(at, 0, key);
        }
        tags.set(tag, here);
      } else if (isThere) {
        tags.copyWithin(here, next, keys.length * TAG_SIZE);
        keys.splice(at, 1);
      }
    }
    return new TagList(keys, tags.subarray(0, keys.length * TAG_SIZE));
  }
}

/** Where a key is in a sorted list, or is to be put. */
function placeIn(keys: readonly string[], key: string): number {
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keys[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
