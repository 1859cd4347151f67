// RFC 9420 §11: creating a group.
import { EMPTY, wipe } from "../../bytes.js";
import { ensure } from "../../errors.js";
import type { HpkePrivateKey } from "../../provider/index.js";
import { epochSecretsFrom } from "../../schedule/index.js";
import { RatchetTree } from "../../tree/index.js";
import { type Extension, type GroupContext, type LeafNode, ProtocolVersion } from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import { assembleEpoch, type Epoch } from "../epoch.js";
import { checkCapabilities, requirementsOf } from "../extensions/index.js";
import { authenticateSenders } from "../external-senders.js";
import { checkMemberCount } from "../limits.js";
import { checkGroup, checkOwnSupport } from "../proposals/index.js";

/**
 * Epoch 0 of a group with one member, its creator, at leaf 0.
 * @throws ValidationError if the creator doesn't support what the extensions require
 */
export async function createEpoch(
  config: GroupConfig,
  groupId: Uint8Array,
  extensions: readonly Extension[],
  { leafNode, leafKey }: { readonly leafNode: LeafNode; readonly leafKey: HpkePrivateKey },
): Promise<Epoch> {
  const { provider } = config;
  ensure(groupId.length > 0, "11: the group ID must tell the group from others", "got 0 bytes");
  checkCapabilities(leafNode, requirementsOf(provider.suite, extensions));
  const tree = RatchetTree.of(leafNode);
  checkGroup(config, tree, extensions);
  checkMemberCount(config.policy, tree.memberCount);
  checkOwnSupport(config, extensions);
  config.registry.checkExtensions(extensions, "groupContext");
  config.registry.checkLeafNode(leafNode, extensions);
  await authenticateSenders(config, groupId, extensions);
  const groupContext: GroupContext = {
    version: ProtocolVersion.mls10,
    cipherSuite: provider.suite.id,
    groupId,
    epoch: 0n,
    treeHash: await tree.treeHash(provider),
    confirmedTranscriptHash: EMPTY,
    extensions,
  };
  const epochSecret = provider.random(provider.suite.hash.Nh);
  const derived = await epochSecretsFrom(provider, epochSecret, config.registry.secretLabels);
  wipe(epochSecret);
  const keys = { leafIndex: 0, leafKey, pathKeys: new Map() };
  return assembleEpoch(config, { groupContext, tree, keys }, derived);
}
