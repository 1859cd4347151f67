// NIST SP 800-38D: which values a part of a storage has, by their names and tags.
import { concat, utf8 } from "../../../bytes.js";

/** The size of a tag in bytes. */
export const TAG_SIZE = 16;

/** The tags of values, in the order of their keys. It never changes: {@link with} makes another. */
export class TagList {
  readonly #part: string;
  /** The keys, without the part. */
  readonly #names: readonly string[];
  /** Where the tags begin. */
  readonly #start: number;
  /**
   * The names of the values, and then the tags: so one of thousands is associated data as it is. Without the names, a value
   * could be hidden under another one: its own tag is looked at only where it is opened.
   */
  readonly bytes: Uint8Array;

  private constructor(part: string, names: readonly string[], start: number, bytes: Uint8Array) {
    this.#part = part;
    this.#names = names;
    this.#start = start;
    this.bytes = bytes;
  }

  /** One without tags. @param part what all keys begin with */
  static of(part: string): TagList {
    const bytes = bytesOf(part, []);
    return new TagList(part, [], bytes.length, bytes);
  }

  get size(): number {
    return this.#names.length;
  }

  get(key: string): Uint8Array | undefined {
    const name = key.slice(this.#part.length);
    const at = placeIn(this.#names, name);
    const start = this.#start + at * TAG_SIZE;
    return this.#names[at] === name ? this.bytes.subarray(start, start + TAG_SIZE) : undefined;
  }

  /** @param changes `undefined` for a value that is deleted */
  with(changes: readonly (readonly [key: string, tag: Uint8Array | undefined])[]): TagList {
    const start = this.#start;
    const bytes = new Uint8Array(this.bytes.length + changes.length * TAG_SIZE);
    bytes.set(this.bytes);
    let names = this.#names;
    let isOwn = false;
    const own = (): string[] => {
      if (!isOwn) names = [...names];
      isOwn = true;
      return names as string[];
    };
    for (const [key, tag] of changes) {
      const name = key.slice(this.#part.length);
      const at = placeIn(names, name);
      const [here, end] = [start + at * TAG_SIZE, start + names.length * TAG_SIZE];
      const isThere = names[at] === name;
      if (tag !== undefined) {
        if (!isThere) {
          bytes.copyWithin(here + TAG_SIZE, here, end);
          own().splice(at, 0, name);
        }
        bytes.set(tag, here);
      } else if (isThere) {
        bytes.copyWithin(here, here + TAG_SIZE, end);
        own().splice(at, 1);
      }
    }
    const end = start + names.length * TAG_SIZE;
    if (!isOwn) return new TagList(this.#part, names, start, bytes.subarray(0, end));
    const before = bytesOf(this.#part, names);
    return new TagList(this.#part, names, before.length, concat(before, bytes.subarray(start, end)));
  }
}

/** No key has a space or a zero: so other names are other bytes, and no value has them as its associated data. */
const bytesOf = (part: string, names: readonly string[]): Uint8Array =>
  utf8(`${[part, ...names].join(" ")}\0`);

/** Where a name is in a sorted list, or is to be put. */
function placeIn(names: readonly string[], name: string): number {
  let [low, high] = [0, names.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((names[middle] as string) < name) low = middle + 1;
    else high = middle;
  }
  return low;
}
