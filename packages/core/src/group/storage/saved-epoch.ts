// RFC 9420 §8: an epoch in a saved state: what everybody knows of it, and the keys and secrets of a member.
import { type CopySecret, equalBytes, sharedCopies, utf8 } from "../../bytes.js";
import { opaque, optional, struct, type TypeOf, uint32, vector } from "../../codec/index.js";
import { MlsError } from "../../errors.js";
import { chain } from "../../provider/index.js";
import type { RatchetTree, TreeKeys } from "../../tree/index.js";
import { type GroupContext, LeafNode, ParentNode } from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import type { Epoch } from "../epoch.js";
import type { EpochLedger } from "../extensions/index.js";
import { checkOwnLeaf } from "../proposals/index.js";
import { codeText, publicBytes } from "./fields.js";
import { inTurn, type LoadKey, type Saver } from "./stored-key.js";

const SavedKeys = struct({
  leafIndex: uint32,
  leafKey: opaque,
  pathKeys: vector(struct({ node: uint32, key: opaque })),
});

const SavedSecrets = struct({
  senderDataSecret: opaque,
  exporterSecret: opaque,
  externalSecret: opaque,
  confirmationKey: opaque,
  membershipKey: opaque,
  resumptionPsk: opaque,
  epochAuthenticator: opaque,
  initSecret: opaque,
});

/** What a member has of an epoch, and what stays the same in it. */
export const SavedMember = struct({
  keys: SavedKeys,
  secrets: SavedSecrets,
  interimTranscriptHash: publicBytes,
  confirmationTag: publicBytes,
});

/** What is used up in an epoch. */
export const SavedPieces = vector(struct({ name: codeText, bytes: opaque }));
export const SavedLedger = struct({ label: opaque, ledger: opaque });

/** The part of {@link Epoch} in {@link SavedPieces} and {@link SavedLedger}. */
export type UsedUp = Pick<Epoch, "secretTree" | "ledgers">;

export const SavedLeaves = vector(struct({ leafIndex: uint32, node: optional(LeafNode) }));
/** The changes to a tree: since the record before, or from the current epoch to a staged commit. */
export const SavedChanges = struct({
  leaves: SavedLeaves,
  parents: vector(struct({ nodeIndex: uint32, node: optional(ParentNode) })),
});

export async function saveMember(
  save: Saver,
  { keys, secrets, interimTranscriptHash, confirmationTag }: Epoch,
): Promise<TypeOf<typeof SavedMember>> {
  const pathKeys = await inTurn(keys.pathKeys, async ([node, key]) => ({
    node,
    key: await save.key(key),
  }));
  return {
    keys: { leafIndex: keys.leafIndex, leafKey: await save.key(keys.leafKey), pathKeys },
    secrets,
    interimTranscriptHash,
    confirmationTag,
  };
}

export function savedLedgers(save: Saver, { ledgers }: Epoch): TypeOf<typeof SavedLedger>[] {
  return Array.from(ledgers, ([label, ledger]) => ({
    label: utf8(label),
    ledger: save.secret(ledger.save()),
  }));
}

/** The ledgers of extensions. @throws MlsError `state` for one of an extension that this client doesn't have */
export function loadLedgers(
  config: GroupConfig,
  saved: readonly TypeOf<typeof SavedLedger>[],
): Map<string, EpochLedger> {
  const ledgers = new Map<string, EpochLedger>();
  for (const { label, ledger } of saved) {
    const definition = config.registry.secrets.find((one) => equalBytes(utf8(one.label), label));
    if (definition === undefined || ledgers.has(definition.label))
      throw new MlsError("state", "the saved state has data of an extension that this client doesn't have");
    ledgers.set(definition.label, definition.load(config.provider, ledger));
  }
  return ledgers;
}

/** The epoch of a member with this tree. @throws MlsError `state` */
export async function loadEpoch(
  config: GroupConfig,
  groupContext: GroupContext,
  tree: RatchetTree,
  saved: TypeOf<typeof SavedMember>,
  used: UsedUp,
  loadKey: LoadKey,
  copy: CopySecret = sharedCopies(),
): Promise<Epoch> {
  const { leafIndex } = saved.keys;
  const leafNode = tree.leaf(leafIndex);
  if (leafNode === undefined) throw new MlsError("state", "invalid saved state: the own leaf is blank");
  checkOwnLeaf(config, leafNode);
  const pathKeys = await inTurn(saved.keys.pathKeys, ({ node, key }) =>
    chain(loadKey(key), (privateKey) => [node, privateKey] as const),
  );
  const leafKey = await loadKey(saved.keys.leafKey);
  const keys: TreeKeys = { leafIndex, leafKey, pathKeys: new Map(pathKeys) };
  const { Nh } = config.provider.suite.hash;
  const secrets = { ...saved.secrets };
  const names = Object.keys(secrets) as (keyof typeof secrets)[];
  for (const name of names) {
    const { length } = secrets[name];
    if (length !== Nh && length !== 0)
      throw new MlsError("state", `expected ${Nh} bytes of ${name}, got ${length}`);
  }
  for (const name of names) secrets[name] = copy(secrets[name]);
  return {
    groupContext,
    tree,
    keys,
    secrets,
    secretTree: used.secretTree,
    interimTranscriptHash: saved.interimTranscriptHash,
    confirmationTag: saved.confirmationTag,
    ledgers: used.ledgers,
  };
}
