// RFC 9420 §2.1: reading the TLS presentation language.
import { DecodeError } from "../errors.js";

/**
 * Reads a byte string from its start to its end. The byte strings that it returns are views, not copies: the
 * underlying bytes must not change.
 */
export class Reader {
  readonly bytes: Uint8Array;
  /** What a codec needs to know besides the bytes, such as registered types. Readers of vectors inherit it. */
  readonly context: unknown;
  private at: number;
  private readonly end: number;

  constructor(bytes: Uint8Array, context?: unknown, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.context = context;
    this.at = start;
    this.end = end;
  }

  /** The position, in bytes from the start of {@link bytes}. */
  get offset(): number {
    return this.at;
  }

  /** The number of bytes left. */
  get remaining(): number {
    return this.end - this.at;
  }

  /** Makes a DecodeError with a position; default: the current one. */
  fail(message: string, offset = this.at): DecodeError {
    return new DecodeError(message, offset);
  }

  private need(length: number): void {
    if (length > this.end - this.at) {
      throw this.fail(`truncated: expected ${length} more bytes, got ${this.end - this.at}`);
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

  /** The next uint8; the position stays. */
  peekUint8(): number {
    this.need(1);
    return this.bytes[this.at] as number;
  }

  /** The next uint16; the position stays. */
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

  /** Whether these bytes are next; if so, moves behind them. */
  skipIf(bytes: Uint8Array): boolean {
    if (bytes.length > this.end - this.at) return false;
    for (let i = 0; i < bytes.length; i++) if (this.bytes[this.at + i] !== bytes[i]) return false;
    this.at += bytes.length;
    return true;
  }

  /** Moves behind the zeros that are next, and returns how many they are. */
  zeros(): number {
    const start = this.at;
    while (this.at < this.end && this.bytes[this.at] === 0) this.at++;
    return this.at - start;
  }

  /** Moves behind the next `length` bytes. */
  jump(length: number): void {
    this.need(length);
    this.at += length;
  }

  /** A view of the next `length` bytes. */
  take(length: number): Uint8Array {
    this.need(length);
    const view = this.bytes.subarray(this.at, this.at + length);
    this.at += length;
    return view;
  }

  /** The length of a variable-size vector (§2.1.2), whose encoding must be minimal. */
  varint(): number {
    const start = this.at;
    const first = this.uint8();
    const prefix = first >> 6;
    if (prefix === 0) return first;
    if (prefix === 3) throw this.fail("invalid vector length: the prefix 11 is reserved", start);
    let value = first & 0x3f;
    this.need((1 << prefix) - 1);
    for (let rest = (1 << prefix) - 1; rest > 0; rest--)
      value = value * 256 + (this.bytes[this.at++] as number);
    if (value < (prefix === 1 ? 64 : 16384)) {
      throw this.fail(`the encoding of the vector length ${value} must be minimal`, start);
    }
    return value;
  }

  /** A reader of the contents of a `<V>` vector. This reader moves behind the vector. */
  vector(): Reader {
    const length = this.varint();
    this.need(length);
    const inner = new Reader(this.bytes, this.context, this.at, this.at + length);
    this.at += length;
    return inner;
  }

  /** @throws DecodeError if bytes are left */
  finish(): void {
    if (this.at !== this.end) throw this.fail(`expected the end, got ${this.end - this.at} more bytes`);
  }
}
