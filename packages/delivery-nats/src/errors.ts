// What NATS answers, as errors of a delivery service.
import { DeliveryError } from "@copse/delivery/service";
import { JetStreamApiCodes, type JetStreamApiError } from "@nats-io/jetstream";

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

const FEW_SERVERS: readonly number[] = [10074];

/** Goes by the name, not by the class: an application's connection may be of another copy of the client library. */
const isNamed = (error: unknown, ...names: readonly string[]): error is Error =>
  error instanceof Error && names.includes(error.name);

/** Those that servers answer with: the library has classes of their own for some. */
const isOfApi = (error: unknown): error is JetStreamApiError =>
  isNamed(error, "JetStreamApiError", "StreamNotFoundError", "ConsumerNotFoundError");

const isApiError = (error: unknown, codes: readonly number[]): boolean =>
  isOfApi(error) && codes.includes(error.code);

/** Whether JetStream refuses settings for another reason than that a stream has others. */
export const isRefusal = (error: unknown): boolean => isOfApi(error) && !isNameInUse(error);

export const isTimeout = (error: unknown): boolean => isNamed(error, "TimeoutError");

/** Whether something else is the last on the subject than was expected. */
export const isWrongLastSequence = (error: unknown): boolean => isApiError(error, WRONG_LAST_SEQUENCE);

/** Whether a message of the same ID is being stored. */
export const isOnItsWay = (error: unknown): boolean => isApiError(error, ON_ITS_WAY);

/** Whether a stream of this name is there, with other settings. */
export const isNameInUse = (error: unknown): boolean => isApiError(error, NAME_IN_USE);

/** Whether a message isn't there, or not any more. */
export const isNoMessage = (error: unknown): boolean => isApiError(error, NO_MESSAGE);

/** Lost connections, no responders, no leader, timeouts, and what servers of other versions may say. */
const isOfNats = (error: unknown): boolean =>
  isOfApi(error) ||
  isNamed(
    error,
    ...["JetStreamError", "JetStreamStatusError", "ClosedConnectionError", "ConnectionError"],
    ...["DrainingConnectionError", "InvalidOperationError", "InvalidSubjectError", "NoResponders"],
    ...["ProtocolError", "RequestError", "TimeoutError"],
  );

const text = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** The error that the caller of a service gets for one of NATS. */
export function asDeliveryError(error: unknown): unknown {
  if (error instanceof DeliveryError) return error;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (isNamed(error, "PermissionViolationError") || isNamed(cause, "PermissionViolationError"))
    return new DeliveryError("forbidden", `NATS does not let this client do this: ${text(cause)}`, {
      cause: error,
    });
  if (isNamed(error, "AuthorizationError", "UserAuthenticationExpiredError"))
    return new DeliveryError("forbidden", `NATS does not let this client in: ${text(error)}`, {
      cause: error,
    });
  if (isNamed(error, "InvalidArgumentError"))
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
  if (isApiError(error, FEW_SERVERS))
    return new DeliveryError("limit", `replicas: NATS has fewer servers: ${text(error)}`, { cause: error });
  if (isNamed(error, "JetStreamNotEnabled"))
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
