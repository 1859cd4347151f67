// FIPS 197: AES in 32-bit words without tables and branches on secrets. Two blocks at once, bit by bit.
import { subBytes } from "./sub-bytes.js";

const BLOCK_WORDS = 4;
/** Of the state: two blocks. */
const WORDS = 2 * BLOCK_WORDS;
/** Those of AES-256, and the one before the first round. */
const MOST_ROUND_KEYS = 15;

/** AES under one key after another, in memory that is used again. */
export class Aes {
  /** Each for both blocks of a state, and transposed as these are. */
  readonly #roundKeys = new Int32Array(WORDS * MOST_ROUND_KEYS);
  /** Where the last of them stands. */
  #last = 0;
  readonly #words = new Int32Array(BLOCK_WORDS * MOST_ROUND_KEYS);
  readonly #scratch = new Int32Array(WORDS);

  /** @param key 16 or 32 bytes */
  setKey(key: Uint8Array): void {
    const words = this.#words;
    const roundKeys = this.#roundKeys;
    const keyWords = key.length / 4;
    const rounds = keyWords + 6;
    for (let i = 0; i < keyWords; i++) words[i] = wordAt(key, 4 * i);
    let rcon = 1;
    for (let i = keyWords; i < BLOCK_WORDS * (rounds + 1); i++) {
      let word = words[i - 1]!;
      if (i % keyWords === 0) {
        word = subWord(rotateRight(word, 8), this.#scratch) ^ rcon;
        rcon = (rcon << 1) ^ (0x11b & -(rcon >> 7));
      } else if (keyWords === 8 && i % keyWords === 4) {
        word = subWord(word, this.#scratch);
      }
      words[i] = words[i - keyWords]! ^ word;
    }
    this.#last = WORDS * rounds;
    for (let at = 0; at <= this.#last; at += WORDS) {
      for (let i = 0; i < WORDS; i++) roundKeys[at + i] = words[(at >> 1) + (i >> 1)]!;
      transpose(roundKeys, at);
    }
  }

  /**
   * Encrypts two blocks.
   * @param state word i of the first block (little-endian) at 2i, of the second at 2i + 1
   */
  encrypt(state: Int32Array): void {
    const roundKeys = this.#roundKeys;
    const last = this.#last;
    transpose(state, 0);
    for (let i = 0; i < WORDS; i++) state[i]! ^= roundKeys[i]!;
    for (let at = WORDS; at < last; at += WORDS) {
      subBytes(state);
      diffuse(state, roundKeys, at);
    }
    subBytes(state);
    for (let i = 0; i < WORDS; i++) state[i] = shiftRows(state[i]!) ^ roundKeys[last + i]!;
    transpose(state, 0);
  }

  wipe(): void {
    this.#roundKeys.fill(0);
    this.#words.fill(0);
    this.#scratch.fill(0);
  }
}

/** ShiftRows, MixColumns and AddRoundKey. */
function diffuse(state: Int32Array, keys: Int32Array, at: number): void {
  const a0 = shiftRows(state[0]!);
  const a1 = shiftRows(state[1]!);
  const a2 = shiftRows(state[2]!);
  const a3 = shiftRows(state[3]!);
  const a4 = shiftRows(state[4]!);
  const a5 = shiftRows(state[5]!);
  const a6 = shiftRows(state[6]!);
  const a7 = shiftRows(state[7]!);
  // Row r becomes 2a + 3b + c + d, with b, c and d the rows below it: 2(a + b) + b + (c + d).
  const b0 = rotateRight(a0, 8);
  const b1 = rotateRight(a1, 8);
  const b2 = rotateRight(a2, 8);
  const b3 = rotateRight(a3, 8);
  const b4 = rotateRight(a4, 8);
  const b5 = rotateRight(a5, 8);
  const b6 = rotateRight(a6, 8);
  const b7 = rotateRight(a7, 8);
  const d0 = a0 ^ b0;
  const d1 = a1 ^ b1;
  const d2 = a2 ^ b2;
  const d3 = a3 ^ b3;
  const d4 = a4 ^ b4;
  const d5 = a5 ^ b5;
  const d6 = a6 ^ b6;
  const d7 = a7 ^ b7;
  // Doubling moves each bit up; the highest comes back as x^4 + x^3 + x + 1.
  state[0] = d7 ^ b0 ^ rotateRight(d0, 16) ^ keys[at]!;
  state[1] = d0 ^ d7 ^ b1 ^ rotateRight(d1, 16) ^ keys[at + 1]!;
  state[2] = d1 ^ b2 ^ rotateRight(d2, 16) ^ keys[at + 2]!;
  state[3] = d2 ^ d7 ^ b3 ^ rotateRight(d3, 16) ^ keys[at + 3]!;
  state[4] = d3 ^ d7 ^ b4 ^ rotateRight(d4, 16) ^ keys[at + 4]!;
  state[5] = d4 ^ b5 ^ rotateRight(d5, 16) ^ keys[at + 5]!;
  state[6] = d5 ^ b6 ^ rotateRight(d6, 16) ^ keys[at + 6]!;
  state[7] = d6 ^ b7 ^ rotateRight(d7, 16) ^ keys[at + 7]!;
}

/** ShiftRows: byte r of a transposed word is row r; in it, bits 2c and 2c + 1 are column c of the two blocks. */
function shiftRows(word: number): number {
  return (
    (word & 0x000000ff) |
    ((word & 0x0000fc00) >>> 2) |
    ((word & 0x00000300) << 6) |
    ((word & 0x00f00000) >>> 4) |
    ((word & 0x000f0000) << 4) |
    ((word & 0xc0000000) >>> 6) |
    ((word & 0x3f000000) << 2)
  );
}

/**
 * From bytes to bits and back, of the eight words from `at` on: at each of the four byte positions, bit j of word i
 * changes places with bit i of word j.
 */
function transpose(state: Int32Array, at: number): void {
  for (let i = at; i < at + 8; i += 2) swapBits(state, i, i + 1, 0x55555555, 1);
  for (let i = at; i < at + 8; i += 4) {
    swapBits(state, i, i + 2, 0x33333333, 2);
    swapBits(state, i + 1, i + 3, 0x33333333, 2);
  }
  for (let i = at; i < at + 4; i++) swapBits(state, i, i + 4, 0x0f0f0f0f, 4);
}

/** The bits of `low` above the mask's change places with those of `high` in the mask. */
function swapBits(state: Int32Array, low: number, high: number, mask: number, shift: number): void {
  const a = state[low]!;
  const b = state[high]!;
  state[low] = (a & mask) | ((b & mask) << shift);
  state[high] = ((a >>> shift) & mask) | (b & ~mask);
}

function subWord(word: number, scratch: Int32Array): number {
  scratch.fill(word);
  transpose(scratch, 0);
  subBytes(scratch);
  transpose(scratch, 0);
  return scratch[0]!;
}

function rotateRight(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}
