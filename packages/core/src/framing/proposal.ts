// RFC 9420 §12.1: proposals.
import { opaque, struct, type TypeOf, uint16, uint32, variant, vector } from "../codec/index.js";
import { KeyPackage } from "../key-package/key-package.js";
import { PreSharedKeyID } from "../schedule/psk-id.js";
import { Extension } from "../tree/extension.js";
import { LeafNode } from "../tree/leaf-node.js";

/** RFC 9420 §17.4 */
export const ProposalType = {
  add: 1,
  update: 2,
  remove: 3,
  psk: 4,
  reinit: 5,
  externalInit: 6,
  groupContextExtensions: 7,
} as const;

/** Add, RFC 9420 §12.1.1 */
export const Add = struct({ keyPackage: KeyPackage });
export type Add = TypeOf<typeof Add>;

/** Update, RFC 9420 §12.1.2 */
export const Update = struct({ leafNode: LeafNode });
export type Update = TypeOf<typeof Update>;

/** Remove, RFC 9420 §12.1.3 */
export const Remove = struct({ removed: uint32 });
export type Remove = TypeOf<typeof Remove>;

/** PreSharedKey, RFC 9420 §12.1.4 */
export const PreSharedKey = struct({ psk: PreSharedKeyID });
export type PreSharedKey = TypeOf<typeof PreSharedKey>;

/** ReInit, RFC 9420 §12.1.5. The version may be one that isn't known here. */
export const ReInit = struct({
  groupId: opaque,
  version: uint16,
  cipherSuite: uint16,
  extensions: vector(Extension),
});
export type ReInit = TypeOf<typeof ReInit>;

/** ExternalInit, RFC 9420 §12.1.6 */
export const ExternalInit = struct({ kemOutput: opaque });
export type ExternalInit = TypeOf<typeof ExternalInit>;

/** GroupContextExtensions, RFC 9420 §12.1.7 */
export const GroupContextExtensions = struct({ extensions: vector(Extension) });
export type GroupContextExtensions = TypeOf<typeof GroupContextExtensions>;

/** Proposal, RFC 9420 §12.1 */
export const Proposal = variant("proposalType", uint16, {
  [ProposalType.add]: Add,
  [ProposalType.update]: Update,
  [ProposalType.remove]: Remove,
  [ProposalType.psk]: PreSharedKey,
  [ProposalType.reinit]: ReInit,
  [ProposalType.externalInit]: ExternalInit,
  [ProposalType.groupContextExtensions]: GroupContextExtensions,
});
export type Proposal = TypeOf<typeof Proposal>;
