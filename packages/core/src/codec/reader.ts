// RFC 9420 §2.1: reading the TLS presentation language.
import { DecodeError } from "../errors.js";

/**
 * A place in a byte string, moving forward. What it reads out are views of that string, not copies: whoever
 * holds the string must not change it.
 */
export class Reader {
  readonly bytes: Uint8Array;
  /** What reading takes that isn't in the bytes, for codecs that look for it; the readers within have it too. */
  readonly context: unknown;
  private at: number;
  private readonly end: number;

  constructor(bytes: Uint8Array, context?: unknown, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.context = context;
    this.at = start;
    this.end = end;
  }

  /** Where it stands, in bytes from the start of {@link bytes}. */
  get offset(): number {
    return this.at;
  }

  /** How many bytes are left. */
  get remaining(): number {
    return this.end - this.at;
  }

  /** A DecodeError that says where. */
  fail(message: string, offset = this.at): DecodeError {
    return new DecodeError(message, offset);
  }

  private need(length: number): void {
    if (length > this.end - this.at) {
      throw this.fail(`truncated: ${length} bytes announced or needed, ${this.end - this.at} left`);
    }
  }

  uint8(): number {
    this.need(1);
    return this.bytes[this.at++] as number;
  }

  uint16(): number {
    this.need(2);
    const { bytes, at } = this;
    this.at = at + 2;
    return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  }

  /** The uint8 that comes next, without moving on. */
  peekUint8(): number {
    this.need(1);
    return this.bytes[this.at] as number;
  }

  /** The uint16 that comes next, without moving on. */
  peekUint16(): number {
    const value = this.uint16();
    this.at -= 2;
    return value;
  }

  uint32(): number {
    this.need(4);
    const { bytes, at } = this;
    this.at = at + 4;
    return (
      (((bytes[at] as number) << 24) |
        ((bytes[at + 1] as number) << 16) |
        ((bytes[at + 2] as number) << 8) |
        (bytes[at + 3] as number)) >>>
      0
    );
  }

  uint64(): bigint {
    this.need(8);
    const high = this.uint32();
    return (BigInt(high) << 32n) | BigInt(this.uint32());
  }

  /** Moves behind these bytes if they come next, and says whether they did. */
  skip(bytes: Uint8Array): boolean {
    if (bytes.length > this.end - this.at) return false;
    for (let i = 0; i < bytes.length; i++) if (this.bytes[this.at + i] !== bytes[i]) return false;
    this.at += bytes.length;
    return true;
  }

  /** `length` bytes, as a view. */
  take(length: number): Uint8Array {
    this.need(length);
    const view = this.bytes.subarray(this.at, this.at + length);
    this.at += length;
    return view;
  }

  /** §2.1.2: a variable-size vector length, in its one minimal encoding. */
  varint(): number {
    const start = this.at;
    const first = this.uint8();
    const prefix = first >> 6;
    if (prefix === 0) return first;
    if (prefix === 3) throw this.fail("invalid prefix of a vector length", start);
    let value = first & 0x3f;
    this.need((1 << prefix) - 1);
    for (let rest = (1 << prefix) - 1; rest > 0; rest--)
      value = value * 256 + (this.bytes[this.at++] as number);
    if (value < (prefix === 1 ? 64 : 16384))
      throw this.fail("vector length not in its minimal encoding", start);
    return value;
  }

  /** A reader for the contents of a `<V>` vector; this one moves on behind it. */
  vector(): Reader {
    const length = this.varint();
    this.need(length);
    const inner = new Reader(this.bytes, this.context, this.at, this.at + length);
    this.at += length;
    return inner;
  }

  /** @throws DecodeError unless everything was read. */
  finish(): void {
    if (this.at !== this.end) throw this.fail(`${this.end - this.at} bytes left over`);
  }
}
