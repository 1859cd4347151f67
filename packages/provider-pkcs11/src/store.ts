// RFC 9420 §5.1: which handles stand for keys in the token, and which of these keys are in use here.
import type { KemAlgorithm, SignatureAlgorithm } from "@copse/core/provider";
import type { TokenKey } from "./keys.js";

type Algorithm = KemAlgorithm | SignatureAlgorithm;

/** Those of all open providers of this process: several may use one token. */
const open = new Set<Store>();

/** Whether a handle of a key may be in use anywhere in this process. Ids are random. */
export function isInUse(id: Uint8Array): boolean {
  return [...open].some((store) => store.alive(id) !== undefined);
}

/** Whether a key is in a token perhaps, while nobody in this process has its handle yet. */
export function isBeingMade(id: Uint8Array): boolean {
  return [...open].some((store) => store.isBeingMade(id));
}

/** The handles of one provider. */
export class Store {
  constructor() {
    open.add(this);
  }

  /** Its handles are of no use any more. */
  close(): void {
    open.delete(this);
  }

  readonly #keys = new WeakMap<object, { readonly key: TokenKey; readonly algorithm: Algorithm }>();
  /** By the hexadecimal id. Whoever holds a handle holds its key. */
  readonly #alive = new Map<string, WeakRef<TokenKey>>();
  /** Keys that are in the token perhaps, while nobody has their handle yet. */
  readonly #making = new Set<string>();
  readonly #forgotten = new FinalizationRegistry<string>((id) => {
    if (this.#alive.get(id)?.deref() === undefined) this.#alive.delete(id);
  });

  /** Makes a key of a given id, and its handle. */
  async make<T>(id: Uint8Array, call: () => Promise<T>): Promise<T> {
    this.#making.add(hex(id));
    try {
      return await call();
    } finally {
      this.#making.delete(hex(id));
    }
  }

  isBeingMade(id: Uint8Array): boolean {
    return this.#making.has(hex(id));
  }

  add(handle: object, key: TokenKey, algorithm: Algorithm): void {
    this.#keys.set(handle, { key, algorithm });
    const id = hex(key.id);
    if (this.#alive.get(id)?.deref() === key) return;
    this.#alive.set(id, new WeakRef(key));
    this.#forgotten.register(key, id);
  }

  /** The key of a handle; undefined if it isn't one of the token's, or none for this algorithm. */
  keyOf(handle: unknown, algorithm?: Algorithm): TokenKey | undefined {
    if (typeof handle !== "object" || handle === null) return undefined;
    const entry = this.#keys.get(handle);
    if (algorithm !== undefined && entry?.algorithm.id !== algorithm.id) return undefined;
    return entry?.key;
  }

  /** The key of this id, if a handle of it may still be in use. */
  alive(id: Uint8Array): TokenKey | undefined {
    return this.#alive.get(hex(id))?.deref();
  }
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
