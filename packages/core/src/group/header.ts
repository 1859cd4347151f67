// RFC 9420 §6, §12.4: which epoch a message belongs to, for members and followers.
import { equalBytes } from "../bytes.js";
import { MlsError } from "../errors.js";
import type { CipherSuiteProvider } from "../provider/index.js";
import type { GroupContext } from "../wire/index.js";
import type { EndedEpoch } from "./past-epoch.js";

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
