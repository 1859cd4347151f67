// RFC 9420 doesn't cover this: errors on their way between threads. Class, code and rule stay the same.
import {
  CryptoError,
  DecodeError,
  MlsError,
  type MlsErrorCode,
  type Outcome,
  UnsupportedError,
  ValidationError,
} from "@copse/core";
import {
  anything,
  bytes,
  count,
  either,
  list,
  literal,
  optional,
  ownValue,
  record,
  type Shape,
  type ShapeOf,
  text,
  uint64,
} from "./schema.js";

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
const CLASSES: ReadonlyMap<string, typeof MlsError> = /* @__PURE__ */ new Map<string, never>(
  Object.entries({
    WorkerError,
    ValidationError,
    DecodeError,
    CryptoError,
    UnsupportedError,
    MlsError,
  }) as never,
);

/** The fields of Copse's errors, besides their code. */
const FIELDS = /* @__PURE__ */ {
  rule: optional(text),
  offset: optional(count),
  groupId: optional(bytes),
  epoch: optional(uint64),
  sender: optional(count),
  alone: optional(/* @__PURE__ */ literal(true)),
  leadsTo: optional(bytes),
  references: optional(/* @__PURE__ */ list(bytes)),
  proposal: optional(
    /* @__PURE__ */ record({ index: count, type: count, name: text, reference: optional(bytes) }),
  ),
};
const Fields = /* @__PURE__ */ record(FIELDS);
type Fields = ShapeOf<typeof Fields>;

/** An error as it is posted: text and numbers, which can always be cloned. */
export interface PackedError {
  /** The name of its class; `undefined` for an error that isn't an MlsError. */
  readonly type?: string | undefined;
  readonly name: string;
  readonly message: string;
  readonly code?: string | undefined;
  readonly fields?: Fields | undefined;
  readonly cause?: PackedError | undefined;
}

/** How deep a chain of causes is sent. */
const MAX_CAUSES = 4;

const PackedErrorOf = (causes: number): Shape<PackedError> =>
  record({
    type: optional(text),
    name: text,
    message: text,
    code: optional(text),
    fields: optional(Fields),
    cause: optional(
      causes === 0 ? (value): value is never => value === undefined : PackedErrorOf(causes - 1),
    ),
  });
export const PackedError: Shape<PackedError> = /* @__PURE__ */ PackedErrorOf(MAX_CAUSES);

/** The message of whatever was thrown, and the fields of Copse's classes, without the stack and other properties. */
export function packError(thrown: unknown, causes = MAX_CAUSES): PackedError {
  const name = read(thrown, "name", text) ?? "Error";
  const message = thrown instanceof Error ? read(thrown, "message", text) : words(thrown);
  const inner = read(thrown, "cause", (value): value is Error => value instanceof Error);
  const cause = inner === undefined || causes === 0 ? undefined : packError(inner, causes - 1);
  const packed = { name, message: message ?? "an error without a message", cause };
  if (!(thrown instanceof MlsError)) return packed;
  const [type] = [...CLASSES].find(([, one]) => thrown instanceof one) ?? [];
  const fields: Fields = {
    rule: read(thrown, "rule", text),
    offset: read(thrown, "offset", count),
    groupId: read(thrown, "groupId", bytes),
    epoch: read(thrown, "epoch", uint64),
    sender: read(thrown, "sender", count),
    alone: read(thrown, "alone", literal(true)),
    leadsTo: read(thrown, "leadsTo", bytes),
    references: read(thrown, "references", list(bytes)),
    proposal: read(thrown, "proposal", (value): value is NonNullable<Fields["proposal"]> =>
      Fields({ proposal: value }),
    ),
  };
  return { ...packed, type, code: read(thrown, "code", text), fields };
}

/** A property with the right shape; `undefined` otherwise, and if reading it throws. */
function read<T>(thrown: unknown, name: string, shape: Shape<T>): T | undefined {
  try {
    const value: unknown = (thrown as Record<string, unknown> | null | undefined)?.[name];
    return shape(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What was thrown and isn't an error, in words. */
function words(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return `a thrown ${typeof thrown}`;
  }
}

/** The error that was packed, as an instance of the same class on this side. */
export function unpackError({ type, name, message, code, fields = {}, cause }: PackedError): Error {
  const options = cause === undefined ? undefined : { cause: unpackError(cause) };
  const known = type === undefined ? undefined : CLASSES.get(type);
  if (known === undefined || code === undefined) {
    const error = new Error(message, options);
    error.name = name;
    return error;
  }
  // Calls MlsError's constructor: that of the class would change the message again.
  const error: MlsError = Reflect.construct(MlsError, [code as MlsErrorCode, message, options], known);
  // By name: the other side may have sent any property, `__proto__` too.
  for (const field of Object.keys(FIELDS)) {
    const value = ownValue(fields, field);
    if (value !== undefined) Object.assign(error, { [field]: value });
  }
  // A subclass that a provider defines isn't known on this side. Its name is kept.
  error.name = name;
  return error;
}

const Settled = /* @__PURE__ */ list(
  either(
    /* @__PURE__ */ record({ status: /* @__PURE__ */ literal("fulfilled"), value: anything }),
    /* @__PURE__ */ record({ status: /* @__PURE__ */ literal("rejected"), reason: PackedError }),
  ),
);

/** What `Promise.allSettled` says, as it is posted. */
export function packSettled(results: readonly Outcome<unknown>[]): ShapeOf<typeof Settled> {
  return results.map((one) =>
    one.status === "fulfilled" ? one : { status: one.status, reason: packError(one.reason) },
  );
}

/** The same on this side; `undefined` for anything else. */
export function unpackSettled(value: unknown): PromiseSettledResult<unknown>[] | undefined {
  if (!Settled(value)) return undefined;
  return value.map((one) =>
    one.status === "fulfilled"
      ? { status: one.status, value: one.value }
      : { status: one.status, reason: unpackError(one.reason) },
  );
}
