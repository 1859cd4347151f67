// RFC 9420 has nothing of this: errors on their way between threads, of the same class, code and rule on both sides.
import {
  CryptoError,
  DecodeError,
  MlsError,
  type MlsErrorCode,
  UnsupportedError,
  ValidationError,
} from "@copse/core";

/** The worker is gone, or its client was closed: nothing was heard of what was asked. `code` is `closed`. */
export class WorkerError extends MlsError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("closed", message, options);
  }
}

/** From the most special on, so that the first that fits is the closest. */
const CLASSES = {
  WorkerError,
  ValidationError,
  DecodeError,
  CryptoError,
  UnsupportedError,
  MlsError,
} as const;

/** An error as it is sent. */
export interface PackedError {
  /** None for an error that isn't one of Copse's. */
  readonly type: keyof typeof CLASSES | undefined;
  readonly name: string;
  readonly message: string;
  readonly code?: MlsErrorCode;
  /** The fields of its class, such as `rule`. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly cause?: PackedError;
}

const FIELDS = ["rule", "offset", "proposal"] as const;

/** How many causes of causes are sent. */
const DEPTH = 4;

/** An error's message and what Copse's errors say beyond it; no stack, and nothing that others have added. */
export function packError(error: unknown, depth = DEPTH): PackedError {
  if (!(error instanceof Error))
    return { type: undefined, name: "Error", message: String(error), fields: {} };
  const { name, message } = error;
  const cause = error.cause instanceof Error && depth > 0 ? packError(error.cause, depth - 1) : undefined;
  const rest = cause === undefined ? {} : { cause };
  if (!(error instanceof MlsError)) return { type: undefined, name, message, fields: {}, ...rest };
  const types = Object.keys(CLASSES) as (keyof typeof CLASSES)[];
  const type = types.find((one) => error instanceof CLASSES[one]);
  const fields: Record<string, unknown> = {};
  for (const field of FIELDS) if (field in error) fields[field] = (error as unknown as typeof fields)[field];
  return { type, name, message, code: error.code, fields, ...rest };
}

/** The error that was packed, as one of this side. */
export function unpackError({ type, name, message, code, fields, cause }: PackedError): Error {
  const options = cause === undefined ? undefined : { cause: unpackError(cause) };
  if (type === undefined || code === undefined) {
    const error = new Error(message, options);
    error.name = name;
    return error;
  }
  // Its class's own constructor would put the message together anew.
  const error: MlsError = Reflect.construct(MlsError, [code, message, options], CLASSES[type]);
  Object.assign(error, fields);
  // A provider's own subclass isn't known here, but its name is.
  error.name = name;
  return error;
}
