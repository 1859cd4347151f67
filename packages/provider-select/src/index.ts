// RFC 9420 §5.1: for applications: choose a crypto provider by trying it, and count what it does.

export type { Clock } from "./clock.js";
export {
  type InstrumentedProvider,
  type InstrumentOptions,
  instrumentProvider,
  type Operation,
  type OperationCount,
  type SuiteCounts,
} from "./instrument.js";
export type { Measurements } from "./measure.js";
export type { ProbeStep } from "./probe.js";
export {
  NoProviderError,
  type ProviderCandidate,
  type Refusal,
  type Selection,
  type SelectionOptions,
  type SelectionPolicy,
  selectProvider,
  type Verdict,
} from "./select.js";
