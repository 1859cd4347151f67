// RFC 9180 §4: what the kit needs of byte strings, and how it gets rid of secret ones.
import { type Awaitable, CryptoError, isPromise } from "@copse/core/provider";

export const EMPTY: Uint8Array = /* @__PURE__ */ new Uint8Array(0);

/** Bytes of an ASCII label. */
export function ascii(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** The parts one after the other, in a new array. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Whether two public byte strings are the same. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Whether all bytes are zero, in a time that depends on the length alone. */
export function isZero(bytes: Uint8Array): boolean {
  let union = 0;
  for (const byte of bytes) union |= byte;
  return union === 0;
}

/**
 * Refuses a byte string of the wrong size.
 * @throws CryptoError naming `what`, the size wanted and the size that came
 */
export function expectLength(bytes: Uint8Array, length: number, what: string): void {
  if (bytes.length !== length) {
    throw new CryptoError(`${what} must have ${length} bytes, not ${bytes.length}`);
  }
}

/** Runs `use` and then `after`: also if it fails, and for a promise only when that is settled. */
export function settle<T>(use: () => Awaitable<T>, after: () => void): Awaitable<T> {
  let answer: Awaitable<T>;
  try {
    answer = use();
  } catch (error) {
    after();
    throw error;
  }
  if (isPromise(answer)) {
    return answer.then(
      (value) => {
        after();
        return value;
      },
      (error: unknown) => {
        after();
        throw error;
      },
    );
  }
  after();
  return answer;
}

/** Runs `use` and then overwrites the secrets that only it needed, whatever comes of it. */
export function consume<T>(secrets: readonly Uint8Array[], use: () => Awaitable<T>): Awaitable<T> {
  return settle(use, () => {
    for (const secret of secrets) secret.fill(0);
  });
}
