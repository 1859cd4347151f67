// RFC 5869: HKDF, composed from HMAC.
import {
  type Awaitable,
  all,
  CryptoError,
  concat,
  EMPTY,
  type ExpandRequest,
  type HashPart,
  isPromise,
  type KdfPart,
  secretBytes,
} from "@copse/core/provider";
import { joined } from "./scratch.js";

/** The counter of the first block. */
const FIRST = /* @__PURE__ */ Uint8Array.of(1);

/** Engines allocate up to 64 bytes in tens of nanoseconds, and more in about a microsecond. */
const SHORT = 64;

/** `info || 0x01`, the input of the first block. It isn't secret. */
function withCounter(info: Uint8Array): Uint8Array {
  const input = new Uint8Array(info.length + 1);
  input.set(info);
  input[info.length] = 1;
  return input;
}

/** What HKDF needs: HMAC over the hash that `algorithm` names. */
export interface HmacPrimitive extends Pick<HashPart, "algorithm" | "mac"> {
  /** HMACs of many inputs under one key, if the implementation can share work between them. */
  macAll?(key: Uint8Array, data: readonly Uint8Array[]): Uint8Array[];
}

/**
 * HKDF over an HMAC. Answers at once if the HMAC does.
 *
 * `extract` gives `Nh` bytes. `expand` gives 0 to `255 * Nh` bytes, `expandAll` as many of each request.
 * @throws CryptoError (from both) for any other length
 */
export function hkdf(hmac: HmacPrimitive): KdfPart {
  const { algorithm } = hmac;
  const { Nh } = algorithm;

  /** Block number `counter` (from 1) and all that follow, RFC 5869 §2.3. */
  function blocks(
    prk: Uint8Array,
    info: Uint8Array,
    out: Uint8Array,
    previous: Uint8Array,
    counter: number,
  ): Awaitable<Uint8Array> {
    for (;;) {
      const input = concat(previous, info, Uint8Array.of(counter));
      previous.fill(0);
      const block = hmac.mac(prk, input);
      const at = (counter - 1) * Nh;
      if (isPromise(block)) {
        return block.then((bytes) => {
          input.fill(0);
          return place(bytes, at) ? out : blocks(prk, info, out, bytes, counter + 1);
        });
      }
      input.fill(0);
      if (place(block, at)) return out;
      previous = block;
      counter++;
    }

    /** Whether this was the last block. */
    function place(block: Uint8Array, at: number): boolean {
      const missing = out.length - at;
      out.set(missing < Nh ? block.subarray(0, missing) : block, at);
      if (missing > Nh) return false;
      block.fill(0);
      return true;
    }
  }

  function expand(prk: Uint8Array, info: Uint8Array, length: number): Awaitable<Uint8Array> {
    if (!Number.isInteger(length) || length < 0 || length > 255 * Nh) {
      throw new CryptoError(`HKDF-Expand: expected a length of 0 to ${255 * Nh} bytes, got ${length}`);
    }
    if (length === 0) return new Uint8Array(0);
    if (length > Nh) return blocks(prk, info, new Uint8Array(length), EMPTY, 1);
    // MLS never asks for more than one block: its secrets have Nh bytes, keys and nonces fewer.
    const block =
      info.length < SHORT
        ? hmac.mac(prk, withCounter(info))
        : joined([info, FIRST], (input) => hmac.mac(prk, input));
    return isPromise(block) ? block.then((bytes) => cut(bytes, length)) : cut(block, length);
  }

  return {
    algorithm,
    extract: (salt, ikm) => hmac.mac(salt, ikm),
    expand,
    expandAll(prk, requests) {
      const short = ({ length }: ExpandRequest) => Number.isInteger(length) && length >= 0 && length <= Nh;
      const { macAll } = hmac;
      if (macAll === undefined || !requests.every(short)) {
        return all(requests.map(({ info, length }) => expand(prk, info, length)));
      }
      const inputs = requests.map(({ info }) => concat(info, FIRST));
      try {
        return macAll.call(hmac, prk, inputs).map((block, i) => cut(block, requests[i]!.length));
      } finally {
        for (const input of inputs) input.fill(0);
      }
    },
  };
}

/** The size of the shortest key, in bytes. */
const KEY = 16;

/** The first `length` bytes, in memory of their own. If the block is longer, it is overwritten. */
function cut(block: Uint8Array, length: number): Uint8Array {
  if (length === block.length) return block;
  // A nonce isn't worth the time: memory outside of the engine's heap takes half a microsecond.
  const first = length < KEY ? new Uint8Array(length) : secretBytes(length);
  // Not by subarray(), for which an engine moves a short array out of its heap, and leaves the bytes behind.
  for (let i = 0; i < length; i++) first[i] = block[i] as number;
  block.fill(0);
  return first;
}

/** HKDF with the functions of RFC 9180 §4, bound to one `suite_id`. */
export interface LabeledKdf {
  readonly Nh: number;
  /** `LabeledExtract(salt, label, ikm)`: `Nh` bytes */
  extract(salt: Uint8Array, label: Uint8Array, ikm: Uint8Array): Awaitable<Uint8Array>;
  /** `LabeledExpand(prk, label, info, L)`: `length` bytes */
  expand(prk: Uint8Array, label: Uint8Array, info: Uint8Array, length: number): Awaitable<Uint8Array>;
}

const VERSION = /* @__PURE__ */ Uint8Array.of(0x48, 0x50, 0x4b, 0x45, 0x2d, 0x76, 0x31); // "HPKE-v1"

/** `LabeledExtract` and `LabeledExpand` of RFC 9180 §4 */
export function labeledKdf(kdf: KdfPart, suiteId: Uint8Array): LabeledKdf {
  const prefix = concat(VERSION, suiteId);
  return {
    Nh: kdf.algorithm.Nh,
    extract: (salt, label, ikm) => joined([prefix, label, ikm], (labeled) => kdf.extract(salt, labeled)),
    expand: (prk, label, info, length) =>
      joined([Uint8Array.of(length >> 8, length), prefix, label, info], (labeled) =>
        kdf.expand(prk, labeled, length),
      ),
  };
}
