// RFC 9420 §5.1.1, §7: keys of ts-mls in the forms that the RFC and a client need.
import { ECDH } from "node:crypto";
import type { CiphersuiteName, ClientState } from "ts-mls";

/** The cipher suites for which this package installs what ts-mls needs. */
export const SUITES: Readonly<Record<1 | 2 | 3, CiphersuiteName>> = {
  1: "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519",
  2: "MLS_128_DHKEMP256_AES128GCM_SHA256_P256",
  3: "MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519",
};

/** A P-256 public key as UncompressedPointRepresentation (§5.1.1); ts-mls generates compressed ones. */
export function uncompressed(publicKey: Uint8Array): Uint8Array {
  const point = ECDH.convertKey(publicKey, "prime256v1", undefined, undefined, "uncompressed");
  return Uint8Array.from(point as Buffer);
}

/** The state with another private key for the own leaf. */
export function withLeafKey(state: ClientState, key: Uint8Array): ClientState {
  const { leafIndex, privateKeys } = state.privatePath;
  return { ...state, privatePath: { leafIndex, privateKeys: { ...privateKeys, [2 * leafIndex]: key } } };
}
