// Checks that any author of a delivery service can run, on any test runner or none.
export type { DeliveryCheck, DeliveryCheckResult } from "./check.js";
export type { HpkeKeys, KeyMaker } from "./keys.js";
export {
  checksForDelivery,
  type DeliveryConformanceOptions,
  type DeliveryConformanceReport,
  formatDeliveryReport,
  testDelivery,
} from "./run.js";
export { DeliveryConformanceError } from "./tools.js";
export type { DeliveryLimitsUnderTest, DeliveryUnderTest } from "./under.js";
