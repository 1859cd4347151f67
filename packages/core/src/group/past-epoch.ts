// RFC 9420 §8.6, §9.2, §15.3: the part of a past epoch that is kept, for late messages and resumption PSKs.
import { equalBytes, wipe } from "../bytes.js";
import { encode } from "../codec/index.js";
import { MlsError } from "../errors.js";
import type { CipherSuiteProvider } from "../provider/index.js";
import type { SecretTree } from "../schedule/index.js";
import type { RatchetTree } from "../tree/index.js";
import { GroupContext } from "../wire/index.js";
import type { Epoch } from "./epoch.js";

/** The commit that ended an epoch. */
export interface EndedEpoch {
  readonly epoch: bigint;
  /** The digest of the commit's message, to tell a repeated commit from a conflicting one: `Nh` bytes. */
  readonly endedBy: Uint8Array;
  /** Whether it was this client's own commit. */
  readonly endedByOwn: boolean;
}

/** A past epoch. Only the leaves of its tree are read. The tree shares its unchanged nodes with later trees. */
export interface PastEpoch extends EndedEpoch {
  /** The encoded GroupContext */
  readonly groupContext: Uint8Array;
  readonly tree: RatchetTree;
  readonly secretTree: SecretTree;
  /** `Nh` bytes */
  readonly senderDataSecret: Uint8Array;
  /** `Nh` bytes */
  readonly resumptionPsk: Uint8Array;
}

/** Ends an epoch: returns the part that is kept, and overwrites all other secrets. */
export function retire(epoch: Epoch, ending: Omit<EndedEpoch, "epoch">): PastEpoch {
  const { senderDataSecret, resumptionPsk, ...others } = epoch.secrets;
  wipe(...Object.values(others));
  for (const ledger of epoch.ledgers.values()) ledger.wipe();
  return {
    epoch: epoch.groupContext.epoch,
    // A copy: the remembered encoding may be a view that keeps a whole saved state in memory.
    groupContext: encode(GroupContext, epoch.groupContext),
    tree: epoch.tree,
    secretTree: epoch.secretTree,
    senderDataSecret,
    resumptionPsk,
    ...ending,
  };
}

/** Overwrites the secrets of a past epoch. */
export function wipePast({ secretTree, senderDataSecret, resumptionPsk }: PastEpoch): void {
  secretTree.wipe();
  wipe(senderDataSecret, resumptionPsk);
}

/** @throws MlsError `wrong-group` for a message of another group */
export function checkGroupId({ groupId }: GroupContext, message: { readonly groupId: Uint8Array }): void {
  if (!equalBytes(message.groupId, groupId)) {
    throw new MlsError("wrong-group", "the message belongs to another group");
  }
}

/** @throws MlsError `wrong-epoch` for a message of an earlier or later epoch */
export function checkEpoch({ epoch }: GroupContext, message: { readonly epoch: bigint }): void {
  if (message.epoch !== epoch) {
    throw new MlsError("wrong-epoch", `expected a message of epoch ${epoch}, got epoch ${message.epoch}`);
  }
}

/** The digest that identifies the commit that ended an epoch: `Nh` bytes. */
export async function commitDigest({ hash }: CipherSuiteProvider, message: Uint8Array): Promise<Uint8Array> {
  return (await hash.hash(message)).slice();
}

/**
 * Checks a commit of a past epoch against the commit that ended it. Returns if both are this client's own commit.
 * @throws MlsError `consumed` for a repeated commit of another member; `fork` if another commit ended the epoch
 */
export async function checkPastCommit(
  provider: CipherSuiteProvider,
  { epoch, endedBy, endedByOwn }: EndedEpoch,
  message: Uint8Array,
): Promise<void> {
  if (!equalBytes(endedBy, await commitDigest(provider, message))) {
    throw new MlsError(
      "fork",
      `another commit ended epoch ${epoch} here: this one came later, or belongs to a diverged (forked) group`,
    );
  }
  if (!endedByOwn) throw new MlsError("consumed", "this commit was received before");
}
