// RFC 9420 §5.1: checks that any author of a crypto provider can run, on any test runner or none.
export { type Check, type CheckResult, ConformanceError, type Outcome } from "./check.js";
export { type SignatureVerdict, signatureVerdicts } from "./checks/signatures/verdicts.js";
export {
  type ConformanceOptions,
  type ConformanceReport,
  checksFor,
  checksForSuite,
  formatReport,
  runChecks,
  type SuiteConformanceOptions,
  testProvider,
} from "./run.js";
export type { Effort } from "./tools/cost.js";
export {
  type WycheproofFile,
  type WycheproofGroup,
  type WycheproofTest,
  wycheproofChecks,
} from "./wycheproof.js";
