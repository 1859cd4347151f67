// RFC 9420 §9.1: the keys that this opener has used never come back with an earlier state of the storage.
import { equalBytes } from "../../bytes.js";
import { MlsError } from "../../errors.js";
import { type Epoch, epochsIn, type GroupState } from "../../group/index.js";

/** How far the own ratchets were in an epoch when this opener last wrote them. */
export interface Floor {
  readonly epoch: bigint;
  /** The epoch's: two epochs with one number have two. */
  readonly confirmedTranscriptHash: Uint8Array;
  readonly used: readonly number[];
}

/** The next generations of the own ratchets. */
function usedIn({ secretTree, keys }: Epoch): number[] {
  const own = secretTree.senders.get(keys.leafIndex);
  return [own?.handshake.generation ?? 0, own?.application.generation ?? 0];
}

/** `undefined` for a state by which nothing is sent. */
export function floorOf({ status, current }: GroupState): Floor | undefined {
  if (status !== "active") return undefined;
  const { epoch, confirmedTranscriptHash } = current.groupContext;
  return { epoch, confirmedTranscriptHash, used: usedIn(current) };
}

/** @throws MlsError `state` if a state would use keys again that this opener has used */
export function checkFloor(floor: Floor | undefined, state: GroupState): void {
  if (floor === undefined || state.status === "removed") return;
  const { current, kept } = state;
  // Who keeps epochs may go back to one, where it goes on with the keys after those that it used.
  const found = (kept === undefined ? [current] : epochsIn(state)).find(
    ({ groupContext: { epoch, confirmedTranscriptHash } }) =>
      epoch === floor.epoch && equalBytes(confirmedTranscriptHash, floor.confirmedTranscriptHash),
  );
  const isBack =
    found === undefined
      ? kept === undefined && current.groupContext.epoch <= floor.epoch
      : usedIn(found).some((next, i) => next < (floor.used[i] as number));
  if (isBack)
    throw new MlsError(
      "state",
      "the group was put back in the storage: it would use keys again that were used",
    );
}
