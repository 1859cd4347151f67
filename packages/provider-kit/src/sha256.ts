// FIPS 180-4 §6.2, RFC 2104: SHA-256 and HMAC-SHA256 in JavaScript, for the short inputs of which MLS has thousands.
import { type HashPart, SHA256 } from "@copse/core/provider";
import type { HmacPrimitive } from "./hkdf.js";

const BLOCK_LENGTH = 64;
const DIGEST_LENGTH = 32;
/** Where the length of the message stands in the last block, in words. */
const LENGTH_AT = 14;

/** A hash and HMAC that answer at once. */
export interface SyncHashPart extends HashPart {
  hash(data: Uint8Array): Uint8Array;
  hashAll(data: readonly Uint8Array[]): Uint8Array[];
  mac(key: Uint8Array, data: Uint8Array): Uint8Array;
}

/** FIPS 180-4 §5.3.3 */
// biome-ignore format: a table
const INITIAL = /* @__PURE__ */ Int32Array.of(
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
);
/** FIPS 180-4 §4.2.2 */
// biome-ignore format: a table
const ROUND_CONSTANTS = /* @__PURE__ */ Int32Array.of(
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
);

// One state and one schedule for all calls, which are over before another begins; wiped at the end of each.
const state = /* @__PURE__ */ new Int32Array(8);
const words = /* @__PURE__ */ new Int32Array(64);
/** The states that the inner and the outer hash of a key's HMACs begin with. */
const inner = /* @__PURE__ */ new Int32Array(8);
const outer = /* @__PURE__ */ new Int32Array(8);

/** SHA-256 and HMAC-SHA256, at once. @throws TypeError for anything but bytes */
export const sha256: SyncHashPart & Required<HmacPrimitive> = {
  algorithm: SHA256,
  hash(data) {
    needBytes(data);
    const digest = digestOf(data);
    wipe();
    return digest;
  },
  hashAll(data) {
    data.forEach(needBytes);
    const digests = data.map(digestOf);
    wipe();
    return digests;
  },
  mac(key, data) {
    needBytes(key);
    needBytes(data);
    startMac(key);
    const mac = macOf(data);
    wipeMac();
    return mac;
  },
  macAll(key, data) {
    needBytes(key);
    data.forEach(needBytes);
    startMac(key);
    const macs = data.map(macOf);
    wipeMac();
    return macs;
  },
};

/** Before anything is done, so that nothing is left behind. Bytes may come from another realm, as in a frame. */
function needBytes(data: Uint8Array): void {
  if (!ArrayBuffer.isView(data)) throw new TypeError("SHA-256 takes bytes");
}

function digestOf(data: Uint8Array): Uint8Array {
  state.set(INITIAL);
  return finish(data, 0, new Uint8Array(DIGEST_LENGTH));
}

function startMac(key: Uint8Array): void {
  const short = key.length > BLOCK_LENGTH ? digestOf(key) : key;
  state.set(INITIAL);
  absorbKey(short, 0x36363636);
  inner.set(state);
  state.set(INITIAL);
  absorbKey(short, 0x5c5c5c5c);
  outer.set(state);
  if (short !== key) short.fill(0);
}

function macOf(data: Uint8Array): Uint8Array {
  state.set(inner);
  const mac = finish(data, BLOCK_LENGTH, new Uint8Array(DIGEST_LENGTH));
  state.set(outer);
  return finish(mac, BLOCK_LENGTH, mac);
}

function wipe(): void {
  state.fill(0);
  words.fill(0);
}

function wipeMac(): void {
  wipe();
  inner.fill(0);
  outer.fill(0);
}

/** A block of the key, filled up with zeros, and `pad` in each of its bytes. */
function absorbKey(key: Uint8Array, pad: number): void {
  words.fill(pad, 0, 16);
  for (let i = 0; i < key.length; i++) words[i >> 2]! ^= key[i]! << (24 - 8 * (i & 3));
  compress();
}

/** What comes last, after `before` bytes in whole blocks; and the digest of all. */
function finish(data: Uint8Array, before: number, digest: Uint8Array): Uint8Array {
  const { length } = data;
  const whole = length - (length % BLOCK_LENGTH);
  for (let at = 0; at < whole; at += BLOCK_LENGTH) {
    for (let i = 0; i < 16; i++) {
      const from = at + 4 * i;
      words[i] = (data[from]! << 24) | (data[from + 1]! << 16) | (data[from + 2]! << 8) | data[from + 3]!;
    }
    compress();
  }
  words.fill(0, 0, 16);
  const rest = length - whole;
  for (let i = 0; i < rest; i++) words[i >> 2]! |= data[whole + i]! << (24 - 8 * (i & 3));
  words[rest >> 2]! |= 0x80 << (24 - 8 * (rest & 3));
  if (rest >= 4 * LENGTH_AT) {
    compress();
    words.fill(0, 0, 16);
  }
  const bytes = before + length;
  words[LENGTH_AT] = Math.floor(bytes / 0x20000000);
  words[LENGTH_AT + 1] = bytes << 3;
  compress();
  for (let i = 0; i < DIGEST_LENGTH; i++) digest[i] = state[i >> 2]! >>> (24 - 8 * (i & 3));
  return digest;
}

/** FIPS 180-4 §6.2.2, of the block in the first sixteen words. */
function compress(): void {
  for (let t = 16; t < 64; t++) {
    const x = words[t - 15]!;
    const y = words[t - 2]!;
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    words[t] = s1 + words[t - 7]! + s0 + words[t - 16]!;
  }
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  let e = state[4]!;
  let f = state[5]!;
  let g = state[6]!;
  let h = state[7]!;
  for (let t = 0; t < 64; t++) {
    const S1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const choice = g ^ (e & (f ^ g));
    const t1 = (h + S1 + choice + ROUND_CONSTANTS[t]! + words[t]!) | 0;
    const S0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const majority = (a & b) ^ (c & (a ^ b));
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + S0 + majority) | 0;
  }
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
  state[4]! += e;
  state[5]! += f;
  state[6]! += g;
  state[7]! += h;
}
