// NIST SP 800-38D §7: AES-GCM in JavaScript, without tables and branches on secrets.
import { isZero } from "@copse/provider-kit";
import { encryptBlocks, expandKey } from "./aes.js";
import { Ghash } from "./ghash.js";

const BLOCK_LENGTH = 16;
const TAG_LENGTH = 16;
/** Two blocks, which take turns word by word. */
const STATE_WORDS = 8;

/**
 * The ciphertext, followed by its tag of 16 bytes.
 * @param key 16 or 32 bytes
 * @param nonce 12 bytes
 */
export function sealGcm(
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  const sealed = new Uint8Array(plaintext.length + TAG_LENGTH);
  const ciphertext = sealed.subarray(0, plaintext.length);
  const cipher = new Cipher(key, nonce);
  cipher.crypt(plaintext, ciphertext);
  cipher.tag(aad, ciphertext, sealed.subarray(plaintext.length));
  cipher.wipe();
  return sealed;
}

/**
 * The plaintext, or undefined if the tag isn't the ciphertext's: then nothing is decrypted.
 * @param sealed a ciphertext and its tag, 16 bytes or more
 */
export function openGcm(
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  sealed: Uint8Array,
): Uint8Array | undefined {
  const ciphertext = sealed.subarray(0, sealed.length - TAG_LENGTH);
  const cipher = new Cipher(key, nonce);
  const difference = new Uint8Array(TAG_LENGTH);
  cipher.tag(aad, ciphertext, difference);
  for (let i = 0; i < TAG_LENGTH; i++) difference[i]! ^= sealed[ciphertext.length + i]!;
  const plaintext = isZero(difference) ? new Uint8Array(ciphertext.length) : undefined;
  // With what came it gives the tag that would have been right.
  difference.fill(0);
  if (plaintext !== undefined) cipher.crypt(ciphertext, plaintext);
  cipher.wipe();
  return plaintext;
}

/** A key with a nonce. */
class Cipher {
  readonly #roundKeys: Int32Array;
  readonly #nonce = new Int32Array(3);
  readonly #state = new Int32Array(STATE_WORDS);
  readonly #ghash: Ghash;
  /** The encryption of the counter's first value, with which the tag is masked. */
  readonly #mask = new Uint8Array(BLOCK_LENGTH);

  constructor(key: Uint8Array, nonce: Uint8Array) {
    this.#roundKeys = expandKey(key);
    for (let i = 0; i < nonce.length; i++) this.#nonce[i >> 2]! |= nonce[i]! << (8 * (i & 3));
    this.#count(1);
    for (let i = 1; i < STATE_WORDS; i += 2) this.#state[i] = 0;
    encryptBlocks(this.#roundKeys, this.#state);
    const subkey = new Uint8Array(BLOCK_LENGTH);
    for (let i = 0; i < BLOCK_LENGTH; i++) {
      this.#mask[i] = this.#byte(i);
      subkey[i] = this.#byte(BLOCK_LENGTH + i);
    }
    this.#ghash = new Ghash(subkey);
    subkey.fill(0);
  }

  /** Encrypts or decrypts, as long as the output is. */
  crypt(input: Uint8Array, output: Uint8Array): void {
    const { length } = output;
    const from = new DataView(input.buffer, input.byteOffset, length);
    const to = new DataView(output.buffer, output.byteOffset, length);
    const state = this.#state;
    const blocks = 2 * BLOCK_LENGTH;
    const whole = length - (length % blocks);
    let counter = 2;
    for (let at = 0; at < whole; at += blocks, counter += 2) {
      this.#count(counter);
      encryptBlocks(this.#roundKeys, state);
      for (let i = 0; i < 4; i++) {
        const one = at + 4 * i;
        const other = one + BLOCK_LENGTH;
        to.setInt32(one, from.getInt32(one, true) ^ state[2 * i]!, true);
        to.setInt32(other, from.getInt32(other, true) ^ state[2 * i + 1]!, true);
      }
    }
    if (whole === length) return;
    this.#count(counter);
    encryptBlocks(this.#roundKeys, state);
    for (let i = whole; i < length; i++) output[i] = input[i]! ^ this.#byte(i - whole);
  }

  tag(aad: Uint8Array, ciphertext: Uint8Array, into: Uint8Array): void {
    this.#ghash.update(aad);
    this.#ghash.update(ciphertext);
    this.#ghash.digest(aad.length, ciphertext.length, into);
    for (let i = 0; i < TAG_LENGTH; i++) into[i]! ^= this.#mask[i]!;
  }

  wipe(): void {
    this.#roundKeys.fill(0);
    this.#nonce.fill(0);
    this.#state.fill(0);
    this.#mask.fill(0);
    this.#ghash.wipe();
  }

  /** Two counter blocks: that of the value and the next. */
  #count(value: number): void {
    const state = this.#state;
    for (let i = 0; i < 3; i++) state[2 * i] = state[2 * i + 1] = this.#nonce[i]!;
    state[6] = swapBytes(value);
    state[7] = swapBytes(value + 1);
  }

  /** Of the 32 bytes in the state. */
  #byte(i: number): number {
    return this.#state[2 * ((i >> 2) & 3) + (i >> 4)]! >>> (8 * (i & 3));
  }
}

/** From big-endian to little-endian. */
function swapBytes(word: number): number {
  return (word << 24) | ((word << 8) & 0xff0000) | ((word >>> 8) & 0xff00) | (word >>> 24);
}
