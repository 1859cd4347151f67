// RFC 9420 §6, §12: members and other senders, as an application knows them.
import { type Bytes, copied, equalBytes, type Owned } from "../bytes.js";
import { encode } from "../codec/index.js";
import { Credential, type LeafNode } from "../wire/index.js";

/** A member of a group. */
export interface Member {
  readonly leafIndex: number;
  readonly credential: Owned<Credential>;
  /** `Npk` bytes */
  readonly signatureKey: Bytes;
}

/** The member at a leaf. It shares no memory with the leaf node. */
export function memberOf(
  leafIndex: number,
  { credential, signatureKey }: Pick<LeafNode, "credential" | "signatureKey">,
): Member {
  return { leafIndex, credential: copied(credential), signatureKey: signatureKey.slice() };
}

export interface MemberLeaf {
  readonly leafIndex: number;
  readonly leafNode: LeafNode;
}

/** The members of a tree, as {@link memberOf} has each. */
export function membersOf({ tree }: { readonly tree: { members(): Iterable<MemberLeaf> } }): Member[] {
  return Array.from(tree.members(), ({ leafIndex, leafNode }) => memberOf(leafIndex, leafNode));
}

type HasCredential = Pick<LeafNode, "credential">;
type HasIdentity = Pick<LeafNode, "credential" | "signatureKey">;

/** Whether two have the same credential, as bytes. */
export function sameCredential(a: HasCredential, b: HasCredential): boolean {
  return a === b || equalBytes(encode(Credential, a.credential), encode(Credential, b.credential));
}

/** Whether two have the same credential and signature key. */
export function sameIdentity(a: HasIdentity, b: HasIdentity): boolean {
  return a === b || (equalBytes(a.signatureKey, b.signatureKey) && sameCredential(a, b));
}

/** A sender: a member, an external sender (§12.1.8), or a new member who is joining. */
export type Party =
  | { readonly kind: "member"; readonly member: Member }
  | {
      readonly kind: "external";
      readonly senderIndex: number;
      readonly credential: Owned<Credential>;
      readonly signatureKey: Bytes;
    }
  | { readonly kind: "new-member" };
