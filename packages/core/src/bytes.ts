// Bytes: text, comparison and the overwriting of secrets, beside what the provider interface has of them.
export { concat, EMPTY, equalBytes, toHex } from "./provider/bytes.js";

const textEncoder = /* @__PURE__ */ new TextEncoder();

/** UTF-8 of a string. */
export function utf8(text: string): Uint8Array {
  return textEncoder.encode(text);
}

/** Whether two MACs or secrets are the same, in a time that depends on their length alone. */
export function equalSecret(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}

/** Overwrites secrets that are no longer needed. */
export function wipe(...secrets: readonly (Uint8Array | undefined)[]): void {
  for (const secret of secrets) secret?.fill(0);
}
