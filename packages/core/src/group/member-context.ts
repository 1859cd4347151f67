// RFC 9420 §12: a member in an epoch, as the steps of a group and the extensions of the protocol see it.
import type { CipherSuiteProvider, HpkePrivateKey, Signer } from "../provider/index.js";
import type { LeafNode } from "../wire/index.js";
import { type ClientConfig, needSigner } from "./config.js";
import type { Epoch } from "./epoch.js";
import type { EpochLedger, GroupView } from "./extensions/index.js";

/** A member: the epoch that it is in, and its signer there. */
export interface MemberContext {
  readonly config: ClientConfig;
  readonly epoch: Epoch;
  readonly signer: Signer;
}

/** The signer whose key is in the own leaf. @throws MlsError `state` if the client has no such signer */
export function signerIn(config: ClientConfig, { tree, keys }: Epoch): Signer {
  return needSigner(config, tree.leaf(keys.leafIndex) as LeafNode);
}

/** What an extension of the protocol works with: `Group.withEpoch`. */
export interface EpochAccess {
  readonly provider: CipherSuiteProvider;
  readonly group: GroupView;
  readonly leafIndex: number;
  /** The own leaf's private key. */
  readonly leafKey: HpkePrivateKey;
  readonly signer: Signer;
  /** What an extension keeps of the epoch, by the label of its secret; `undefined` if the epoch began without it. */
  ledger(label: string): EpochLedger | undefined;
}

/** The epoch, as extensions of the protocol work with it. */
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
