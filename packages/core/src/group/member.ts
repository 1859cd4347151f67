// RFC 9420 §6, §12: members and other senders, as an application knows them.
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

/** Who sent something: a member, an external sender (§12.1.8), or one who is about to become a member. */
export type Party =
  | { readonly kind: "member"; readonly member: Member }
  | {
      readonly kind: "external";
      readonly senderIndex: number;
      readonly credential: Credential;
      readonly signatureKey: Uint8Array;
    }
  | { readonly kind: "new-member" };
