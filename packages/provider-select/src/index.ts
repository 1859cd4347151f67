// RFC 9420 §5.1: for applications: choose a crypto provider by trying it, and count what it does.

export type { ProviderCandidate, Refusal, Verdict } from "./candidate.js";
export type { Clock } from "./clock.js";
export {
  type InstrumentedProvider,
  type InstrumentOptions,
  instrumentProvider,
  type Operation,
  type OperationCount,
  type SuiteCounts,
} from "./instrument.js";
export type { Measurement, Measurements } from "./measure.js";
export type { OwnPolicy, SelectionPolicy } from "./policy.js";
export type { ProbeStep, SuitePart } from "./probe.js";
export {
  NoProviderError,
  type PartOptions,
  type PartSelection,
  type Selection,
  type SelectionOptions,
  selectProvider,
} from "./select.js";
