// RFC 9420 §5.1: faults in hashing and key derivation.
import { createHash } from "node:crypto";
import { CryptoError, SHA256 } from "@copse/core/provider";
import { broken, cut, type Fault, fault, none, orElse } from "./fault.js";

const AT_LENGTHS = "hash: known answers at every length to 303, and at large ones";
const MAC_LENGTHS = "mac: is HMAC for keys and data of every length";
const KDF_LENGTHS = "kdf: salts, inputs and infos of every length count";
const EXPAND = "kdf: expand is RFC 5869's, from no byte to 255 blocks";

const HASH = ["hash", "hash"] as const;
const MAC = ["hash", "mac"] as const;
const EXTRACT = ["kdf", "extract"] as const;
const EXPAND_ONE = ["kdf", "expand"] as const;

/** A fault at one length alone. */
const wrongAt = (size: number, suite: number): Fault =>
  broken(
    `hashes ${size} bytes wrongly`,
    suite,
    AT_LENGTHS,
    HASH,
    (hash) => (data: Uint8Array) => hash(data.length === size ? data.slice(1) : data),
  );

const infoCutAt = (size: number, suite: number): Fault =>
  broken(
    `cuts HKDF's info at ${size} bytes`,
    suite,
    KDF_LENGTHS,
    EXPAND_ONE,
    (expand) => (prk, info, n) => expand(prk, cut(info, size), n),
  );

export const HASHING: readonly Fault[] = [
  fault("truncates a hash", 5, "hash: a digest has Nh bytes", ({ hash }) => ({
    hash: { ...hash, hash: async (data) => (await hash.hash(data)).slice(0, 32) },
  })),
  wrongAt(55, 1),
  wrongAt(64, 3),
  wrongAt(111, 5),
  wrongAt(128, 7),
  wrongAt(4096, 2),
  wrongAt(65_537, 1),
  broken("hashes no more than 64 KiB", 1, AT_LENGTHS, HASH, (hash) => (data) => hash(cut(data, 65_536))),
  broken(
    "hashes nothing to zeros",
    2,
    "hash: known answers",
    HASH,
    (hash) => (data) => (data.length === 0 ? new Uint8Array(32) : hash(data)),
  ),
  broken(
    "is another hash under SHA-256's name",
    1,
    "hash: known answers",
    HASH,
    () => (data) => new Uint8Array(createHash("sha3-256").update(data).digest()),
  ),
  broken(
    "hashes in hexadecimal",
    3,
    "hash: a digest has Nh bytes",
    HASH,
    (hash) => (data) => new TextEncoder().encode(Buffer.from(hash(data)).toString("hex")),
  ),
  broken(
    "refuses an empty MAC key",
    2,
    "mac: takes an empty key, and any other length",
    MAC,
    (mac) => (key, data) => {
      if (key.length === 0) throw new CryptoError("an empty key");
      return mac(key, data);
    },
  ),
  broken(
    "cuts long MAC keys",
    1,
    "mac: takes an empty key, and any other length",
    MAC,
    (mac) => (key, data) => mac(cut(key, 64), data),
  ),
  broken(
    "hashes a MAC key of exactly a block",
    1,
    MAC_LENGTHS,
    MAC,
    (mac, { hash }) =>
      (key, data) =>
        mac(key.length === 64 ? (hash.hash(key) as Uint8Array) : key, data),
  ),
  broken(
    "hashes MAC keys of more than half a block",
    5,
    MAC_LENGTHS,
    MAC,
    (mac, { hash }) =>
      (key, data) =>
        mac(key.length > 64 && key.length <= 128 ? (hash.hash(key) as Uint8Array) : key, data),
  ),
  broken("MACs no more than 4 KiB", 1, MAC_LENGTHS, MAC, (mac) => (key, data) => mac(key, cut(data, 4096))),
  broken(
    "MACs by hashing key and data",
    1,
    "mac: known answers",
    MAC,
    (_, { hash }) =>
      (key, data) =>
        hash.hash(Uint8Array.of(...key, ...data)),
  ),
  broken(
    "cuts MACs to half",
    5,
    "mac: a MAC has Nh bytes",
    MAC,
    (mac) => (key, data) => cut(mac(key, data), 32),
  ),
];

export const DERIVATION: readonly Fault[] = [
  broken(
    "swaps HKDF's salt and input",
    1,
    "kdf: extract is HMAC with the salt as its key",
    EXTRACT,
    (extract) => (salt, ikm) => extract(ikm, salt),
  ),
  broken(
    "takes ones for an empty salt",
    1,
    "kdf: an empty salt is Nh zero bytes",
    EXTRACT,
    (extract) => (salt, ikm) => extract(salt.length === 0 ? new Uint8Array(SHA256.Nh).fill(1) : salt, ikm),
  ),
  broken(
    "cuts HKDF's salt at 64 bytes",
    3,
    KDF_LENGTHS,
    EXTRACT,
    (extract) => (salt, ikm) => extract(cut(salt, 64), ikm),
  ),
  broken(
    "cuts HKDF's input at 128 bytes",
    1,
    KDF_LENGTHS,
    EXTRACT,
    (extract) => (salt, ikm) => extract(salt, cut(ikm, 128)),
  ),
  broken(
    "cuts HKDF's input at 64 KiB",
    5,
    KDF_LENGTHS,
    EXTRACT,
    (extract) => (salt, ikm) => extract(salt, cut(ikm, 65_536)),
  ),
  infoCutAt(64, 1),
  infoCutAt(100, 2),
  infoCutAt(128, 3),
  infoCutAt(255, 5),
  infoCutAt(1024, 7),
  infoCutAt(16_384, 1),
  broken(
    "cuts the key that HKDF expands at Nh bytes",
    1,
    KDF_LENGTHS,
    EXPAND_ONE,
    (expand) => (prk, info, n) => expand(cut(prk, 32), info, n),
  ),
  broken(
    "uses half of the key that HKDF expands",
    5,
    "kdf: known answers",
    EXPAND_ONE,
    (expand) => (prk, info, n) => expand(cut(prk, 32), info, n),
  ),
  broken(
    "counts HKDF's blocks from 0",
    1,
    "kdf: known answers",
    EXPAND_ONE,
    (_, { hash }) =>
      (prk, info, n) => {
        let all = none;
        for (let i = 0, last = none; all.length < n; i++) {
          last = hash.mac(prk, Uint8Array.of(...last, ...info, i)) as Uint8Array<ArrayBuffer>;
          all = Uint8Array.of(...all, ...last);
        }
        return all.slice(0, n);
      },
  ),
  broken("repeats HKDF's second block", 1, EXPAND, EXPAND_ONE, (expand) => (prk, info, n) => {
    const right = expand(prk, info, n);
    for (let at = 64; at < n; at += 32) right.set(cut(right.subarray(32, 64), n - at), at);
    return right;
  }),
  broken("refuses to expand to nothing", 2, EXPAND, EXPAND_ONE, (expand) => (prk, info, n) => {
    if (n === 0) throw new CryptoError("no length");
    return expand(prk, info, n);
  }),
  broken("refuses more than 128 blocks", 5, EXPAND, EXPAND_ONE, (expand) => (prk, info, n) => {
    if (n > 128 * 64) throw new CryptoError("too long");
    return expand(prk, info, n);
  }),
  broken(
    "expands to 33 bytes with a zero at the end",
    1,
    "kdf: expands to every length",
    EXPAND_ONE,
    (expand) => (prk, info, n) => {
      const right = expand(prk, info, n);
      if (n === 33) right[32] = 0;
      return right;
    },
  ),
  broken(
    "expands to any length",
    1,
    "kdf: expand refuses more than 255 blocks, and what is no length",
    EXPAND_ONE,
    (expand) => (prk, info, n) =>
      orElse(
        () => expand(prk, info, n),
        () => new Uint8Array(Math.max(0, Math.floor(n) || 0)),
      ),
  ),
];
