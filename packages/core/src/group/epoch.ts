// RFC 9420 §8: the epochs of a group, and the step from one to the next.
import { type Bytes, concat, wipe } from "../bytes.js";
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

/** The public state of a group in one epoch, which followers know too. */
export interface PublicEpoch {
  readonly groupContext: GroupContext;
  readonly tree: RatchetTree;
  /** `Nh` bytes (§8.2) */
  readonly interimTranscriptHash: Uint8Array;
}

/**
 * The state of a group in one epoch as a member has it. Immutable, with two exceptions: the secret tree and the
 * ledgers delete secrets that were used, and all secrets are overwritten when the epoch ends.
 */
export interface Epoch extends PublicEpoch {
  readonly keys: TreeKeys;
  /** Without `encryptionSecret`, which the secret tree owns. */
  readonly secrets: Omit<EpochSecrets, "encryptionSecret">;
  readonly secretTree: SecretTree;
  readonly confirmationTag: Uint8Array;
  /** The states of extensions in this epoch, by the labels of their secrets. */
  readonly ledgers: ReadonlyMap<string, EpochLedger>;
}

/** The encoded GroupContext. It is cached: don't change it. */
export function contextBytes({ groupContext }: Pick<PublicEpoch, "groupContext">): Uint8Array {
  return GroupContext.encoding(groupContext);
}

/** What tells an epoch from all others: its GroupContext, and the hash that its confirmation tag is in. */
export function epochContext(epoch: PublicEpoch): Bytes {
  return concat(contextBytes(epoch), epoch.interimTranscriptHash);
}

/** Overwrites the secrets of an epoch that ended or never starts. */
export function wipeEpoch({ secrets, secretTree, ledgers }: Epoch): void {
  wipe(...Object.values(secrets));
  secretTree.wipe();
  for (const ledger of ledgers.values()) ledger.wipe();
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

/** The parts of an epoch that its secrets are derived for. */
export type EpochParts = Pick<Epoch, "groupContext" | "tree" | "keys">;

/** The epoch with these secrets. The secret tree and the ledgers take ownership of theirs. */
export async function assembleEpoch(
  { provider, policy, registry }: GroupConfig,
  { groupContext, tree, keys }: EpochParts,
  { secrets: { encryptionSecret, ...secrets }, additional }: DerivedSecrets,
): Promise<Epoch> {
  const ledgers = new Map<string, EpochLedger>();
  try {
    for (const definition of registry.secrets) {
      const secret = additional.get(definition.label);
      if (secret !== undefined) ledgers.set(definition.label, definition.open(provider, secret));
    }
    const { confirmedTranscriptHash: confirmed } = groupContext;
    const tag = await confirmationTag(provider, secrets.confirmationKey, confirmed);
    return {
      groupContext,
      tree,
      interimTranscriptHash: await interimTranscriptHash(provider, confirmed, tag),
      keys,
      secrets,
      secretTree: new SecretTree(provider, tree.width, encryptionSecret, policy.ratchets),
      confirmationTag: tag,
      ledgers,
    };
  } catch (error) {
    wipe(...Object.values(secrets), encryptionSecret, ...additional.values());
    for (const ledger of ledgers.values()) ledger.wipe();
    throw error;
  }
}

/** The epoch of a joiner secret (§8). Both secrets have `Nh` bytes. The caller must overwrite them. */
export async function epochFromJoinerSecret(
  config: GroupConfig,
  parts: EpochParts,
  joinerSecret: Uint8Array,
  pskSecret: Uint8Array,
): Promise<Epoch> {
  const { provider } = config;
  const context = GroupContext.encoding(parts.groupContext);
  const { secretLabels } = config.registry;
  const derived = await deriveEpochSecrets(provider, joinerSecret, pskSecret, context, secretLabels);
  return assembleEpoch(config, parts, derived);
}

/** The provisional GroupContext (§12.4.1), with which path secrets are encrypted. */
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

/** The secrets from which the next epoch is derived: `Nh` bytes each. The caller must overwrite them. */
export interface CommitSecrets {
  /** That of the epoch that ends, or of an external commit (§8.3). */
  readonly initSecret: Uint8Array;
  /** Zeros if the commit has no path. */
  readonly commitSecret: Uint8Array;
  readonly pskSecret: Uint8Array;
}

/** The next epoch, and the secret for its Welcome. */
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
  try {
    return { epoch: await epochFromJoinerSecret(config, parts, joinerSecret, pskSecret), joinerSecret };
  } catch (error) {
    wipe(joinerSecret);
    throw error;
  }
}
