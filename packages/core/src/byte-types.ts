// Types of byte strings, by names that the compiler writes into declarations.

/**
 * Bytes that an application gets: in memory of their own, and not in one that threads share, so that `fetch`, `Blob` and
 * WebCrypto take them. From TypeScript 5.7 on, a `Uint8Array` of an `ArrayBuffer`.
 */
// An interface, because the compiler writes its name into declarations: what an alias stands for, older compilers read
// as `any` (docs/decisions/bytes-by-name.md).
export interface Bytes extends ReturnType<Uint8ArrayConstructor["of"]> {}

/** Any Uint8Array, by a name that the compiler writes into declarations. */
export interface ByteArray extends Uint8Array {}

/** The same data with all byte strings in memory of their own: what an application gets. */
export type Owned<T> = T extends Uint8Array
  ? Bytes
  : T extends object
    ? { readonly [K in keyof T]: Owned<T[K]> }
    : T;
