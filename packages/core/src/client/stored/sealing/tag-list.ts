// NIST SP 800-38D: which values a part of a storage has, by their tags.

/** The size of a tag in bytes. */
export const TAG_SIZE = 16;

/** The tags of values, in the order of their keys. It never changes: {@link with} makes another. */
export class TagList {
  readonly #keys: readonly string[];
  readonly #start: number;
  /** What the list begins with, and then the tags: so one of thousands is associated data as it is. */
  readonly bytes: Uint8Array;

  private constructor(keys: readonly string[], start: number, bytes: Uint8Array) {
    this.#keys = keys;
    this.#start = start;
    this.bytes = bytes;
  }

  /** One without tags. @param start what it begins with */
  static after(start: Uint8Array): TagList {
    return new TagList([], start.length, start);
  }

  get size(): number {
    return this.#keys.length;
  }

  get(key: string): Uint8Array | undefined {
    const at = placeIn(this.#keys, key);
    const start = this.#start + at * TAG_SIZE;
    return this.#keys[at] === key ? this.bytes.subarray(start, start + TAG_SIZE) : undefined;
  }

  /** @param changes `undefined` for a value that is deleted */
  with(changes: readonly (readonly [key: string, tag: Uint8Array | undefined])[]): TagList {
    const start = this.#start;
    const bytes = new Uint8Array(this.bytes.length + changes.length * TAG_SIZE);
    bytes.set(this.bytes);
    let keys = this.#keys;
    let isOwn = false;
    const own = (): string[] => {
      if (!isOwn) keys = [...keys];
      isOwn = true;
      return keys as string[];
    };
    for (const [key, tag] of changes) {
      const at = placeIn(keys, key);
      const [here, end] = [start + at * TAG_SIZE, start + keys.length * TAG_SIZE];
      const isThere = keys[at] === key;
      if (tag !== undefined) {
        if (!isThere) {
          bytes.copyWithin(here + TAG_SIZE, here, end);
          own().splice(at, 0, key);
        }
        bytes.set(tag, here);
      } else if (isThere) {
        bytes.copyWithin(here, here + TAG_SIZE, end);
        own().splice(at, 1);
      }
    }
    return new TagList(keys, start, bytes.subarray(0, start + keys.length * TAG_SIZE));
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
