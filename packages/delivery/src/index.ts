// Conversations over a delivery service (RFC 9750).
export * from "./service.js";
