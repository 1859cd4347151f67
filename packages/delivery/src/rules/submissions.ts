// What a service does with a submission: whether it has it already, and whether it comes too late.
import { equalBytes } from "@copse/core";
import { DeliveryError, type LogEntry } from "../service.js";

/**
 * Checks that what comes under an ID that a group's log has is the same submission again: it then gets the same answer.
 * @param entry the log's entry with this ID
 * @throws DeliveryError `invalid` if it is another one
 */
export function checkSameSubmission(
  entry: Pick<LogEntry, "kind" | "epoch" | "message">,
  again: Pick<LogEntry, "kind" | "epoch" | "message">,
): void {
  const isSame =
    entry.kind === again.kind && entry.epoch === again.epoch && equalBytes(entry.message, again.message);
  if (!isSame) throw new DeliveryError("invalid", "something else was sent to this group under this id");
}
