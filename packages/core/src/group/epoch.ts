// RFC 9420 §8: the epochs of a group, and how a commit leads from one to the next.
import { wipe } from "../bytes.js";
import type { CipherSuiteProvider } from "../provider/index.js";
import {
  confirmationTag,
  confirmedTranscriptHash,
  type DerivedSecrets,
  deriveEpochSecrets,
  deriveJoinerSecret,
  type EpochSecrets,
  interimTranscriptHash,
  SecretTree,
} from "../schedule/index.js";
import type { RatchetTree, TreeKeys } from "../tree/index.js";
import { type AuthenticatedContent, type Extension, GroupContext } from "../wire/index.js";
import type { GroupConfig } from "./config.js";
import type { EpochLedger } from "./extensions/index.js";

/** The public state of a group in one epoch: all that somebody who isn't a member can know. */
export interface PublicEpoch {
  readonly groupContext: GroupContext;
  readonly tree: RatchetTree;
  /** `Nh` bytes (§8.2) */
  readonly interimTranscriptHash: Uint8Array;
}

/**
 * The state of a group in one epoch, as a member has it. Immutable, with two exceptions: the secret tree and the
 * ledgers lose secrets as they are used, and all secrets are overwritten when the epoch is over.
 */
export interface Epoch extends PublicEpoch {
  readonly keys: TreeKeys;
  /** All but `encryptionSecret`, which the secret tree owns. */
  readonly secrets: Omit<EpochSecrets, "encryptionSecret">;
  readonly secretTree: SecretTree;
  readonly confirmationTag: Uint8Array;
  /** What extensions of the protocol keep, by the labels of their secrets. */
  readonly ledgers: ReadonlyMap<string, EpochLedger>;
}

/** The encoded GroupContext. It is remembered: don't change it. */
export function contextBytes({ groupContext }: Pick<PublicEpoch, "groupContext">): Uint8Array {
  return GroupContext.encoding(groupContext);
}

/** Overwrites the secrets of an epoch that never comes into force, or that is over. */
export function wipeEpoch({ secrets, secretTree, ledgers }: Epoch): void {
  wipe(...Object.values(secrets));
  secretTree.wipe();
  for (const ledger of ledgers.values()) ledger.wipe();
}

/** The labels of the secrets that extensions of the protocol have in each epoch. */
export function additionalLabels({ registry }: GroupConfig): string[] {
  return registry.secrets.map(({ label }) => label);
}

/** The public state of the epoch with this GroupContext, tree and confirmation tag. */
export async function publicEpoch(
  provider: CipherSuiteProvider,
  groupContext: GroupContext,
  tree: RatchetTree,
  tag: Uint8Array,
): Promise<PublicEpoch> {
  const { confirmedTranscriptHash: confirmed } = groupContext;
  return { groupContext, tree, interimTranscriptHash: await interimTranscriptHash(provider, confirmed, tag) };
}

/** What an epoch consists of besides its secrets. */
export type EpochParts = Pick<Epoch, "groupContext" | "tree" | "keys">;

/** The epoch with these secrets. Its secret tree takes over the encryption secret, the extensions theirs. */
export async function assembleEpoch(
  { provider, policy, registry }: GroupConfig,
  { groupContext, tree, keys }: EpochParts,
  { secrets: { encryptionSecret, ...secrets }, additional }: DerivedSecrets,
): Promise<Epoch> {
  const ledgers = new Map<string, EpochLedger>();
  for (const definition of registry.secrets) {
    const secret = additional.get(definition.label);
    if (secret !== undefined) ledgers.set(definition.label, definition.open(provider, secret));
  }
  const tag = await confirmationTag(provider, secrets.confirmationKey, groupContext.confirmedTranscriptHash);
  return {
    ...(await publicEpoch(provider, groupContext, tree, tag)),
    keys,
    secrets,
    secretTree: new SecretTree(provider, tree.width, encryptionSecret, policy.ratchets),
    confirmationTag: tag,
    ledgers,
  };
}

/** The epoch that a joiner secret leads to (§8). Both secrets have `Nh` bytes; the caller must overwrite them. */
export async function epochFromJoinerSecret(
  config: GroupConfig,
  parts: EpochParts,
  joinerSecret: Uint8Array,
  pskSecret: Uint8Array,
): Promise<Epoch> {
  const { provider } = config;
  const context = GroupContext.encoding(parts.groupContext);
  const labels = additionalLabels(config);
  const derived = await deriveEpochSecrets(provider, joinerSecret, pskSecret, context, labels);
  return assembleEpoch(config, parts, derived);
}

/** The provisional GroupContext (§12.4.1) that path secrets are encrypted with. */
export function provisionalContext(
  { groupContext }: Pick<PublicEpoch, "groupContext">,
  treeHash: Uint8Array,
  extensions: readonly Extension[],
): GroupContext {
  return { ...groupContext, epoch: groupContext.epoch + 1n, treeHash, extensions };
}

/** The GroupContext of the epoch that a signed commit starts (§8.1, §8.2). */
export async function nextGroupContext(
  provider: CipherSuiteProvider,
  before: PublicEpoch,
  commit: AuthenticatedContent,
  tree: RatchetTree,
  extensions: readonly Extension[],
): Promise<GroupContext> {
  return {
    ...provisionalContext(before, await tree.treeHash(provider), extensions),
    confirmedTranscriptHash: await confirmedTranscriptHash(provider, before.interimTranscriptHash, commit),
  };
}

/** The secrets that the next epoch comes from: `Nh` bytes each. The caller must overwrite them. */
export interface CommitSecrets {
  /** The epoch's own, or the one that an external commit brings (§8.3). */
  readonly initSecret: Uint8Array;
  /** All zero without a path. */
  readonly commitSecret: Uint8Array;
  readonly pskSecret: Uint8Array;
}

/** The next epoch, with what a Welcome to it needs. */
export interface NextEpoch {
  readonly epoch: Epoch;
  /** `Nh` bytes. The caller must overwrite it. */
  readonly joinerSecret: Uint8Array;
}

/** The epoch that a commit starts (§8). Its confirmation tag is the one that the commit must have. */
export async function nextEpoch(
  config: GroupConfig,
  parts: EpochParts,
  { initSecret, commitSecret, pskSecret }: CommitSecrets,
): Promise<NextEpoch> {
  const groupContext = GroupContext.encoding(parts.groupContext);
  const joinerSecret = await deriveJoinerSecret(config.provider, { initSecret, commitSecret, groupContext });
  return { epoch: await epochFromJoinerSecret(config, parts, joinerSecret, pskSecret), joinerSecret };
}
