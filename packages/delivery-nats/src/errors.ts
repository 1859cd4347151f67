// What NATS answers, as errors of a delivery service.
import { DeliveryError } from "@copse/delivery/service";
import { JetStreamApiCodes, JetStreamApiError, JetStreamError } from "@nats-io/jetstream";
import { errors } from "@nats-io/nats-core";

/** Codes of JetStream's errors. The client library has names for a few alone. */
const WRONG_LAST_SEQUENCE: readonly number[] = [
  JetStreamApiCodes.StreamWrongLastSequence,
  JetStreamApiCodes.StreamWrongLastSequenceUnknown,
];
const NO_MESSAGE: readonly number[] = [JetStreamApiCodes.NoMessageFound, 10043, 10057];
/** Servers since 2.11 say this; those before acknowledge it at sequence 0. */
const ON_ITS_WAY: readonly number[] = [10158];
const TOO_MANY_CONSUMERS: readonly number[] = [10026];
const NAME_IN_USE: readonly number[] = [10058];
/** Too large, or the stream, the account or the server keeps no more. */
const FULL: readonly number[] = [10002, 10023, 10028, 10047, 10054, 10077];

const isApiError = (error: unknown, codes: readonly number[]): boolean =>
  error instanceof JetStreamApiError && codes.includes(error.code);

/** Whether something else is the last on the subject than was expected. */
export const isWrongLastSequence = (error: unknown): boolean => isApiError(error, WRONG_LAST_SEQUENCE);

/** Whether a message of the same ID is being stored. */
export const isOnItsWay = (error: unknown): boolean => isApiError(error, ON_ITS_WAY);

/** Whether a stream of this name is there, with other settings. */
export const isNameInUse = (error: unknown): boolean => isApiError(error, NAME_IN_USE);

/** Whether a message isn't there, or not any more. */
export const isNoMessage = (error: unknown): boolean => isApiError(error, NO_MESSAGE);

/** Lost connections, no responders, no leader, timeouts, and what servers of other versions may say. */
function isOfNats(error: unknown): boolean {
  if (error instanceof JetStreamError || error instanceof JetStreamApiError) return true;
  return Object.values(errors).some((kind) => error instanceof kind);
}

const text = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** The error that the caller of a service gets for one of NATS. */
export function asDeliveryError(error: unknown): unknown {
  if (error instanceof DeliveryError) return error;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (error instanceof errors.PermissionViolationError || cause instanceof errors.PermissionViolationError)
    return new DeliveryError("forbidden", `NATS does not let this client do this: ${text(cause)}`, {
      cause: error,
    });
  if (error instanceof errors.AuthorizationError || error instanceof errors.UserAuthenticationExpiredError)
    return new DeliveryError("forbidden", `NATS does not let this client in: ${text(error)}`, {
      cause: error,
    });
  if (error instanceof errors.InvalidArgumentError)
    return new DeliveryError("limit", `NATS takes no message of this size: ${text(error)}`, { cause: error });
  if (isApiError(error, FULL))
    return new DeliveryError("limit", `NATS keeps no more: ${text(error)}`, { cause: error });
  if (isApiError(error, [JetStreamApiCodes.StreamNotFound]))
    return new DeliveryError(
      "unavailable",
      "NATS does not have the streams of this service (now): prepareNats makes them",
      {
        cause: error,
      },
    );
  // The library doesn't export this class.
  if (error instanceof Error && error.name === "JetStreamNotEnabled")
    return new DeliveryError(
      "unavailable",
      "no server of NATS serves JetStream (now): start it with -js, or wait until it is ready",
      { cause: error },
    );
  if (isApiError(error, TOO_MANY_CONSUMERS))
    return new DeliveryError(
      "unavailable",
      "NATS lets this service have no more consumers (now): call prepareNats again, or see the account's limit",
      { cause: error },
    );
  if (!isOfNats(error)) return error;
  return new DeliveryError("unavailable", `NATS has not answered: ${text(error)}`, { cause: error });
}
