// RFC 5869, RFC 9180 §4: what is put together for one HMAC and not kept, in memory that is used again.
import type { Awaitable } from "@copse/core/provider";
import { settle } from "./bytes.js";

/** An HKDF input of MLS and HPKE fits. */
const SIZE = 512;
const MOST_FREE = 8;

/** Zero, all of them. Engines take about a microsecond for memory of more than 64 bytes, an HMAC little more. */
const free: Uint8Array[] = [];

/** Hands the parts, one after the other, to `use`, which must not keep them: they are overwritten when it is done. */
export function joined<T>(
  parts: readonly Uint8Array[],
  use: (bytes: Uint8Array) => Awaitable<T>,
): Awaitable<T> {
  let length = 0;
  for (const part of parts) length += part.length;
  const memory = length <= SIZE ? (free.pop() ?? new Uint8Array(SIZE)) : new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    memory.set(part, at);
    at += part.length;
  }
  return settle(
    () => use(memory.subarray(0, length)),
    () => {
      memory.fill(0, 0, length);
      if (memory.length === SIZE && free.length < MOST_FREE) free.push(memory);
    },
  );
}
