// RFC 9420 §5.1.2, §7.2: what a client gives to its groups.
import { MlsError } from "../errors.js";
import type { LeafDescription } from "../key-package/index.js";
import type { CipherSuiteProvider, HpkePrivateKey, Signer } from "../provider/index.js";
import type { LeafNode } from "../wire/index.js";
import type { GroupConfig } from "./config.js";
import type { Epoch } from "./epoch.js";
import type { EpochLedger, GroupView } from "./extensions/index.js";

/** What a client gives to its groups. */
export interface ClientConfig {
  readonly config: GroupConfig;
  /** What a new leaf node of the client says. */
  describe(): LeafDescription;
  /** The client's signers, by their public keys. */
  signerFor(publicKey: Uint8Array): Signer | undefined;
  /** Remembers one that a group has switched to. */
  addSigner(signer: Signer): void;
}

/** What an extension of the protocol works on: `Group.withEpoch`. */
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

/** Where a member stands: the epoch that it is in, and who signs for it there. */
export interface MemberContext {
  readonly host: ClientConfig;
  readonly epoch: Epoch;
  readonly signer: Signer;
}

/** The signer whose key stands in the own leaf. @throws MlsError `state` if the client has no such signer */
export function signerIn(host: ClientConfig, { tree, keys }: Epoch): Signer {
  return needSigner(host, tree.leaf(keys.leafIndex) as LeafNode);
}

/** The signer for a leaf node. @throws MlsError `state` if the client has none */
export function needSigner(host: ClientConfig, { signatureKey }: LeafNode): Signer {
  const signer = host.signerFor(signatureKey);
  if (signer === undefined) {
    throw new MlsError("state", "the client has no signer for the signature key of its leaf in this group");
  }
  return signer;
}

/** The epoch, as extensions of the protocol work on it. */
export function accessTo({ host, epoch, signer }: MemberContext): EpochAccess {
  const { groupContext, tree, keys, ledgers } = epoch;
  return {
    provider: host.config.provider,
    group: { groupContext, tree },
    leafIndex: keys.leafIndex,
    leafKey: keys.leafKey,
    signer,
    ledger: (label) => ledgers.get(label),
  };
}
