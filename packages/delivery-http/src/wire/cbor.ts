// RFC 8949: the part of CBOR that the service speaks: integers, byte and text strings, arrays, maps and booleans, all of a
// definite length.
import type { Bytes } from "@copse/core";

/** What was read isn't what was expected. */
export class ShapeError extends Error {
  override name = "ShapeError";
  /** Where: `messages[3].id`. */
  path = "";
  readonly #what: string;

  constructor(what: string) {
    super(what);
    this.#what = what;
  }

  /** Says in what the value was found. */
  within(name: string): this {
    this.path = this.path === "" || this.path.startsWith("[") ? name + this.path : `${name}.${this.path}`;
    this.message = `${this.path}: ${this.#what}`;
    return this;
  }
}

/** The major types (§3.1). */
export const Major = { integer: 0, bytes: 2, text: 3, array: 4, map: 5, simple: 7 } as const;
export type Major = (typeof Major)[keyof typeof Major];

const NAMES: Readonly<Record<number, string>> = {
  0: "an integer",
  1: "a negative integer",
  2: "a byte string",
  3: "a text string",
  4: "an array",
  5: "a map",
  6: "a tag",
  7: "a simple value",
};

const FALSE = 20;
const TRUE = 21;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class CborWriter {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** Where so many bytes have room. The buffer may be another one afterwards. */
  #room(more: number): number {
    const at = this.#length;
    this.#length += more;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, 2 * this.#bytes.length));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }

  head(major: Major, value: number | bigint): void {
    const type = major << 5;
    if (value < 24) {
      const at = this.#room(1);
      this.#bytes[at] = type | Number(value);
    } else if (value < 0x100) {
      const at = this.#room(2);
      this.#view.setUint16(at, ((type | 24) << 8) | Number(value));
    } else if (value < 0x10000) {
      const at = this.#room(3);
      this.#bytes[at] = type | 25;
      this.#view.setUint16(at + 1, Number(value));
    } else if (value < 0x100000000) {
      const at = this.#room(5);
      this.#bytes[at] = type | 26;
      this.#view.setUint32(at + 1, Number(value));
    } else {
      const at = this.#room(9);
      this.#bytes[at] = type | 27;
      this.#view.setBigUint64(at + 1, BigInt(value));
    }
  }

  bytes(value: Uint8Array): void {
    this.head(Major.bytes, value.length);
    this.raw(value);
  }

  text(value: string): void {
    const bytes = encoder.encode(value);
    this.head(Major.text, bytes.length);
    this.raw(bytes);
  }

  flag(value: boolean): void {
    this.head(Major.simple, value ? TRUE : FALSE);
  }

  /** Bytes that are encoded already. */
  raw(bytes: Uint8Array): void {
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
  }

  finish(): Bytes {
    return this.#bytes.slice(0, this.#length);
  }
}

export class CborReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #take(length: number): number {
    const at = this.#at;
    const left = this.#bytes.length - at;
    if (length > left) throw new ShapeError(`expected ${length} more bytes, got ${left}`);
    this.#at += length;
    return at;
  }

  /** The number that an item begins with. @throws ShapeError if it has another type, or a length that isn't definite */
  head(major: Major): number | bigint {
    const first = this.#bytes[this.#take(1)] as number;
    const got = first >>> 5;
    if (got !== major) throw new ShapeError(`expected ${NAMES[major]}, got ${NAMES[got]}`);
    const info = first & 31;
    if (info < 24) return info;
    if (info === 24) return this.#view.getUint8(this.#take(1));
    if (info === 25) return this.#view.getUint16(this.#take(2));
    if (info === 26) return this.#view.getUint32(this.#take(4));
    if (info === 27) return this.#view.getBigUint64(this.#take(8));
    throw new ShapeError(`expected ${NAMES[major]} of a definite length`);
  }

  /** A number of bytes or items. */
  length(major: Major, min: number, max: number): number {
    const length = this.head(major);
    if (length < min || length > max) {
      const unit = major === Major.array || major === Major.map ? "items" : "bytes";
      throw new ShapeError(`expected ${min === max ? min : `${min} to ${max}`} ${unit}, got ${length}`);
    }
    return Number(length);
  }

  /** A copy of a byte string. */
  bytes(min: number, max: number): Bytes {
    const length = this.length(Major.bytes, min, max);
    const at = this.#take(length);
    return new Uint8Array(this.#bytes.subarray(at, at + length));
  }

  /** @param max in bytes of UTF-8 */
  text(min: number, max: number): string {
    const length = this.length(Major.text, min, max);
    const at = this.#take(length);
    try {
      return decoder.decode(this.#bytes.subarray(at, at + length));
    } catch {
      throw new ShapeError("expected UTF-8");
    }
  }

  flag(): boolean {
    const value = this.head(Major.simple);
    if (value !== TRUE && value !== FALSE) throw new ShapeError("expected true or false");
    return value === TRUE;
  }

  end(): void {
    const left = this.#bytes.length - this.#at;
    if (left > 0) throw new ShapeError(`expected no more, got ${left} bytes`);
  }
}
