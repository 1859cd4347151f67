// A delivery service on a NATS JetStream cluster.
export type { DeliveryService } from "@copse/delivery/service";
export { type NatsPermissions, natsPermissions, type PermissionOptions } from "./permissions.js";
export { type PrepareOptions, prepareNats } from "./prepare.js";
export { type NatsDeliveryOptions, natsDelivery } from "./service.js";
