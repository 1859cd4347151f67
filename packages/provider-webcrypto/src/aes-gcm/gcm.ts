// NIST SP 800-38D §7: AES-GCM in JavaScript, without tables and branches on secrets.
import { isZero } from "@copse/provider-kit";
import { Aes } from "./aes.js";
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
  const { length } = plaintext;
  const sealed = new Uint8Array(length + TAG_LENGTH);
  try {
    cipher.start(key, nonce);
    cipher.crypt(plaintext, sealed, length);
    cipher.tag(aad, sealed, length, sealed, length);
  } finally {
    cipher.wipe();
  }
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
  const length = sealed.length - TAG_LENGTH;
  const difference = new Uint8Array(TAG_LENGTH);
  try {
    cipher.start(key, nonce);
    cipher.tag(aad, sealed, length, difference, 0);
    for (let i = 0; i < TAG_LENGTH; i++) difference[i]! ^= sealed[length + i]!;
    if (!isZero(difference)) return undefined;
    const plaintext = new Uint8Array(length);
    cipher.crypt(sealed, plaintext, length);
    return plaintext;
  } finally {
    // With what came it gives the tag that would have been right.
    difference.fill(0);
    cipher.wipe();
  }
}

/** One key with one nonce after another, in memory that is used again. */
class Cipher {
  readonly #aes = new Aes();
  readonly #ghash = new Ghash();
  readonly #nonce = new Int32Array(3);
  readonly #state = new Int32Array(STATE_WORDS);
  /** The encryption of the counter's first value, with which the tag is masked. */
  readonly #mask = new Int32Array(4);

  start(key: Uint8Array, nonce: Uint8Array): void {
    const state = this.#state;
    this.#aes.setKey(key);
    this.#nonce.fill(0);
    for (let i = 0; i < nonce.length; i++) this.#nonce[i >> 2]! |= nonce[i]! << (8 * (i & 3));
    this.#count(1);
    for (let i = 1; i < STATE_WORDS; i += 2) state[i] = 0;
    this.#aes.encrypt(state);
    for (let i = 0; i < 4; i++) this.#mask[i] = state[2 * i]!;
    this.#ghash.start(swapBytes(state[1]!), swapBytes(state[3]!), swapBytes(state[5]!), swapBytes(state[7]!));
  }

  /** Encrypts or decrypts the first `length` bytes. */
  crypt(input: Uint8Array, output: Uint8Array, length: number): void {
    const state = this.#state;
    const blocks = 2 * BLOCK_LENGTH;
    let counter = 2;
    for (let at = 0; at < length; at += blocks, counter += 2) {
      this.#count(counter);
      this.#aes.encrypt(state);
      if (length - at >= blocks) {
        for (let i = 0; i < 4; i++) {
          addWord(input, output, at + 4 * i, state[2 * i]!);
          addWord(input, output, at + BLOCK_LENGTH + 4 * i, state[2 * i + 1]!);
        }
      } else {
        for (let i = 0; i < length - at; i++) {
          output[at + i] = input[at + i]! ^ (state[2 * ((i >> 2) & 3) + (i >> 4)]! >>> (8 * (i & 3)));
        }
      }
    }
  }

  /** Writes the tag of what is authenticated and of the first `length` bytes of a ciphertext. */
  tag(aad: Uint8Array, ciphertext: Uint8Array, length: number, into: Uint8Array, at: number): void {
    this.#ghash.update(aad, aad.length);
    this.#ghash.update(ciphertext, length);
    this.#ghash.digest(aad.length, length, into, at);
    for (let i = 0; i < TAG_LENGTH; i++) into[at + i]! ^= this.#mask[i >> 2]! >>> (8 * (i & 3));
  }

  wipe(): void {
    this.#aes.wipe();
    this.#ghash.wipe();
    this.#nonce.fill(0);
    this.#state.fill(0);
    this.#mask.fill(0);
  }

  /** Two counter blocks: that of the value and the next. */
  #count(value: number): void {
    const state = this.#state;
    for (let i = 0; i < 3; i++) state[2 * i] = state[2 * i + 1] = this.#nonce[i]!;
    state[6] = swapBytes(value);
    state[7] = swapBytes(value + 1);
  }
}

/**
 * For all calls, which are over before another begins: memory for each of them, and the views that its pieces would need,
 * cost a short message as much as its encryption.
 */
const cipher = /* @__PURE__ */ new Cipher();

/** Four bytes of the input, with a little-endian word added to them. */
function addWord(input: Uint8Array, output: Uint8Array, at: number, word: number): void {
  output[at] = input[at]! ^ word;
  output[at + 1] = input[at + 1]! ^ (word >>> 8);
  output[at + 2] = input[at + 2]! ^ (word >>> 16);
  output[at + 3] = input[at + 3]! ^ (word >>> 24);
}

/** From big-endian to little-endian, and back. */
function swapBytes(word: number): number {
  return (word << 24) | ((word << 8) & 0xff0000) | ((word >>> 8) & 0xff00) | (word >>> 24);
}
