// RFC 9420 §8.6, §9.2, §15.3: what is kept of epochs that are over, for messages that come late and resumption PSKs.
import { wipe } from "../bytes.js";
import { encode } from "../codec/index.js";
import type { SecretTree } from "../schedule/index.js";
import type { RatchetTree } from "../tree/index.js";
import { GroupContext } from "../wire/index.js";
import type { Epoch } from "./epoch.js";

/** The commit that ended an epoch. */
export interface EndedEpoch {
  readonly epoch: bigint;
  /** Digest of the commit's message: tells whether another message that would end the epoch is the same. */
  readonly endedBy: Uint8Array;
  /** Whether it was this client's own commit. */
  readonly endedByOwn: boolean;
}

/**
 * An epoch that is over. Only the leaves of its tree are read. The tree shares everything with those of the epochs
 * around it except for what they changed.
 */
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

/** What is kept of an epoch that ends; all of its other secrets are overwritten. */
export function retire(epoch: Epoch, endedBy: Uint8Array, endedByOwn: boolean): PastEpoch {
  const { senderDataSecret, resumptionPsk, ...others } = epoch.secrets;
  wipe(...Object.values(others));
  for (const ledger of epoch.ledgers.values()) ledger.wipe();
  return {
    epoch: epoch.groupContext.epoch,
    // A copy: what is remembered may be a part of a saved state, which would be held with it.
    groupContext: encode(GroupContext, epoch.groupContext),
    tree: epoch.tree,
    secretTree: epoch.secretTree,
    senderDataSecret,
    resumptionPsk,
    endedBy,
    endedByOwn,
  };
}

/** Overwrites what was kept. */
export function wipePast({ secretTree, senderDataSecret, resumptionPsk }: PastEpoch): void {
  secretTree.wipe();
  wipe(senderDataSecret, resumptionPsk);
}
