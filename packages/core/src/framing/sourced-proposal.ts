// RFC 9420 §12.1, §12.4: proposals, each with its sender.
import { copied } from "../bytes.js";
import { MlsError } from "../errors.js";
import {
  type CustomProposal,
  type Proposal,
  type ProposalOrRef,
  ProposalOrRefType,
  ProposalType,
  type Sender,
} from "../wire/index.js";

/** A proposal, with its sender and its reference. */
export interface SourcedProposal {
  readonly proposal: Proposal;
  readonly sender: Sender;
  /** ProposalRef, §5.2, `Nh` bytes, if the proposal came in a message of its own. */
  readonly reference?: Uint8Array | undefined;
  /** Whether the proposal was already validated by itself, so that its signatures need no second check. */
  readonly checked?: boolean;
}

/** How a commit lists a proposal (§12.4): by reference if it came in a message of its own, otherwise by value. */
export function asCommitted({ proposal, reference }: SourcedProposal): ProposalOrRef {
  return reference === undefined
    ? { type: ProposalOrRefType.proposal, proposal }
    : { type: ProposalOrRefType.reference, reference };
}

/** The name of a proposal's type (§17.4), for error messages and reports. */
export function proposalName({ proposalType }: Proposal): string {
  for (const [name, value] of Object.entries(ProposalType)) if (value === proposalType) return name;
  return `type ${proposalType}`;
}

/** Records in an MlsError which proposal of a list it is about, unless it says so already. Returns the error. */
export function blame(error: unknown, { proposal, reference }: SourcedProposal, index: number): unknown {
  if (!(error instanceof MlsError)) return error;
  const { proposalType: type } = proposal;
  error.proposal ??= { index, type, name: proposalName(proposal), reference: copied(reference) };
  return error;
}

/** A proposal of a registered type that a commit contains. */
export interface CommittedProposal {
  readonly proposal: CustomProposal;
  readonly sender: Sender;
}
