// The errors of Copse: each is an MlsError with a machine-readable code.
import type { Bytes } from "./byte-types.js";

/**
 * The kind of failure that an {@link MlsError} reports. Codes are stable; messages are for people and may change.
 *
 * - `decode`: the bytes are not an encoding of the expected structure (RFC 9420 §2.1)
 * - `encode`: a value does not fit the wire format
 * - `validation`: a well-formed message breaks a rule of the RFC; {@link ValidationError.rule} names it
 * - `crypto`: a primitive refused its input (an invalid point, a wrong tag, a wrong length)
 * - `key-not-extractable`: the provider does not export the bytes of this private key
 * - `unsupported`: the client or its provider does not support the suite, algorithm, version or type
 * - `wrong-group`: the message belongs to another group
 * - `future-epoch`: the message belongs to an epoch that isn't reached yet: keep it, and try again after the next commit
 * - `past-epoch`: the message belongs to an epoch that is over: drop it
 * - `unknown-sender`: the index in the message identifies no member or external sender
 * - `duplicate`: the message was received before, or the Welcome was used before
 * - `forgotten`: the message, or the epoch, is too old: its key is deleted
 * - `proposal-missing`: the commit refers to proposals that weren't received: {@link MlsError.references}
 * - `not-invited`: the Welcome is for none of this client's key packages. `references` are those that it is for
 * - `group-exists`: this client has a group with this ID: {@link MlsError.groupId}
 * - `own-message`: this client sent the message itself
 * - `limit`: a limit of the policy was exceeded (skipped generations, sizes)
 * - `removed`: this client was removed from the group
 * - `closed`: the group ended for this client: by a ReInit, or because the application closed it
 * - `forbidden`: the application's policy forbids the action
 * - `fork`: the message comes from a diverged (forked) group
 * - `pending`: a pending commit or proposals must be merged or discarded first
 * - `missing`: the application did not provide something that is needed (a PSK, a key package, a ratchet tree)
 * - `authentication`: the application's authentication service refused a credential
 * - `state`: the bytes are not a valid saved state, or do not belong to the given keys
 * - `stale-state`: another opener of the storage has changed what the call goes by. Nothing was done: the group is now as
 *   the storage has it; look at it, and call again
 * - `storage`: the storage failed, and nobody knows whether it has the change. The next call reads what is there
 * - `missing-signer`: the client lacks the signer of a leaf: give it to the client, and try again
 * - `try-again`: a hook, a provider or a signer failed, took too long or was aborted. Nothing is decided and nothing
 *   has changed; `cause` says why
 * - `reentrant`: a hook called an operation of its own group, which would wait for itself
 * - `usage`: the arguments of the call are invalid, or it is not allowed now
 */
export type MlsErrorCode =
  | "decode"
  | "encode"
  | "validation"
  | "crypto"
  | "key-not-extractable"
  | "unsupported"
  | "wrong-group"
  | "future-epoch"
  | "past-epoch"
  | "unknown-sender"
  | "duplicate"
  | "forgotten"
  | "proposal-missing"
  | "not-invited"
  | "group-exists"
  | "own-message"
  | "limit"
  | "removed"
  | "closed"
  | "forbidden"
  | "fork"
  | "pending"
  | "missing"
  | "authentication"
  | "state"
  | "stale-state"
  | "storage"
  | "missing-signer"
  | "try-again"
  | "reentrant"
  | "usage";

/** The proposal that an error is about. */
export interface BlamedProposal {
  /** Its index in the list of the commit's proposals, from 0. */
  readonly index: number;
  /** The proposal type: a code point of RFC 9420 §17.4, or of an extension. */
  readonly type: number;
  /** The name of the type, for people. */
  readonly name: string;
  /** Its ProposalRef (§5.2), `Nh` bytes, if it came in a message of its own. */
  readonly reference?: Bytes | undefined;
}

/** What an error knows, besides its code. */
export interface ErrorDetails {
  /** The group that the message, or the call, is about. */
  readonly groupId?: Bytes;
  /** The epoch that the message says it belongs to, or that was asked for. */
  readonly epoch?: bigint;
  /**
   * The leaf index of its sender in that epoch. It is verified with `fork` and `alone`, and if a PrivateMessage has it, which
   * hides it until it is opened.
   */
  readonly sender?: number;
  /**
   * Of a commit: all that any member can check of it is right. What isn't is for this member alone, such as its part of the
   * path: the others may have taken the commit. `sender` is verified then.
   */
  readonly alone?: true;
  /**
   * With `alone`: the epoch that the commit starts for whoever takes it, as {@link PublicGroup.epochContext} shows it. So a
   * GroupInfo can be told that says it is of that epoch and isn't.
   */
  readonly leadsTo?: Bytes;
  /** What is missing: ProposalRefs with `proposal-missing`, KeyPackageRefs with `not-invited` (§5.2). */
  readonly references?: readonly Bytes[];
}

/**
 * Whether the same call may succeed:
 * - `now`: yes, nothing is decided: a hook, a provider or a signer failed
 * - `later`: yes, after something else: the next commit, a proposal, a PSK
 * - `never`
 */
export type Retry = "never" | "later" | "now";

const RETRY: Partial<Record<MlsErrorCode, Retry>> = {
  "try-again": "now",
  "future-epoch": "later",
  "proposal-missing": "later",
  missing: "later",
  "missing-signer": "later",
  pending: "later",
  "group-exists": "later",
  "stale-state": "later",
  storage: "later",
};

/** The errors of all copies of this package have it. */
const BRAND = /* @__PURE__ */ Symbol.for("copse.error");

/**
 * The base class of all errors that Copse throws. It never contains a secret. Those of another copy of this package are its
 * instances, too: a provider that is bundled by itself, or a worker's page, brings one along.
 */
export class MlsError extends Error {
  /** @internal the code that all errors of a class have: those of other copies are told by it */
  static readonly only?: MlsErrorCode;

  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: a subclass, if that is asked
    return isInstance(this, value);
  }

  /** @internal */
  get [BRAND](): true {
    return true;
  }

  // A literal in each class: the names of classes don't survive minification.
  override name = "MlsError";
  readonly code: MlsErrorCode;
  // As in {@link ErrorDetails}
  declare readonly groupId?: Bytes;
  declare readonly epoch?: bigint;
  declare readonly sender?: number;
  declare readonly alone?: true;
  declare readonly leadsTo?: Bytes;
  declare readonly references?: readonly Bytes[];
  /** The proposal that caused the error, if it was one in a list. */
  proposal?: BlamedProposal;

  constructor(code: MlsErrorCode, message: string, options: ErrorDetails & { cause?: unknown } = {}) {
    const { cause, ...details } = options;
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    Object.assign(this, details);
  }

  /** Whether the same call may succeed, by the code. */
  get retry(): Retry {
    return RETRY[this.code] ?? "never";
  }
}

function isInstance(asked: typeof MlsError, value: unknown): boolean {
  const isOurs = asked === MlsError || Object.hasOwn(asked, "only");
  if (!isOurs) return Function.prototype[Symbol.hasInstance].call(asked, value);
  try {
    const { [BRAND]: brand, code } = Object(value);
    return brand === true && (asked.only ?? code) === code;
  } catch {
    // What a hook throws may throw by itself when it is looked at.
    return false;
  }
}

/** Adds what is known about a message to an error that doesn't say it. */
export function withDetails(error: unknown, details: ErrorDetails): unknown {
  return error instanceof MlsError ? Object.assign(error, { ...details, ...error }) : error;
}

/** Whether an error says that the input is bad. What couldn't be decided now is no verdict, nor is a defect. */
export function isVerdict(error: unknown): boolean {
  return error instanceof MlsError && error.code !== "try-again" && error.code !== "reentrant";
}

/** The bytes are not an encoding of the expected structure. `offset` is the position, in bytes from the start. */
export class DecodeError extends MlsError {
  /** @internal */
  static override readonly only = "decode";
  override name = "DecodeError";
  readonly offset: number;

  constructor(message: string, offset: number) {
    super("decode", `${message} (at byte ${offset})`);
    this.offset = offset;
  }
}

/** A primitive refused its input. For invalid input, a provider throws only this class or a subclass. */
export class CryptoError extends MlsError {
  /** @internal */
  static override readonly only = "crypto";
  override name = "CryptoError";
  constructor(message: string, options?: { cause?: unknown }) {
    super("crypto", message, options);
  }
}

/** The client or its provider does not support a suite, algorithm, version or type. */
export class UnsupportedError extends MlsError {
  /** @internal */
  static override readonly only = "unsupported";
  override name = "UnsupportedError";
  constructor(message: string, options?: { cause?: unknown }) {
    super("unsupported", message, options);
  }
}

/**
 * A rule of RFC 9420: its section and what it requires, as in `12.2: a commit must not remove its committer`. For a
 * rule of an Internet-Draft, the draft's name and section replace the section.
 */
export type Rule = `${number}${string}: ${string}` | `draft-${string}: ${string}`;

/** A well-formed message or request breaks a rule of the RFC or of an extension. */
export class ValidationError extends MlsError {
  /** @internal */
  static override readonly only = "validation";
  override name = "ValidationError";
  readonly rule: Rule;

  constructor(rule: Rule, detail = "") {
    const source = /^\d/.test(rule) ? "RFC 9420 §" : "";
    super("validation", `${detail === "" ? "" : `${detail}; `}${source}${rule}`);
    this.rule = rule;
  }
}

/**
 * Checks a rule.
 * @param detail what was expected and what came; never a secret
 * @throws ValidationError with `rule` if `holds` is false
 */
export function ensure(holds: boolean, rule: Rule, detail?: string | (() => string)): asserts holds {
  if (!holds) throw new ValidationError(rule, typeof detail === "function" ? detail() : detail);
}

/**
 * Reads a part of a saved state when it is first asked for. Its digest was right: what fails was written by somebody else.
 * @throws MlsError `state`
 */
export function inSavedState<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new MlsError("state", "invalid saved state", { cause });
  }
}
