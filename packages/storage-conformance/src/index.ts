// Checks that any author of a client storage can run, on any test runner or none.
export {
  type StorageCheck,
  type StorageCheckResult,
  StorageConformanceError,
  type StorageUnderTest,
} from "./check.js";
export {
  checksForStorage,
  formatStorageReport,
  type StorageConformanceOptions,
  type StorageConformanceReport,
  testStorage,
} from "./run.js";
