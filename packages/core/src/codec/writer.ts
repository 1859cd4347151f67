// RFC 9420 §2.1: writing the TLS presentation language.
import { MlsError } from "../errors.js";

/** The longest vector that a length of 30 bits can announce (§2.1.2). */
const MAX_VECTOR = 2 ** 30 - 1;

/**
 * Working buffers that are free: a message is written in a dozen small pieces, and memory for each of them is a good
 * part of what the pieces cost. All of them are zero, as {@link Writer.finish} leaves them.
 */
const free: Uint8Array[] = [];
const BUFFER_SIZE = 4096;
const MAX_FREE = 8;

const NONE = /* @__PURE__ */ new Uint8Array(0);

/** How many bytes the length of a vector takes (§2.1.2). */
export function varintSize(value: number): 1 | 2 | 4 {
  return value < 64 ? 1 : value < 16384 ? 2 : 4;
}

/** A growing byte string. */
export class Writer {
  private bytes: Uint8Array;
  private length = 0;

  /**
   * @param capacity how many bytes will be written, roughly: then it seldom has to grow and copy
   * @param exact whether it is just as many: then they are written where they are to stay
   */
  constructor(capacity = 0, exact = false) {
    const pooled = !exact && capacity <= BUFFER_SIZE;
    this.bytes = pooled ? (free.pop() ?? new Uint8Array(BUFFER_SIZE)) : new Uint8Array(capacity);
  }

  /** How many bytes were written. */
  get position(): number {
    return this.length;
  }

  private grow(more: number): number {
    const at = this.length;
    const needed = at + more;
    if (needed > this.bytes.length) {
      const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2));
      larger.set(this.bytes.subarray(0, at));
      // The outgrown buffer may hold a secret.
      this.bytes.fill(0, 0, at);
      this.bytes = larger;
    }
    this.length = needed;
    return at;
  }

  uint8(value: number): void {
    const at = this.grow(1);
    this.bytes[at] = value;
  }

  uint16(value: number): void {
    const at = this.grow(2);
    this.bytes[at] = value >>> 8;
    this.bytes[at + 1] = value;
  }

  uint32(value: number): void {
    const at = this.grow(4);
    this.bytes[at] = value >>> 24;
    this.bytes[at + 1] = value >>> 16;
    this.bytes[at + 2] = value >>> 8;
    this.bytes[at + 3] = value;
  }

  uint64(value: bigint): void {
    this.uint32(Number(value >> 32n));
    this.uint32(Number(value & 0xffffffffn));
  }

  raw(value: Uint8Array): void {
    const at = this.grow(value.length);
    this.bytes.set(value, at);
  }

  /** A vector length (§2.1.2), in its minimal encoding. */
  varint(value: number): void {
    if (value < 64) this.uint8(value);
    else if (value < 16384) this.uint16(value | 0x4000);
    else if (value <= MAX_VECTOR) this.uint32((value | 0x80000000) >>> 0);
    else
      throw new MlsError(
        "encode",
        `a vector of ${value} bytes is longer than the ${MAX_VECTOR} that can be encoded`,
      );
  }

  /** A `<V>` vector whose contents `write` writes; its length is put before them when it is known. */
  vector(write: (writer: this) => void): void {
    const start = this.grow(1);
    write(this);
    const contents = this.length - start - 1;
    if (contents < 64) {
      this.bytes[start] = contents;
      return;
    }
    const header = varintSize(contents);
    this.grow(header - 1);
    this.bytes.copyWithin(start + header, start + 1, start + 1 + contents);
    this.length = start;
    this.varint(contents);
    this.length = start + header + contents;
  }

  /** What was written, in an array of its own; the working buffer is overwritten, and the writer starts anew. */
  finish(): Uint8Array {
    const { bytes, length } = this;
    const whole = length === bytes.length;
    const written = whole ? bytes : bytes.slice(0, length);
    if (whole) this.bytes = NONE;
    this.release();
    return written;
  }

  /** What was written from `start` to `end`, in the working buffer: there only until {@link release}. */
  view(start = 0, end = this.length): Uint8Array {
    return this.bytes.subarray(start, end);
  }

  /** Overwrites the working buffer and gives it back. The writer starts anew. */
  release(): void {
    const { bytes, length } = this;
    this.bytes = NONE;
    this.length = 0;
    bytes.fill(0, 0, length);
    if (bytes.length === BUFFER_SIZE && free.length < MAX_FREE) free.push(bytes);
  }
}
