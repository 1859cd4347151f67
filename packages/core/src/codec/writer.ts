// RFC 9420 §2.1: writing the TLS presentation language.
import { type Bytes, EMPTY } from "../bytes.js";
import { MlsError } from "../errors.js";

/** The longest vector, in bytes: its length is encoded in 30 bits (§2.1.2). */
const MAX_VECTOR = 2 ** 30 - 1;

/**
 * Working buffers for reuse, of two sizes: a message is encoded in a dozen small parts, and to allocate memory for each
 * part would cost as much as to hash it; memory for a large one costs more than to encrypt it
 * (docs/decisions/working-buffers.md). All bytes of a free buffer are zero.
 */
const SMALL = 4096;
const LARGE = 131_072;
const MAX_FREE = 8;
const free: Record<number, Bytes[]> = { 4096: [], 131072: [] };

/** A buffer of zeros, of at least so many bytes. */
function take(capacity: number): Bytes {
  const size = capacity <= SMALL ? SMALL : capacity <= LARGE ? LARGE : capacity;
  return free[size]?.pop() ?? new Uint8Array(size);
}

/** Overwrites what was written to a buffer, which may be secret, and keeps the buffer. */
function give(bytes: Bytes, length: number): void {
  bytes.fill(0, 0, length);
  const same = free[bytes.length];
  if (same && same.length < MAX_FREE) same.push(bytes);
}

/** The number of bytes that encode the length of a vector (§2.1.2). */
function varintSize(value: number): 1 | 2 | 4 {
  return value < 64 ? 1 : value < 16384 ? 2 : 4;
}

/** The number of bytes that encode a byte string as `opaque bytes<V>`. */
export function vectorSize({ length }: { readonly length: number }): number {
  return varintSize(length) + length;
}

/**
 * A byte string that grows as it is written. It begins in a working buffer that other writers use again later: make one by
 * {@link written} or `withBuffer`, which overwrite the buffer and give it back, whatever fails.
 */
export class Writer {
  private bytes: Bytes;
  private length = 0;

  /** @param capacity an estimate of the number of bytes, which saves growing */
  constructor(capacity = 0) {
    this.bytes = take(capacity);
  }

  /** The number of bytes written. */
  get position(): number {
    return this.length;
  }

  private grow(more: number): number {
    const at = this.length;
    const needed = at + more;
    if (needed > this.bytes.length) {
      const larger = take(Math.max(needed, this.bytes.length * 2));
      larger.set(this.bytes.subarray(0, at));
      give(this.bytes, at);
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

  /** The length of a vector (§2.1.2), in the minimal encoding. @throws MlsError `encode` above 2^30 - 1 */
  varint(value: number): void {
    if (value < 64) this.uint8(value);
    else if (value < 16384) this.uint16(value | 0x4000);
    else if (value <= MAX_VECTOR) this.uint32((value | 0x80000000) >>> 0);
    else throw new MlsError("encode", `expected a vector of at most ${MAX_VECTOR} bytes, got ${value}`);
  }

  /** A `<V>` vector. `write` writes its contents, and then its length is inserted before them. */
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

  /** What `write` writes, after its length in four bytes. */
  sized(write: () => void): void {
    const start = this.grow(4);
    write();
    const end = this.length;
    this.length = start;
    this.uint32(end - start - 4);
    this.length = end;
  }

  /** The bytes written, in an array of their own. */
  finish(): Bytes {
    return this.bytes.slice(0, this.length);
  }

  /** A view of the bytes written from `start` to `end`. Valid until {@link release}. */
  view(start = 0, end = this.length): Uint8Array {
    return this.bytes.subarray(start, end);
  }

  /** Overwrites the working buffer and returns it for reuse. Empties the writer. */
  release(): void {
    const { bytes, length } = this;
    this.bytes = EMPTY;
    this.length = 0;
    give(bytes, length);
  }
}

/** The bytes that `write` writes, in an array of their own. @param capacity as in {@link Writer} */
export function written(write: (writer: Writer) => void, capacity?: number): Bytes {
  const writer = new Writer(capacity);
  try {
    write(writer);
    return writer.finish();
  } finally {
    writer.release();
  }
}
