// RFC 5869, RFC 9180 §4: inputs of one HMAC, concatenated in memory that is used again.
import { type Awaitable, withCleanup } from "@copse/core/provider";

/** Enough for an HKDF input of MLS or HPKE. */
const SIZE = 512;
const MOST_FREE = 8;

/** Buffers of zeros. To allocate more than 64 bytes takes an engine about a microsecond, half as long as an HMAC. */
const free: Uint8Array[] = [];

/** Passes the concatenated parts to `use`, which must not keep them: they are overwritten afterwards. */
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
  return withCleanup(
    () => use(memory.subarray(0, length)),
    () => {
      memory.fill(0, 0, length);
      if (memory.length === SIZE && free.length < MOST_FREE) free.push(memory);
    },
  );
}
