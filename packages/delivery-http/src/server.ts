// The service.
export type { DeliveryService } from "@copse/delivery/service";
