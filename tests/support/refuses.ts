// RFC 9420 §5.1: bad input is a CryptoError and nothing else.
import { CryptoError } from "@copse/core/provider";
import { expect } from "vitest";

/** Expects a CryptoError, thrown or as a rejected promise, from each of the calls. */
export async function refuses(...calls: readonly (() => unknown)[]): Promise<void> {
  for (const call of calls) {
    await expect((async () => call())(), String(call)).rejects.toBeInstanceOf(CryptoError);
  }
}
