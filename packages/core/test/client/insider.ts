// RFC 9420 §12: a group of four in which Mallory, a member, sends what must not be sent, and what that is made of.
import type { Group } from "@copse/core";
import { four, type Insider, insider, type Meeting, type Party } from "@copse/test-support/clients";

export const SUITE = 1;
/** The leaf of the insider. */
export const MALLORY = 2;

export interface Infiltrated {
  readonly meeting: Meeting;
  /** A member who is to refuse. */
  readonly bob: Group;
  readonly mallory: Insider;
}

export async function infiltrated(): Promise<Infiltrated> {
  const meeting = await four(SUITE);
  const bob = meeting.groups[1] as Group;
  const mallory = await insider(meeting.parties[MALLORY] as Party, meeting.groups[MALLORY] as Group);
  return { meeting, bob, mallory };
}

export const data: Uint8Array = new Uint8Array([1]);
export const nonce = (length = 32): Uint8Array => new Uint8Array(length).fill(7);
