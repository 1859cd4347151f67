// RFC 9420 doesn't cover this: errors on their way between threads. Class, code and rule stay the same.
import {
  CryptoError,
  DecodeError,
  MlsError,
  type MlsErrorCode,
  UnsupportedError,
  ValidationError,
} from "@copse/core";

/**
 * The worker has ended, or the client was closed. Whether an open call was carried out isn't known. `code` is
 * `closed`.
 * @example
 * ```ts
 * const error = await client.ended;
 * if (error instanceof WorkerError) console.error(error.message, error.cause);
 * ```
 */
export class WorkerError extends MlsError {
  override name = "WorkerError";
  constructor(message: string, options?: { cause?: unknown }) {
    super("closed", message, options);
  }
}

/** Subclasses before their base, so that the first class that matches is the closest. */
const CLASSES = {
  WorkerError,
  ValidationError,
  DecodeError,
  CryptoError,
  UnsupportedError,
  MlsError,
} as const;

/** An error as it is posted. */
export interface PackedError {
  /** `undefined` for an error that isn't an MlsError. */
  readonly type: keyof typeof CLASSES | undefined;
  readonly name: string;
  readonly message: string;
  readonly code?: MlsErrorCode;
  /** The fields of its class, such as `rule`. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly cause?: PackedError;
}

const FIELDS = ["rule", "offset", "proposal", "epoch"] as const;

/** How deep a chain of causes is sent. */
const MAX_CAUSES = 4;

/** The message of an error and the fields of Copse's classes, without the stack and without other properties. */
export function packError(error: unknown, causes = MAX_CAUSES): PackedError {
  if (!(error instanceof Error))
    return { type: undefined, name: "Error", message: String(error), fields: {} };
  const { name, message } = error;
  const cause = error.cause instanceof Error && causes > 0 ? packError(error.cause, causes - 1) : undefined;
  const rest = cause === undefined ? {} : { cause };
  if (!(error instanceof MlsError)) return { type: undefined, name, message, fields: {}, ...rest };
  const types = Object.keys(CLASSES) as (keyof typeof CLASSES)[];
  const type = types.find((one) => error instanceof CLASSES[one]);
  const present = FIELDS.filter((field) => field in error);
  const fields = Object.fromEntries(present.map((field) => [field, Reflect.get(error, field)]));
  return { type, name, message, code: error.code, fields, ...rest };
}

/** The error that was packed, as an instance of the same class on this side. */
export function unpackError({ type, name, message, code, fields, cause }: PackedError): Error {
  const options = cause === undefined ? undefined : { cause: unpackError(cause) };
  if (type === undefined || code === undefined) {
    const error = new Error(message, options);
    error.name = name;
    return error;
  }
  // Calls MlsError's constructor: that of the class would change the message again.
  const error: MlsError = Reflect.construct(MlsError, [code, message, options], CLASSES[type]);
  Object.assign(error, fields);
  // A subclass that a provider defines isn't known on this side. Its name is kept.
  error.name = name;
  return error;
}
