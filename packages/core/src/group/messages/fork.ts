// RFC 9420 §14: what a commit proves that is of a past epoch and isn't the one that ended it.
import { MlsError } from "../../errors.js";
import { readPublic, verifyContent } from "../../framing/index.js";
import type { RatchetTree } from "../../tree/index.js";
import { type PublicMessage, SenderType } from "../../wire/index.js";
import type { GroupConfig } from "../config.js";
import { senderLeaf } from "../proposals/index.js";

/** What is needed of a past epoch to verify a message of a member. */
export interface VerifiableEpoch {
  readonly epoch: bigint;
  /** The encoded GroupContext */
  readonly groupContext: Uint8Array;
  /** Its leaves are read. */
  readonly tree: RatchetTree;
}

/** The error for a commit whose signature was verified. */
export function forkOf(epoch: bigint, sender: number): MlsError {
  const message = `another commit ended epoch ${epoch} here: this one came later, or belongs to a diverged (forked) group`;
  return new MlsError("fork", message, { epoch, sender });
}

/**
 * Refuses a commit of a past epoch. It is a fork only if a member of that epoch signed it: nobody else can prove one.
 * @throws MlsError `fork`, `past-epoch` for a commit of a non-member, `unknown-sender`; ValidationError
 */
export async function refuseConflict(
  { provider, registry }: GroupConfig,
  { epoch, groupContext, tree }: VerifiableEpoch,
  message: PublicMessage,
): Promise<never> {
  const authenticated = readPublic(message, registry.proposalTypes);
  const { content } = authenticated;
  if (content.sender.senderType !== SenderType.member) {
    throw new MlsError("past-epoch", `another commit ended epoch ${epoch} here before this one`, { epoch });
  }
  const { signatureKey } = senderLeaf(content, tree);
  await verifyContent(provider, authenticated, groupContext, signatureKey);
  throw forkOf(epoch, content.sender.leafIndex);
}
