// A delivery service on a NATS JetStream cluster.
export type { DeliveryService } from "@copse/delivery/service";
