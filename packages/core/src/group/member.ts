// RFC 9420 §6, §12: the members of a group, as an application knows them.
import type { Credential, LeafNode } from "../wire/index.js";
/** A member of a group. */
export interface Member {
  readonly leafIndex: number;
  readonly credential: Credential;
  /** `Npk` bytes */
  readonly signatureKey: Uint8Array;
}

export function memberOf(leafIndex: number, { credential, signatureKey }: LeafNode): Member {
  return { leafIndex, credential, signatureKey };
}
