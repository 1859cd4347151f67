// NIST SP 800-38D §6.3, §6.4: GHASH without tables and branches on secrets, in multiplications of 32 bits.

const BLOCK_LENGTH = 16;
/** Of an operand: as its words are, and with the bits of each in reverse. */
const FACTORS = 9;
/** Where the product of the sums of the halves is kept, behind the eight words of a product. */
const SUM = 8;

/** GHASH of what `update` is given, under one subkey after another, in memory that is used again. */
export class Ghash {
  readonly #subkey = new Int32Array(2 * FACTORS);
  readonly #operand = new Int32Array(2 * FACTORS);
  readonly #product = new Int32Array(SUM + 4);
  readonly #sum = new Int32Array(4);
  readonly #last = new Uint8Array(BLOCK_LENGTH);

  /** With the words of a block: H, the encryption of zeros. */
  start(h0: number, h1: number, h2: number, h3: number): void {
    factor(h3, h2, h1, h0, this.#subkey);
    this.#sum.fill(0);
  }

  /** Adds the first `length` bytes, and zeros up to the next multiple of 16. */
  update(bytes: Uint8Array, length: number): void {
    const rest = length % BLOCK_LENGTH;
    for (let at = 0; at < length - rest; at += BLOCK_LENGTH) this.#bytes(bytes, at);
    if (rest === 0) return;
    const last = this.#last;
    last.fill(0);
    for (let i = 0; i < rest; i++) last[i] = bytes[length - rest + i]!;
    this.#bytes(last, 0);
  }

  /** Adds the lengths of what is authenticated and of the ciphertext, in bytes, and writes the sum of 16 bytes. */
  digest(aadLength: number, textLength: number, into: Uint8Array, at: number): void {
    this.#block(0, 8 * aadLength, 0, 8 * textLength);
    for (let i = 0; i < BLOCK_LENGTH; i++) into[at + i] = this.#sum[i >> 2]! >>> (24 - 8 * (i & 3));
  }

  wipe(): void {
    for (const words of [this.#subkey, this.#operand, this.#product, this.#sum]) words.fill(0);
    this.#last.fill(0);
  }

  #bytes(bytes: Uint8Array, at: number): void {
    this.#block(wordAt(bytes, at), wordAt(bytes, at + 4), wordAt(bytes, at + 8), wordAt(bytes, at + 12));
  }

  /** The sum and the block, added and multiplied by the subkey. */
  #block(w0: number, w1: number, w2: number, w3: number): void {
    const sum = this.#sum;
    factor(sum[3]! ^ w3, sum[2]! ^ w2, sum[1]! ^ w1, sum[0]! ^ w0, this.#operand);
    multiply(this.#operand, this.#subkey, this.#product);
    reduce(this.#product, sum);
  }
}

/**
 * The operands of Karatsuba's method, twice applied: those for the low half of 64 bits, for the high half and for
 * their sum, each as low word, high word and sum.
 * @param a0 the lowest word, to `a3` the highest
 */
function factor(a0: number, a1: number, a2: number, a3: number, into: Int32Array): void {
  combine(a0, a1, a2, a3, into, 0);
  combine(reverse(a0), reverse(a1), reverse(a2), reverse(a3), into, FACTORS);
}

function combine(a0: number, a1: number, a2: number, a3: number, into: Int32Array, at: number): void {
  into[at] = a0;
  into[at + 1] = a1;
  into[at + 2] = a0 ^ a1;
  into[at + 3] = a2;
  into[at + 4] = a3;
  into[at + 5] = a2 ^ a3;
  into[at + 6] = a0 ^ a2;
  into[at + 7] = a1 ^ a3;
  into[at + 8] = a0 ^ a1 ^ a2 ^ a3;
}

/** The product of two polynomials of 128 coefficients, from their factors: eight words, the lowest first. */
function multiply(x: Int32Array, y: Int32Array, into: Int32Array): void {
  multiplyHalves(x, y, 0, into, 0);
  multiplyHalves(x, y, 3, into, 4);
  multiplyHalves(x, y, 6, into, SUM);
  for (let i = 0; i < 4; i++) into[SUM + i]! ^= into[i]! ^ into[4 + i]!;
  for (let i = 0; i < 4; i++) into[2 + i]! ^= into[SUM + i]!;
}

/** The same for 64 coefficients: three factors from `from` on give four words at `at`. */
function multiplyHalves(x: Int32Array, y: Int32Array, from: number, into: Int32Array, at: number): void {
  const low = multiplyLow(x[from]!, y[from]!);
  const lowAbove = multiplyHigh(x, y, from);
  const high = multiplyLow(x[from + 1]!, y[from + 1]!);
  const highAbove = multiplyHigh(x, y, from + 1);
  into[at] = low;
  into[at + 1] = lowAbove ^ multiplyLow(x[from + 2]!, y[from + 2]!) ^ low ^ high;
  into[at + 2] = high ^ multiplyHigh(x, y, from + 2) ^ lowAbove ^ highAbove;
  into[at + 3] = highAbove;
}

/** The high 32 bits of the product of two factors, which are the low ones of their reverses. */
function multiplyHigh(x: Int32Array, y: Int32Array, factor: number): number {
  return reverse(multiplyLow(x[FACTORS + factor]!, y[FACTORS + factor]!)) >>> 1;
}

/**
 * The product modulo x^128 + x^7 + x^2 + x + 1. GCM writes the coefficient of x^0 as the highest bit, so that what
 * overflows stands in the low words, and the product one bit too low.
 */
function reduce(product: Int32Array, into: Int32Array): void {
  const word = (i: number) => (product[i]! << 1) | (i > 0 ? product[i - 1]! >>> 31 : 0);
  const z0 = word(0);
  const z1 = word(1);
  const z2 = word(2);
  const z3 = word(3) ^ overflow(z0);
  into[3] = word(4) ^ fold(z0) ^ overflow(z1);
  into[2] = word(5) ^ fold(z1) ^ overflow(z2);
  into[1] = word(6) ^ fold(z2) ^ overflow(z3);
  into[0] = word(7) ^ fold(z3);
}

/** A word times x^7 + x^2 + x + 1: what stays in the word four above, and what goes to the one below that. */
function fold(word: number): number {
  return word ^ (word >>> 1) ^ (word >>> 2) ^ (word >>> 7);
}

function overflow(word: number): number {
  return (word << 31) ^ (word << 30) ^ (word << 25);
}

/**
 * The low 32 bits of the product of two polynomials. Of each four bits the multiplication gets one, so that there
 * is room for the up to eight carries of what adds up in a bit; they are cut off afterwards.
 */
function multiplyLow(x: number, y: number): number {
  const x0 = x & 0x11111111;
  const x1 = x & 0x22222222;
  const x2 = x & 0x44444444;
  const x3 = x & 0x88888888;
  const y0 = y & 0x11111111;
  const y1 = y & 0x22222222;
  const y2 = y & 0x44444444;
  const y3 = y & 0x88888888;
  const z0 = Math.imul(x0, y0) ^ Math.imul(x1, y3) ^ Math.imul(x2, y2) ^ Math.imul(x3, y1);
  const z1 = Math.imul(x0, y1) ^ Math.imul(x1, y0) ^ Math.imul(x2, y3) ^ Math.imul(x3, y2);
  const z2 = Math.imul(x0, y2) ^ Math.imul(x1, y1) ^ Math.imul(x2, y0) ^ Math.imul(x3, y3);
  const z3 = Math.imul(x0, y3) ^ Math.imul(x1, y2) ^ Math.imul(x2, y1) ^ Math.imul(x3, y0);
  return (z0 & 0x11111111) | (z1 & 0x22222222) | (z2 & 0x44444444) | (z3 & 0x88888888);
}

/** The bits of a word in reverse. */
function reverse(word: number): number {
  let bits = ((word >>> 1) & 0x55555555) | ((word & 0x55555555) << 1);
  bits = ((bits >>> 2) & 0x33333333) | ((bits & 0x33333333) << 2);
  bits = ((bits >>> 4) & 0x0f0f0f0f) | ((bits & 0x0f0f0f0f) << 4);
  bits = ((bits >>> 8) & 0x00ff00ff) | ((bits & 0x00ff00ff) << 8);
  return (bits >>> 16) | (bits << 16);
}

/** Big-endian. */
function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}
