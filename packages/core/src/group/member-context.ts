// RFC 9420 §12, §13: a member in an epoch, for the steps of a group and for extensions.
import type { CipherSuiteProvider, HpkePrivateKey, Signer } from "../provider/index.js";
import { isProposal, type LeafNode, ProposalType } from "../wire/index.js";
import { type ClientConfig, needSigner } from "./config.js";
import type { Epoch } from "./epoch.js";
import type { EpochLedger, GroupView } from "./extensions/index.js";
import type { GroupState } from "./state.js";

/** A member in an epoch. */
export interface MemberContext {
  readonly config: ClientConfig;
  readonly epoch: Epoch;
  readonly signer: Signer;
}

/** The signer of the own leaf. @throws MlsError `state` if the client doesn't have it */
export function signerIn(config: ClientConfig, { tree, keys }: Epoch): Signer {
  return needSigner(config, tree.leaf(keys.leafIndex) as LeafNode);
}

/**
 * Checks that the client has the signers that a group may switch to. A missing one would block a later commit.
 * @throws MlsError `state`
 */
export function checkNextSigners(config: ClientConfig, { pending, proposals }: GroupState): void {
  if (pending !== undefined) signerIn(config, pending.epoch);
  for (const { proposal, leafKey } of proposals) {
    const isOwnUpdate = leafKey !== undefined && isProposal(proposal, ProposalType.update);
    if (isOwnUpdate) needSigner(config, proposal.leafNode);
  }
}

/** The epoch, as `Group.withEpoch` passes it to extensions. */
export interface EpochAccess {
  readonly provider: CipherSuiteProvider;
  readonly group: GroupView;
  readonly leafIndex: number;
  /** The own leaf's private key. */
  readonly leafKey: HpkePrivateKey;
  readonly signer: Signer;
  /** An extension's ledger by the label of its secret; `undefined` if the epoch started without the extension. */
  ledger(label: string): EpochLedger | undefined;
}

export function accessTo({ config, epoch, signer }: MemberContext): EpochAccess {
  const { groupContext, tree, keys, ledgers } = epoch;
  return {
    provider: config.provider,
    group: { groupContext, tree },
    leafIndex: keys.leafIndex,
    leafKey: keys.leafKey,
    signer,
    ledger: (label) => ledgers.get(label),
  };
}
