// RFC 9420 §8: an epoch of a group, as one of its members knows it, and how the next one comes of it.
import { equalSecret, wipe } from "../bytes.js";
import { ensure } from "../errors.js";
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
  wipeSecrets,
} from "../schedule/index.js";
import type { RatchetTree, TreeKeys } from "../tree/index.js";
import { type AuthenticatedContent, type Extension, GroupContext } from "../wire/index.js";
import type { GroupConfig } from "./config.js";
import type { EpochLedger } from "./extensions/index.js";

/**
 * The state of a group in one epoch. An immutable value, but for the secret tree, which is a ledger of message
 * keys and only ever loses some; and the arrays are overwritten when the epoch is over.
 */
export interface Epoch {
  readonly groupContext: GroupContext;
  readonly tree: RatchetTree;
  readonly keys: TreeKeys;
  /** All but `encryptionSecret`, which the secret tree owns. */
  readonly secrets: Omit<EpochSecrets, "encryptionSecret">;
  readonly secretTree: SecretTree;
  readonly interimTranscriptHash: Uint8Array;
  readonly confirmationTag: Uint8Array;
  /** What extensions keep, by the labels of their secrets: changed in place too. */
  readonly ledgers: ReadonlyMap<string, EpochLedger>;
}

/** The encoded GroupContext, which is remembered: not to be changed. */
export function contextBytes({ groupContext }: Pick<Epoch, "groupContext">): Uint8Array {
  return GroupContext.encoding(groupContext);
}

/** Overwrites the secrets of an epoch that never came to be, or that is over and done with. */
export function wipeEpoch({ secrets, secretTree, ledgers }: Epoch): void {
  wipe(...Object.values(secrets));
  secretTree.wipe();
  for (const ledger of ledgers.values()) ledger.wipe();
}

/** Everything that a commit (§12.4) or the creation of a group (§11) brings together. */
export interface EpochParts {
  readonly groupContext: GroupContext;
  readonly tree: RatchetTree;
  readonly keys: TreeKeys;
  readonly derived: DerivedSecrets;
  readonly confirmationTag: Uint8Array;
}

/** The labels of the secrets that extensions have in each epoch. */
export function additionalLabels(config: GroupConfig): string[] {
  return config.registry.secrets.map(({ label }) => label);
}

/** The epoch that these parts make. The secret tree takes over the encryption secret, and extensions theirs. */
export async function assembleEpoch(config: GroupConfig, parts: EpochParts): Promise<Epoch> {
  const { provider, policy } = config;
  const { groupContext, tree, keys, confirmationTag } = parts;
  const { encryptionSecret, ...secrets } = parts.derived.secrets;
  const ledgers = new Map<string, EpochLedger>();
  for (const definition of config.registry.secrets) {
    const { label } = definition;
    const secret = parts.derived.additional.get(label);
    if (secret !== undefined) ledgers.set(label, definition.open(provider, secret));
  }
  return {
    ledgers,
    groupContext,
    tree,
    keys,
    secrets,
    secretTree: new SecretTree(provider, tree.width, encryptionSecret, policy.ratchets),
    interimTranscriptHash: await interimTranscriptHash(
      provider,
      groupContext.confirmedTranscriptHash,
      confirmationTag,
    ),
    confirmationTag,
  };
}

/** What a commit changes, once its proposals and its path are applied. */
export interface CommitOutcome {
  readonly tree: RatchetTree;
  readonly extensions: readonly Extension[];
  readonly keys: TreeKeys;
  /** `Nh` bytes, all zero without a path. Overwritten here. */
  readonly commitSecret: Uint8Array;
  /** `Nh` bytes. Overwritten here. */
  readonly pskSecret: Uint8Array;
  /** `Nh` bytes: the epoch's own, or the one that an external commit brings (§8.3). Stays as it is. */
  readonly initSecret: Uint8Array;
}

/** The provisional GroupContext (§12.4.1) that path secrets are encrypted with. */
export function provisionalContext(
  { groupContext }: Pick<Epoch, "groupContext">,
  treeHash: Uint8Array,
  extensions: readonly Extension[],
): GroupContext {
  return { ...groupContext, epoch: groupContext.epoch + 1n, treeHash, extensions };
}

/** The next epoch, with what a Welcome to it needs. */
export interface NextEpoch {
  readonly epoch: Epoch;
  /** `Nh` bytes, the caller's to overwrite */
  readonly joinerSecret: Uint8Array;
  /** `Nh` bytes, the caller's to overwrite */
  readonly pskSecret: Uint8Array;
}

/**
 * §8, §12.4.1, §12.4.2: the epoch that a signed commit starts. If the commit comes with its confirmation tag,
 * as one that was received does, the tag is checked.
 * @throws ValidationError if the tag doesn't fit
 */
export async function nextEpoch(
  config: GroupConfig,
  before: Pick<Epoch, "groupContext" | "interimTranscriptHash">,
  commit: AuthenticatedContent,
  outcome: CommitOutcome,
): Promise<NextEpoch> {
  const { provider } = config;
  const { tree, extensions, keys, commitSecret, pskSecret, initSecret } = outcome;
  const groupContext: GroupContext = {
    ...provisionalContext(before, await tree.treeHash(provider), extensions),
    confirmedTranscriptHash: await confirmedTranscriptHash(provider, before.interimTranscriptHash, commit),
  };
  const context = GroupContext.encoding(groupContext);
  const joinerSecret = await deriveJoinerSecret(provider, {
    initSecret,
    commitSecret,
    groupContext: context,
  });
  wipe(commitSecret);
  const derived = await deriveEpochSecrets(
    provider,
    joinerSecret,
    pskSecret,
    context,
    additionalLabels(config),
  );
  const tag = await confirm(provider, derived.secrets, groupContext);
  const received = commit.auth.confirmationTag;
  if (received !== undefined && !equalSecret(received, tag)) {
    wipe(joinerSecret, pskSecret);
    wipeSecrets(derived);
    ensure(false, "12.4.2: the confirmation tag must be the one that the new epoch gives");
  }
  const epoch = await assembleEpoch(config, { groupContext, tree, keys, derived, confirmationTag: tag });
  return { epoch, joinerSecret, pskSecret };
}

/** The confirmation tag of an epoch (§6.1): `Nh` bytes */
export async function confirm(
  provider: CipherSuiteProvider,
  { confirmationKey }: Pick<EpochSecrets, "confirmationKey">,
  { confirmedTranscriptHash }: GroupContext,
): Promise<Uint8Array> {
  return confirmationTag(provider, confirmationKey, confirmedTranscriptHash);
}
