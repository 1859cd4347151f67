// RFC 9420 §8.6, §9.2, §15.3: the part of a past epoch that is kept, for late messages and resumption PSKs.
import { equalBytes, toHex } from "../bytes.js";
import { MlsError } from "../errors.js";
import type { CipherSuiteProvider } from "../provider/index.js";
import type { SecretTree } from "../schedule/index.js";
import type { RatchetTree } from "../tree/index.js";
import type { GroupContext } from "../wire/index.js";
import { digestOf } from "./digest.js";
import { contextBytes, type Epoch } from "./epoch.js";
import { type Policy, secondsNow, uint64Of } from "./policy.js";

/** The commit that ended an epoch. */
export interface EndedEpoch {
  readonly epoch: bigint;
  /** The digest of the commit's message, to tell a repeated commit from a conflicting one: `Nh` bytes. */
  readonly endedBy: Uint8Array;
  /** Whether it was this client's own commit. */
  readonly endedByOwn: boolean;
}

/** What is known of a past epoch when it ends. */
export interface Ending extends Omit<EndedEpoch, "epoch"> {
  /** The leaves of those who joined by the commit that ended it: they don't have its resumption PSK. */
  readonly joined: readonly number[];
}

/** A past epoch. Only the leaves of its tree are read. The tree shares its unchanged nodes with later trees. */
export interface PastEpoch extends EndedEpoch, Ending {
  /** The encoded GroupContext */
  readonly groupContext: Uint8Array;
  readonly tree: RatchetTree;
  readonly secretTree: SecretTree;
  /** `Nh` bytes */
  readonly senderDataSecret: Uint8Array;
  /** `Nh` bytes */
  readonly resumptionPsk: Uint8Array;
  /** `Nh` bytes; `undefined` if the policy doesn't keep it */
  readonly exporterSecret: Uint8Array | undefined;
  /** When it ended, by this client's clock: in seconds since the Unix epoch. */
  readonly endedAt: bigint;
}

/** The part of an epoch that is kept when it ends. */
export function pastEpoch(epoch: Epoch, ending: Ending, endedAt: bigint): PastEpoch {
  const { senderDataSecret, resumptionPsk, exporterSecret } = epoch.secrets;
  return {
    epoch: epoch.groupContext.epoch,
    // A copy: the remembered encoding may be a view that keeps a whole saved state in memory.
    groupContext: contextBytes(epoch).slice(),
    tree: epoch.tree,
    secretTree: epoch.secretTree,
    senderDataSecret,
    resumptionPsk,
    exporterSecret,
    endedAt,
    ...ending,
  };
}

/**
 * The past epochs that the policy keeps: by number and by age. The same array if it keeps all of them as they are. One that
 * ended in the future did so by a clock that ran ahead: it is taken to end now, so that its secrets don't stay for longer.
 */
export function keptEpochs(all: readonly PastEpoch[], policy: Policy): readonly PastEpoch[] {
  const seconds = secondsNow(policy);
  const now = uint64Of(seconds);
  const oldest = seconds - policy.maxPastEpochAge;
  const end = all.findIndex(({ endedAt }, i) => i >= policy.maxPastEpochs || Number(endedAt) < oldest);
  const kept = end < 0 ? all : all.slice(0, end);
  const isOver = ({ exporterSecret }: PastEpoch, i: number) =>
    exporterSecret !== undefined && i >= policy.maxPastExporters;
  return kept.some((one, i) => isOver(one, i) || one.endedAt > now)
    ? kept.map((one, i) => ({
        ...one,
        exporterSecret: isOver(one, i) ? undefined : one.exporterSecret,
        endedAt: one.endedAt > now ? now : one.endedAt,
      }))
    : kept;
}

/** The past epochs after another one ended. */
export function withPast(
  past: readonly PastEpoch[],
  ended: Epoch,
  ending: Ending,
  policy: Policy,
): readonly PastEpoch[] {
  return keptEpochs([pastEpoch(ended, ending, uint64Of(secondsNow(policy))), ...past], policy);
}

/** A group ID for an error message. */
function nameOf(groupId: Uint8Array): string {
  const shown = toHex(groupId.subarray(0, 16));
  return `${shown}${groupId.length > 16 ? "..." : ""} (${groupId.length} bytes)`;
}

/** @throws MlsError `wrong-group` for a message of another group */
export function checkGroupId({ groupId }: GroupContext, message: { readonly groupId: Uint8Array }): void {
  if (!equalBytes(message.groupId, groupId)) {
    throw new MlsError(
      "wrong-group",
      `expected a message of group ${nameOf(groupId)}, got one of group ${nameOf(message.groupId)}`,
    );
  }
}

/** @throws MlsError `future-epoch` for a message of a later epoch, `past-epoch` for one of an earlier epoch */
export function checkEpoch(current: GroupContext, { epoch }: { readonly epoch: bigint }): void {
  if (epoch > current.epoch) {
    throw new MlsError("future-epoch", `expected a message of epoch ${current.epoch}, got epoch ${epoch}`);
  }
  if (epoch < current.epoch) {
    throw new MlsError("past-epoch", `expected a message of epoch ${current.epoch}, got epoch ${epoch}`);
  }
}

/**
 * Whether a commit of a past epoch is this client's own one, which ended the epoch. If another commit did, nothing is
 * known of this one yet.
 * @throws MlsError `duplicate` for the commit of another member that ended the epoch
 */
export async function isOwnEnding(
  provider: CipherSuiteProvider,
  { endedBy, endedByOwn }: EndedEpoch,
  message: Uint8Array,
): Promise<boolean> {
  const isEnding = equalBytes(endedBy, await digestOf(provider, message));
  if (isEnding && !endedByOwn) throw new MlsError("duplicate", "this commit was received before");
  return isEnding;
}
