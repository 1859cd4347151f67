// RFC 9420 §12.1: proposals for tests, and the values that they are made of.
import type { Extension } from "../src/wire/extension.js";
import { type Proposal, ProposalType } from "../src/wire/proposal.js";
import { PSKType } from "../src/wire/psk.js";

export const SUITE = 1;
export const data: Uint8Array = new Uint8Array([1]);
export const filled = (length = 32): Uint8Array => new Uint8Array(length).fill(7);
/** An extension that nobody knows. */
export const unknown: Extension = { extensionType: 0xff00, extensionData: data };

export const remove = (removed: number): Proposal => ({ proposalType: ProposalType.remove, removed });
export const externalInit: Proposal = { proposalType: ProposalType.externalInit, kemOutput: filled() };

export const externalPsk = (change: object = {}): Proposal => ({
  proposalType: ProposalType.psk,
  psk: { pskType: PSKType.external, pskId: data, pskNonce: filled(), ...change },
});
export const resumptionPsk = (usage: 1 | 2 | 3): Proposal => ({
  proposalType: ProposalType.psk,
  psk: { pskType: PSKType.resumption, usage, pskGroupId: data, pskEpoch: 0n, pskNonce: filled() },
});
export const reinit = (change: object = {}): Proposal => ({
  proposalType: ProposalType.reinit,
  groupId: data,
  version: 1,
  cipherSuite: SUITE,
  extensions: [],
  ...change,
});
