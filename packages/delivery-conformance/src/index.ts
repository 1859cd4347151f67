// Checks that any delivery service can run against itself.
export type { DeliveryService } from "@copse/delivery/service";
