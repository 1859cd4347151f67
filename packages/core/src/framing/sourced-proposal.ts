// RFC 9420 §12.1, §12.4: proposals with their senders.
import { MlsError } from "../errors.js";
import {
  type CustomProposal,
  type Proposal,
  type ProposalOrRef,
  ProposalOrRefType,
  ProposalType,
  type Sender,
} from "../wire/index.js";
/** A proposal with where it came from. */
export interface SourcedProposal {
  readonly proposal: Proposal;
  readonly sender: Sender;
  /** ProposalRef, §5.2: of one that was sent by itself */
  readonly reference?: Uint8Array | undefined;
  /** Whether it was found valid by itself before: then its signatures aren't checked again. */
  readonly checked?: boolean;
}

/** How a commit names a proposal (§12.4): by reference where it was sent by itself, else by value. */
export function asCommitted({ proposal, reference }: SourcedProposal): ProposalOrRef {
  return reference === undefined
    ? { type: ProposalOrRefType.proposal, proposal }
    : { type: ProposalOrRefType.reference, reference };
}

/** The name of a proposal type in §17.4, for people. */
export function proposalName({ proposalType }: Proposal): string {
  for (const [name, value] of Object.entries(ProposalType)) if (value === proposalType) return name;
  return `type ${proposalType}`;
}

/** Says in an error which proposal it is about. */
export function blame(error: unknown, { proposal, reference }: SourcedProposal, index: number): unknown {
  if (!(error instanceof MlsError)) return error;
  error.proposal ??= { index, type: proposal.proposalType, name: proposalName(proposal), reference };
  return error;
}

/** A proposal of a registered type that a commit brought into force. */
export interface CommittedProposal {
  readonly proposal: CustomProposal;
  readonly sender: Sender;
}
