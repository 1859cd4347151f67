// Why a conversation doesn't do what it was asked to.
import { type AbortSignalLike, MlsError, type Retry } from "@copse/core";
import { DeliveryError } from "../service.js";
import type { Problem } from "./types.js";

/**
 * - `unknown-user`: the service has no key package of a user, or who is to be removed is no member
 * - `refused`: the service or the group doesn't take it, also if it were sent again
 * - `gave-up`: too many commits of others came first, or the service couldn't be reached for too long
 * - `removed`, `left`: this client is no member any more
 * - `gone`: the invitation was answered already, or the conversation deleted
 * - `limit`: too much waits already
 * - `aborted`: its `signal` gave it up; `cause` has the reason
 * - `closed`: the messenger was closed
 * - `taken`: another messenger has opened the same storage, and has it now: this one has ended
 * - `usage`: the arguments are invalid, or it isn't allowed now
 */
export type MessengerErrorCode =
  | "unknown-user"
  | "refused"
  | "gave-up"
  | "removed"
  | "left"
  | "gone"
  | "limit"
  | "aborted"
  | "closed"
  | "taken"
  | "usage";

const RETRY: Partial<Record<MessengerErrorCode, Retry>> = {
  aborted: "now",
  "unknown-user": "later",
  "gave-up": "later",
  limit: "later",
};

export class MessengerError extends Error {
  override name = "MessengerError";
  readonly code: MessengerErrorCode;

  constructor(code: MessengerErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }

  /** Whether the same call may succeed, as of an `MlsError`, by the code: `now`; `later`, after something else; `never`. */
  get retry(): Retry {
    return RETRY[this.code] ?? "never";
  }
}

export const closed = (): MessengerError => new MessengerError("closed", "the messenger was closed");

/** Whether an error says nothing about what failed: a hook or a provider has given no answer. */
export const isUndecided = (error: unknown): boolean => error instanceof MlsError && error.retry === "now";

/** Whose failure it is: the service's, the storage's, or that of what else the application has given. */
export function problemOf(error: unknown): Problem["code"] {
  if (error instanceof DeliveryError) return "delivery";
  return error instanceof MlsError && error.code === "try-again" ? "application" : "storage";
}

/** The service doesn't take what it was asked for, and won't. */
export const refusedBy = (what: string, cause: Error): MessengerError =>
  new MessengerError("refused", `the service refuses ${what}: ${cause.message}`, cause);

/** Why a messenger has ended. @param signal that of the host */
export const endOf = ({ reason }: AbortSignalLike): MessengerError =>
  reason instanceof MessengerError ? reason : closed();

/** @throws MessengerError `closed`, `taken`: another messenger may have the storage now */
export function needOpen(signal: AbortSignalLike): void {
  if (signal.aborted) throw endOf(signal);
}
