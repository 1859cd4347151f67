// RFC 9420 §12: a group of four in which Mallory, a member, breaks the rules.
import type { Group } from "@copse/core";
import { four, type Meeting, type Party } from "@copse/test-support/clients";
import { by, type Insider, insider } from "@copse/test-support/insiders";
import type { SourcedProposal } from "../../src/framing/sourced-proposal.js";
import type { Proposal } from "../../src/wire/proposal.js";
import { SUITE } from "../proposals.js";

/** The leaf of the insider. */
export const MALLORY = 2;

export interface Infiltrated {
  readonly meeting: Meeting;
  /** A member who receives, and must refuse. */
  readonly bob: Group;
  readonly mallory: Insider;
}

export async function infiltrated(): Promise<Infiltrated> {
  const meeting = await four(SUITE);
  const bob = meeting.groups[1] as Group;
  const mallory = await insider(meeting.parties[MALLORY] as Party, meeting.groups[MALLORY] as Group);
  return { meeting, bob, mallory };
}

/** Proposals by value in a commit of hers. */
export const byMallory = (...proposals: Proposal[]): SourcedProposal[] => by(MALLORY, ...proposals);
