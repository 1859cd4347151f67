// RFC 9420 §5.1: what stands in a saved state for a private key that stays in the token.
//
// It begins with 16 fixed bytes that nothing else begins with, so that references are found in saved states
// without reading their formats: what no saved state refers to can be swept out of the token.
import { CryptoError, type KemAlgorithm } from "@copse/core/provider";
import { KEM_CURVES } from "./curves.js";

/** The first byte tells a reference from a key of the inner provider's, which is saved behind a 0. */
const MAGIC = /* @__PURE__ */ Uint8Array.of(
  ...[0x01, 0x63, 0x6f, 0x70, 0x73, 0x65, 0x8e, 0x1b, 0xd4, 0x70, 0x2f, 0xc9, 0x53, 0xa6, 0xe8, 0x94],
);
const ID_SIZE = 16;
const HEADER_SIZE = MAGIC.length + 2;

export interface Reference {
  /** CKA_ID, 16 bytes */
  readonly id: Uint8Array;
  /** `Npk` bytes */
  readonly publicKey: Uint8Array;
}

/** 34 bytes and the public key's `Npk`. */
export function writeReference(kem: KemAlgorithm, { id, publicKey }: Reference): Uint8Array {
  const bytes = new Uint8Array(HEADER_SIZE + ID_SIZE + publicKey.length);
  bytes.set(MAGIC);
  bytes.set([kem.id >> 8, kem.id & 0xff], MAGIC.length);
  bytes.set(id, HEADER_SIZE);
  bytes.set(publicKey, HEADER_SIZE + ID_SIZE);
  return bytes;
}

/**
 * The reference, or undefined if the bytes are none.
 * @throws CryptoError if they are a reference to a key of another KEM, or cut
 */
export function readReference(kem: KemAlgorithm, bytes: Uint8Array): Reference | undefined {
  if (!startsWithMagic(bytes, 0)) return undefined;
  const kemId = ((bytes[MAGIC.length] ?? 0) << 8) | (bytes[MAGIC.length + 1] ?? 0);
  if (kemId !== kem.id || bytes.length !== HEADER_SIZE + ID_SIZE + (KEM_CURVES[kem.id]?.Npk ?? 0)) {
    throw new CryptoError(`${kem.name}: invalid saved private key`);
  }
  return {
    id: bytes.slice(HEADER_SIZE, HEADER_SIZE + ID_SIZE),
    publicKey: bytes.slice(HEADER_SIZE + ID_SIZE),
  };
}

/** The ids of all keys that are referred to anywhere in the bytes. */
export function referencesIn(bytes: Uint8Array): Uint8Array[] {
  const ids: Uint8Array[] = [];
  const last = bytes.length - HEADER_SIZE - ID_SIZE;
  for (let at = bytes.indexOf(MAGIC[0] as number); at >= 0 && at <= last; ) {
    if (startsWithMagic(bytes, at)) ids.push(bytes.slice(at + HEADER_SIZE, at + HEADER_SIZE + ID_SIZE));
    at = bytes.indexOf(MAGIC[0] as number, at + 1);
  }
  return ids;
}

function startsWithMagic(bytes: Uint8Array, at: number): boolean {
  return MAGIC.every((byte, i) => bytes[at + i] === byte);
}
