// RFC 9420 §6, §12.4: which epoch a message belongs to, for members and followers alike.
import { equalBytes } from "../bytes.js";
import { MlsError } from "../errors.js";
import type { CipherSuiteProvider } from "../provider/index.js";
import type { GroupContext } from "../wire/index.js";
import type { EndedEpoch } from "./past-epoch.js";

/**
 * Whether a message belongs to the current epoch or to one before.
 * @throws MlsError `wrong-group`; `wrong-epoch` for a message of a later epoch
 */
export function checkHeader(
  groupContext: GroupContext,
  { groupId, epoch }: { readonly groupId: Uint8Array; readonly epoch: bigint },
): "current" | "past" {
  if (!equalBytes(groupId, groupContext.groupId)) {
    throw new MlsError("wrong-group", "the message belongs to another group");
  }
  if (epoch > groupContext.epoch) {
    throw new MlsError(
      "wrong-epoch",
      `expected a message of epoch ${groupContext.epoch}, got one of epoch ${epoch}`,
    );
  }
  return epoch < groupContext.epoch ? "past" : "current";
}

/** The digest by which the commit that ended an epoch is known. */
export async function commitDigest({ hash }: CipherSuiteProvider, message: Uint8Array): Promise<Uint8Array> {
  return (await hash.hash(message)).slice();
}

/**
 * A commit of an epoch that another one may have ended. Returns if it is this client's own, which did end it.
 * @throws MlsError `consumed` if it is the commit that ended the epoch; `fork` if it isn't
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
