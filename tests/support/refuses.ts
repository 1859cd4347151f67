// RFC 9420 §5.1: bad input is a CryptoError and nothing else; and how tests make bad input.
import { CryptoError } from "@copse/core/provider";
import { expect } from "vitest";

/** UTF-8 */
export const text = (value: string): Uint8Array => new TextEncoder().encode(value);
/** A copy with one bit of one byte changed. */
export const flipped = (bytes: Uint8Array, at: number): Uint8Array => {
  const copy = bytes.slice();
  copy[at] = (copy[at] as number) ^ 1;
  return copy;
};

/** Expects a CryptoError, thrown or as a rejected promise, from each of the calls. */
export async function refuses(...calls: readonly (() => unknown)[]): Promise<void> {
  for (const call of calls) {
    await expect((async () => call())(), String(call)).rejects.toBeInstanceOf(CryptoError);
  }
}
