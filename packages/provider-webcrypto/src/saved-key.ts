// RFC 9420 §7: what is saved of a key that is in a key store, and which keys no saved state needs.
import type { KeyStore } from "./platform.js";

/**
 * What a saved key begins with: 16 fixed bytes that nothing else begins with, so that keys are found in saved states
 * without reading their formats. The length of the store's reference (uint32) follows, then that, and the public key
 * (`Npk` bytes), which no platform derives from a key that can't be extracted.
 */
const MAGIC = /* @__PURE__ */ Uint8Array.of(
  ...[0x2f, 0x63, 0x6f, 0x70, 0x73, 0x65, 0xb9, 0x47, 0x0d, 0xe2, 0x71, 0x98, 0x5c, 0xf6, 0x13, 0xaa],
);
export const HEADER_SIZE = MAGIC.length + 4;

/** A saved key: its reference, and its public key. */
export function writeSaved(reference: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const saved = new Uint8Array(HEADER_SIZE + reference.length + publicKey.length);
  saved.set(MAGIC);
  new DataView(saved.buffer).setUint32(MAGIC.length, reference.length);
  saved.set(reference, HEADER_SIZE);
  saved.set(publicKey, HEADER_SIZE + reference.length);
  return saved;
}

/** The reference of a key that was saved at `at`; `undefined` if there is none. */
export function referenceAt(bytes: Uint8Array, at: number): Uint8Array | undefined {
  if (at + HEADER_SIZE > bytes.length || MAGIC.some((byte, i) => bytes[at + i] !== byte)) return undefined;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(at + MAGIC.length);
  const start = at + HEADER_SIZE;
  return start + length > bytes.length ? undefined : bytes.slice(start, start + length);
}

/**
 * Deletes the keys of a store that no saved state refers to.
 * @param held references that stay too, as decimal numbers with commas between
 * @returns how many were deleted
 */
export async function sweepStore(
  store: KeyStore,
  saved: readonly Uint8Array[],
  held: ReadonlySet<string> = new Set(),
): Promise<number> {
  // Decimal numbers with commas between: references have any length.
  const needed = new Set<string>();
  for (const bytes of saved) {
    for (
      let at = bytes.indexOf(MAGIC[0] as number);
      at >= 0;
      at = bytes.indexOf(MAGIC[0] as number, at + 1)
    ) {
      const reference = referenceAt(bytes, at);
      if (reference !== undefined) needed.add(reference.join());
    }
  }
  const stays = (id: string) => needed.has(id) || held.has(id);
  const unneeded = [...((await store.list?.()) ?? [])].filter((reference) => !stays(reference.join()));
  for (const reference of unneeded) await store.delete(reference);
  return unneeded.length;
}
