// RFC 9420 §16.7: what a private key's handle shows to a log or a serialiser.
import { equalBytes, holds, toHex } from "./assert.js";

/** Claims that no property that a log or a serialiser sees holds the private key's bytes. */
export function showsNothing(handle: object, privateKey: Uint8Array): void {
  const hexadecimal = toHex(privateKey);
  const seen = new Set<unknown>();
  const visit = (value: unknown, depth: number): void => {
    if (typeof value === "string") {
      holds(!value.toLowerCase().includes(hexadecimal), "the handle shows the private key as a string");
    }
    if (typeof value !== "object" || value === null || seen.has(value) || depth > 4) return;
    seen.add(value);
    const bytes = value instanceof ArrayBuffer ? new Uint8Array(value) : value;
    if (bytes instanceof Uint8Array) {
      const shown =
        bytes.length >= privateKey.length && equalBytes(bytes.slice(0, privateKey.length), privateKey);
      holds(!shown, "the handle shows the private key's bytes");
      return;
    }
    for (const key of Object.keys(value)) visit((value as Record<string, unknown>)[key], depth + 1);
  };
  visit(handle, 0);
  visit(JSON.stringify(handle), 0);
}
