// RFC 9420 §14: what is on its way.
import type { Device } from "./device.js";
import type { Room } from "./room.js";

export interface Letter {
  /** The step that sent it, and which of its messages it is: the same when other steps are left out. */
  readonly id: string;
  readonly kind: "application" | "proposal" | "commit" | "welcome";
  readonly room: Room;
  readonly bytes: Uint8Array;
  /** The epoch that it was sent in; that which a Welcome leads to. */
  readonly epoch: number;
  readonly from: Device;
  /** The encoded tree, if the Welcome lacks it. */
  readonly ratchetTree?: Uint8Array | undefined;
}

/** A letter in the inbox of one device. */
export interface Entry {
  readonly letter: Letter;
  /** Whether the device has taken it: for certain, or perhaps, as its answer was lost. */
  taken: "no" | "perhaps" | "yes";
}
