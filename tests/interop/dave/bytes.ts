// RFC 9420 §2.1.2: vectors, as the packets of Discord's voice gateway have them.
export { takeVector, vector } from "../../../interop/src/wire.js";

export const concat = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
export const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
