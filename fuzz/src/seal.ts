// RFC 9420 §6: any content as a member, an external sender or a new member sends it: well signed, with the right
// membership tag, or well encrypted. It refuses nothing, unlike the library.
import { concat } from "../../packages/core/src/bytes.js";
import { encode } from "../../packages/core/src/codec/codec.js";
import { Writer } from "../../packages/core/src/codec/writer.js";
import { signWithLabel } from "../../packages/core/src/crypto/labelled.js";
import { framedContentTBS, signContent } from "../../packages/core/src/framing/authentication.js";
import { senderDataKeyAndNonce } from "../../packages/core/src/framing/private-message.js";
import { contextBytes } from "../../packages/core/src/group/epoch.js";
import { SecretTree } from "../../packages/core/src/schedule/secret-tree.js";
import { signLeafNode } from "../../packages/core/src/tree/leaf-node.js";
import {
  type Content,
  ContentType,
  contentCases,
  type FramedContent,
  framedContentAuthData,
  type Sender,
  SenderType,
  WireFormat,
} from "../../packages/core/src/wire/framed-content.js";
import { KeyPackageTBS } from "../../packages/core/src/wire/key-package.js";
import type { UnsignedLeafNode } from "../../packages/core/src/wire/leaf-node.js";
import { PrivateContentAAD, SenderData, SenderDataAAD } from "../../packages/core/src/wire/message.js";
import { MlsMessage } from "../../packages/core/src/wire/mls-message.js";
import type { Insider } from "../../tests/support/insiders.js";
import type { Room } from "./room.js";
import { isBytes, isFields } from "./values.js";

/** A message before it is signed, and what its sender does with it. Flags are 0 or 1. */
export interface FramePlan {
  readonly kind: "frame";
  /** Who signs: 0 for Mallory, 1 for the newMember, 2 for the external sender. */
  readonly from: number;
  readonly wireFormat: number;
  readonly groupId: Uint8Array;
  readonly epoch: bigint;
  readonly sender: Sender;
  readonly authenticatedData: Uint8Array;
  readonly content: Content;
  readonly confirmationTag: Uint8Array;
  /** Whether the message, its membership tag, and the leaf nodes and key packages in it are made right. */
  readonly sign: number;
  readonly mac: number;
  readonly resign: number;
  /** For a PrivateMessage. */
  readonly senderData: {
    readonly leafIndex: number;
    readonly generation: number;
    readonly reuseGuard: Uint8Array;
  };
  readonly padding: Uint8Array;
}

export const MALLORY = 2;

export const frameOf = (room: Room, content: Content, change: Partial<FramePlan> = {}): FramePlan => {
  const { groupId, epoch } = room.mallory.epoch.groupContext;
  return {
    kind: "frame",
    from: 0,
    wireFormat: WireFormat.publicMessage,
    groupId,
    epoch,
    sender: { senderType: SenderType.member, leafIndex: MALLORY },
    authenticatedData: new Uint8Array(),
    content,
    confirmationTag: new Uint8Array(room.mallory.config.provider.suite.hash.Nh),
    sign: 1,
    mac: 1,
    resign: 1,
    senderData: { leafIndex: MALLORY, generation: 0, reuseGuard: new Uint8Array(4) },
    padding: new Uint8Array(),
    ...change,
  };
};

/** A secret tree of Mallory's epoch with all of its keys. */
export function freshTree({ epoch, config }: Insider): SecretTree {
  const { tree, secretTree } = epoch;
  return SecretTree.load(config.provider, tree, secretTree.pieces.all(), config.policy.ratchets);
}

/** The message that a plan describes. @throws whatever the encoder says to values that don't fit */
export async function seal(room: Room, plan: FramePlan): Promise<Uint8Array> {
  const { mallory } = room;
  const signer = [mallory.signer, room.newMember.signer, room.server][plan.from] ?? mallory.signer;
  const { groupId, epoch, sender, authenticatedData } = plan;
  const content =
    plan.resign === 1 ? await resigned(room, plan.content, ownLeaf(room, sender)) : plan.content;
  const framed: FramedContent = { groupId, epoch, sender, authenticatedData, content: content as Content };
  const signature =
    plan.sign === 1
      ? await sign(signer, plan.wireFormat, framed, contextBytes(mallory.epoch))
      : new Uint8Array(64);
  const isCommit = framed.content.contentType === ContentType.commit;
  const auth = { signature, confirmationTag: isCommit ? plan.confirmationTag : undefined };
  if (plan.wireFormat === WireFormat.privateMessage) return sealPrivate(mallory, plan, framed, auth);
  const { provider } = mallory.config;
  const authData = encode(framedContentAuthData(framed.content.contentType), auth);
  const tbs = framedContentTBS(WireFormat.publicMessage, framed, contextBytes(mallory.epoch));
  const tag = await provider.hash.mac(mallory.epoch.secrets.membershipKey, concat(tbs, authData));
  const membershipTag = plan.mac === 1 ? tag : new Uint8Array(tag.length);
  const publicMessage = { content: framed, auth, membershipTag };
  return encode(MlsMessage, { version: 1, wireFormat: WireFormat.publicMessage, publicMessage });
}

const sign = async (...args: Parameters<typeof signContent>) => signContent(...args);

/** The leaf that a sender's new leaf node is for. */
function ownLeaf({ mallory }: Room, sender: Sender): number {
  return sender.senderType === SenderType.member ? sender.leafIndex : mallory.epoch.tree.leftmostBlank();
}

async function sealPrivate(
  from: Insider,
  { senderData, padding }: FramePlan,
  framed: FramedContent,
  auth: { readonly signature: Uint8Array; readonly confirmationTag: Uint8Array | undefined },
): Promise<Uint8Array> {
  const { provider } = from.config;
  const { groupId, epoch, authenticatedData, content } = framed;
  const { contentType } = content;
  const writer = new Writer(1024);
  const write = contentCases[contentType].write as (writer: Writer, content: Content) => void;
  write(writer, content);
  framedContentAuthData(contentType).write(writer, auth);
  writer.raw(padding);
  const aad = { groupId, epoch, contentType, authenticatedData };
  const tree = freshTree(from);
  const kind = contentType === ContentType.application ? "application" : "handshake";
  const { key, nonce } = await tree.next(MALLORY, kind);
  for (const [i, byte] of senderData.reuseGuard.subarray(0, 4).entries())
    nonce[i] = (nonce[i] as number) ^ byte;
  const ciphertext = await provider.aead.seal(key, nonce, encode(PrivateContentAAD, aad), writer.finish());
  const outer = await senderDataKeyAndNonce(provider, from.epoch.secrets.senderDataSecret, ciphertext);
  const encryptedSenderData = await provider.aead.seal(
    outer.key,
    outer.nonce,
    encode(SenderDataAAD, aad),
    encode(SenderData, senderData),
  );
  const privateMessage = { ...aad, encryptedSenderData, ciphertext };
  return encode(MlsMessage, { version: 1, wireFormat: WireFormat.privateMessage, privateMessage });
}

/** Structures as the plans have them, whose signatures are right. */
const untouched = new WeakSet<object>();

/** Notes that all structures in a plan are well signed as they are. */
export function noteUntouched(value: unknown): void {
  if (isBytes(value) || typeof value !== "object" || value === null || untouched.has(value)) return;
  untouched.add(value);
  for (const part of Object.values(value)) noteUntouched(part);
}

/** The same with new signatures on the leaf nodes and key packages that were changed. */
export async function resigned(room: Room, whole: unknown, leafIndex: number): Promise<unknown> {
  const done = new Map<object, Promise<unknown>>();
  const { groupId } = room.mallory.epoch.groupContext;
  const visit = async (value: unknown): Promise<unknown> => {
    if (isBytes(value) || typeof value !== "object" || value === null || untouched.has(value)) return value;
    let result = done.get(value);
    if (result === undefined) {
      result = renewed(value);
      done.set(value, result);
    }
    return result;
  };
  const renewed = async (value: object): Promise<unknown> => {
    if (Array.isArray(value)) {
      const items: unknown[] = [];
      for (const item of value) items.push(await visit(item));
      return items;
    }
    const fields: Record<string, unknown> = {};
    for (const [key, field] of Object.entries(value)) fields[key] = await visit(field);
    return isFields(fields) ? withSignature(room, fields, { groupId, leafIndex }) : fields;
  };
  return visit(whole);
}

async function withSignature(
  room: Room,
  fields: Record<string, unknown>,
  place: { readonly groupId: Uint8Array; readonly leafIndex: number },
): Promise<unknown> {
  const leafNode = (fields.initKey === undefined ? fields : fields.leafNode) as
    | Record<string, unknown>
    | undefined;
  if (leafNode?.leafNodeSource === undefined || !isBytes(leafNode.signatureKey)) return fields;
  const signer = room.signerOf(leafNode.signatureKey);
  if (signer === undefined) return fields;
  const { signature: _, ...unsigned } = fields;
  if (fields.initKey === undefined) return signLeafNode(signer, unsigned as UnsignedLeafNode, place);
  const tbs = encode(KeyPackageTBS, unsigned as unknown as KeyPackageTBS);
  return { ...unsigned, signature: await signWithLabel(signer, "KeyPackageTBS", tbs) };
}
