// Conversations over a delivery service (RFC 9750).

export type { Settling } from "./conversation/settling.js";
export {
  type MemoryDelivery,
  type MemoryDeliveryOptions,
  memoryDelivery,
  type Retention,
} from "./memory/index.js";
export { MessengerError, type MessengerErrorCode } from "./messenger/errors.js";
export { DEFAULT_LIMITS, openMessenger } from "./messenger/open.js";
export type {
  Conversation,
  ConversationState,
  HistoryEntry,
  HistoryOptions,
  Invitation,
  MembersEntry,
  MessageEntry,
  Messenger,
  MessengerEvent,
  MessengerLimits,
  MessengerOptions,
  Outgoing,
  Participant,
  Person,
  Problem,
} from "./messenger/types.js";
export type { DeliveryLimits } from "./rules.js";
export * from "./service.js";
