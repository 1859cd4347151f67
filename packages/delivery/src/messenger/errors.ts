// Why a conversation doesn't do what it was asked to.

/**
 * - `unknown-user`: the service has no key package of a user, or the user is no member
 * - `refused`: the service or the group doesn't take it, also if it were sent again
 * - `gave-up`: too many commits of others came first, or the service couldn't be reached for too long
 * - `removed`, `left`: this client is no member any more
 * - `gone`: the invitation was answered already, or the conversation deleted
 * - `limit`: too much waits already
 * - `aborted`: its `signal` gave it up; `cause` has the reason
 * - `closed`: the messenger was closed
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
  | "usage";

const RETRIED: readonly MessengerErrorCode[] = ["unknown-user", "gave-up", "limit", "closed"];

export class MessengerError extends Error {
  override name = "MessengerError";
  readonly code: MessengerErrorCode;

  constructor(code: MessengerErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }

  /** Whether the same call, made later, may succeed. */
  get retry(): boolean {
    return RETRIED.includes(this.code);
  }
}
