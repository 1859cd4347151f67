// A delivery service in one process by HTTP and WebSocket, and its client.
export type { DeliveryService } from "@copse/delivery/service";
