// RFC 9420 §12.4.3: GroupInfos as plans: changed, and made right again as an insider can.
import { equalBytes } from "../../../packages/core/src/bytes.js";
import { decode, encode } from "../../../packages/core/src/codec/codec.js";
import { signWithLabel } from "../../../packages/core/src/crypto/labelled.js";
import { signLeafNode } from "../../../packages/core/src/tree/leaf-node.js";
import { RatchetTree } from "../../../packages/core/src/tree/ratchet-tree.js";
import { ExtensionType } from "../../../packages/core/src/wire/extension.js";
import { MlsMessage } from "../../../packages/core/src/wire/mls-message.js";
import { NodeType, RatchetTreeNodes } from "../../../packages/core/src/wire/ratchet-tree.js";
import { type GroupInfo, GroupInfoTBS } from "../../../packages/core/src/wire/welcome.js";
import type { Room } from "../room.js";

/** Flags are 0 or 1: whether the signatures of the leaves, the tree hash and the signature are made right. */
export interface GroupInfoPlan {
  readonly info: GroupInfo;
  readonly resign: number;
  readonly rehash: number;
  readonly sign: number;
}

export function groupInfoIn(message: Uint8Array): GroupInfo {
  const decoded = decode(MlsMessage, message);
  if (decoded.wireFormat !== 4) throw new Error("no GroupInfo");
  return decoded.groupInfo;
}

export const groupInfoMessage = (groupInfo: GroupInfo): Uint8Array =>
  encode(MlsMessage, { version: 1, wireFormat: 4, groupInfo });

/** The GroupInfo that a plan describes. `original` is the tree whose leaves are well signed. */
export async function groupInfoOf(
  room: Room,
  plan: GroupInfoPlan,
  original: RatchetTreeNodes,
): Promise<GroupInfo> {
  const { provider } = room.mallory.config;
  const { groupContext, confirmationTag, signer: leafIndex } = plan.info;
  let { treeHash } = groupContext;
  const extensions = [];
  for (const extension of plan.info.extensions) {
    const nodes = treeIn(extension);
    if (nodes === undefined) {
      extensions.push(extension);
      continue;
    }
    const made = plan.resign === 1 ? await resignedTree(room, nodes, original, groupContext.groupId) : nodes;
    if (plan.rehash === 1) treeHash = await hashOf(room, made, treeHash);
    extensions.push({ ...extension, extensionData: encode(RatchetTreeNodes, made) });
  }
  const unsigned: GroupInfoTBS = {
    groupContext: { ...groupContext, treeHash },
    extensions,
    confirmationTag,
    signer: leafIndex,
  };
  const by = room.seats[leafIndex]?.party.signer ?? room.mallory.signer;
  const signature =
    plan.sign === 1
      ? await signWithLabel(by, "GroupInfoTBS", encode(GroupInfoTBS, unsigned))
      : new Uint8Array(provider.suite.hash.Nh);
  return { ...unsigned, signature };
}

function treeIn(extension: GroupInfo["extensions"][number]): RatchetTreeNodes | undefined {
  if (extension.extensionType !== ExtensionType.ratchetTree) return undefined;
  try {
    return decode(RatchetTreeNodes, extension.extensionData);
  } catch {
    return undefined;
  }
}

export function treeOf({ extensions }: GroupInfo): RatchetTreeNodes {
  for (const extension of extensions) {
    const nodes = treeIn(extension);
    if (nodes !== undefined) return nodes;
  }
  throw new Error("a GroupInfo without a tree");
}

async function hashOf(room: Room, nodes: RatchetTreeNodes, otherwise: Uint8Array): Promise<Uint8Array> {
  try {
    return await RatchetTree.fromNodes(nodes).treeHash(room.mallory.config.provider);
  } catch {
    return otherwise;
  }
}

/** New signatures on the leaves that were changed. */
async function resignedTree(
  room: Room,
  nodes: RatchetTreeNodes,
  original: RatchetTreeNodes,
  groupId: Uint8Array,
): Promise<RatchetTreeNodes> {
  const made: RatchetTreeNodes[number][] = [];
  for (const [i, node] of nodes.entries()) {
    const before = original[i];
    const isSame =
      node?.nodeType !== NodeType.leaf ||
      (before?.nodeType === NodeType.leaf &&
        equalBytes(encode(RatchetTreeNodes, [node]), encode(RatchetTreeNodes, [before])));
    const signer = isSame ? undefined : room.signerOf(node.leafNode.signatureKey);
    if (isSame || signer === undefined) {
      made.push(node);
      continue;
    }
    const { signature: _, ...unsigned } = node.leafNode;
    const leafNode = await signLeafNode(signer, unsigned, { groupId, leafIndex: i >> 1 });
    made.push({ nodeType: NodeType.leaf, leafNode });
  }
  return made;
}
