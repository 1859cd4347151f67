// The errors of Copse: every failure is an MlsError with a machine-readable code.

/**
 * What kind of failure an {@link MlsError} reports. Codes are stable; messages are for people.
 *
 * - `decode`: bytes that are no encoding of the expected structure (RFC 9420 §2.1)
 * - `encode`: a value that the wire format can't hold
 * - `validation`: a well-formed message that breaks a rule of the RFC; {@link ValidationError.rule} names it
 * - `crypto`: a primitive refused its input (a bad point, a wrong tag, a wrong length)
 * - `key-not-extractable`: the backend doesn't give this private key's bytes away
 * - `unsupported`: a suite, algorithm, version or type that this client or backend doesn't have
 * - `wrong-group`, `wrong-epoch`: the message belongs to another group, or to an epoch this client isn't in
 * - `unknown-sender`: no member (or external sender) is at the index the message names
 * - `consumed`: the message's key is gone: it was used before, or the message is too old
 * - `own-message`: a message that this client sent itself came back
 * - `limit`: a bound of the policy was passed (generations skipped, sizes)
 * - `removed`: this client is no longer a member of the group
 * - `closed`: the group is over for this client: it was reinitialized, or closed
 * - `forbidden`: the application's policy doesn't permit it
 * - `fork`: the message belongs to another course of the group's history than this client's
 * - `pending`: the operation must wait for, or first drop, a pending commit or proposals
 * - `missing`: something the application must provide is not there (a PSK, a key package, a ratchet tree)
 * - `authentication`: the application's authentication service refused a credential
 * - `state`: bytes that are no saved state, or a state that can't be bound to the given keys
 * - `usage`: the call itself is wrong
 */
export type MlsErrorCode =
  | "decode"
  | "encode"
  | "validation"
  | "crypto"
  | "key-not-extractable"
  | "unsupported"
  | "wrong-group"
  | "wrong-epoch"
  | "unknown-sender"
  | "consumed"
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
  | "usage";

/** Which proposal an error is about. */
export interface BlamedProposal {
  /** Its place in the list that was to be committed, from 0. */
  readonly index: number;
  /** RFC 9420 §17.4 */
  readonly type: number;
  readonly name: string;
  /** Its ProposalRef (§5.2), if it was sent by itself. */
  readonly reference?: Uint8Array | undefined;
}

/** The one base of all errors that Copse throws on purpose. Never carries a secret. */
export class MlsError extends Error {
  readonly code: MlsErrorCode;
  /** The proposal that is to blame, where it is one of several. */
  proposal?: BlamedProposal;

  constructor(code: MlsErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** Bytes that are no encoding of the expected structure. `offset` is where, in bytes from the start. */
export class DecodeError extends MlsError {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super("decode", `${message} (at byte ${offset})`);
    this.offset = offset;
  }
}

/** A primitive refused its input. Providers throw this (or a subclass), and nothing else, for bad input. */
export class CryptoError extends MlsError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("crypto", message, options);
  }
}

/** A suite, algorithm, version or type that isn't available here. */
export class UnsupportedError extends MlsError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("unsupported", message, options);
  }
}

/**
 * A rule of RFC 9420: its section, and what it asks for, as in `12.2: a commit must not remove its committer`. Of
 * an Internet-Draft: its name and section instead.
 */
export type Rule = `${number}${string}: ${string}` | `draft-${string}: ${string}`;

/** A well-formed message or request that breaks a rule of the RFC, or of an extension. */
export class ValidationError extends MlsError {
  readonly rule: Rule;

  constructor(rule: Rule, detail = "") {
    const source = /^\d/.test(rule) ? "RFC 9420 §" : "";
    super("validation", `${detail === "" ? "" : `${detail}; `}${source}${rule}`);
    this.rule = rule;
  }
}

/** @throws ValidationError naming `rule`, unless `holds`. `detail` says what came, never a secret. */
export function ensure(holds: boolean, rule: Rule, detail?: string | (() => string)): asserts holds {
  if (!holds) throw new ValidationError(rule, typeof detail === "function" ? detail() : detail);
}
