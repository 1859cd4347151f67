// The service: RFC 9750 §5 in one process.
export type { DeliveryCounters } from "./server/counters.js";
export type {
  AdmissionRequest,
  DeliveryRates,
  PublicHandshakes,
  ServeDeliveryOptions,
  ServerQuotas,
  ServerTimes,
} from "./server/options.js";
export type { Rate } from "./server/rates.js";
export { type DeliveryServer, serveDelivery } from "./server/serve.js";
