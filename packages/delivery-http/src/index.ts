// A client of the service by HTTP and WebSocket.
export type { HttpDelivery } from "./client/delivery.js";
export { type HttpDeliveryOptions, httpDelivery } from "./client/options.js";
export type { FetchLike, SignLabelled } from "./client/requests.js";
export type { WebSocketClass, WebSocketEvent, WebSocketLike } from "./client/socket.js";
