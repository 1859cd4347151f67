// Conversations over any delivery service.
import { MessengerError } from "./errors.js";
import type { Messenger, MessengerLimits, MessengerOptions } from "./types.js";

export const DEFAULT_LIMITS: MessengerLimits = {
  keyPackages: 20,
  updateAfter: 7 * 24 * 60 * 60,
  updateAfterCommits: 100,
  outbox: 10_000,
  outboxBytes: 64 * 1024 * 1024,
  early: 1000,
  earlyBytes: 4 * 1024 * 1024,
  history: 100_000,
  conversations: 10_000,
  invitations: 100,
  tries: 50,
  firstWait: 100,
  longestWait: 30_000,
  proposalWait: 2000,
};

/**
 * Opens the conversations that a storage has, or begins with none: opens the client, publishes its key packages, and follows
 * its inbox and the logs of its groups until {@link Messenger.close}, whether the service is reached or not.
 * @throws as `openClient`; MessengerError `usage`
 * @example
 * const messenger = await openMessenger({ storage, crypto, credential: "alice", authentication, delivery });
 * messenger.on((event) => event.kind === "message" && console.log(event.entry.sender.user, event.entry.text));
 * const conversation = await messenger.start(["bob", "carol"]);
 * await conversation.send("Hello!");
 */
export async function openMessenger(_options: MessengerOptions): Promise<Messenger> {
  throw new MessengerError("usage", "not built yet");
}
