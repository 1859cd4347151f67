// Numbers and bytes that are the same for the same seed.

/** sfc32, with 128 bits of state: of millions of streams no two meet. */
export class Numbers {
  #a: number;
  #b: number;
  #c: number;
  #count = 1;

  /** @param stream one seed has many streams: that of a step is the same whatever other steps there are */
  constructor(seed: number, stream: number, purpose = 0) {
    this.#a = seed | 0;
    this.#b = stream | 0;
    this.#c = purpose | 0;
    for (let i = 0; i < 12; i++) this.next();
  }

  /** An integer from 0 to 2^32 - 1. */
  next(): number {
    const sum = (this.#a + this.#b + this.#count) | 0;
    this.#count = (this.#count + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** An integer from 0 to `limit - 1`. */
  below(limit: number): number {
    return Math.floor((this.next() / 2 ** 32) * limit);
  }

  /** Whether something happens that happens once in `times`. */
  once(times: number): boolean {
    return this.next() < 2 ** 32 / times;
  }

  pick<T>(list: readonly T[]): T | undefined {
    return list[this.below(list.length)];
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i += 4) {
      const word = this.next();
      for (let j = i; j < Math.min(length, i + 4); j++) bytes[j] = word >>> (8 * (j - i));
    }
    return bytes;
  }
}

/** A number of 53 bits that is another one for other bytes, all but certainly. */
export function digestOf(...parts: readonly Uint8Array[]): number {
  let [a, b] = [0x9e3779b9, 0x85ebca6b];
  for (const part of parts) {
    for (let i = 0; i < part.length; i++) {
      a = Math.imul(a ^ (part[i] as number), 0x01000193);
      b = Math.imul(b ^ (part[i] as number), 0x5bd1e995) ^ (b >>> 13);
    }
    a = Math.imul(a ^ part.length, 0x27d4eb2f);
  }
  return (a >>> 0) * 2 ** 21 + ((b ^ (b >>> 16)) >>> 11);
}

export const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
