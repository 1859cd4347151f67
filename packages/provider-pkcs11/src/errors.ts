// PKCS#11 v2.40 §5.1: a token's failures as CryptoErrors, the only ones that the interface allows.
import { CryptoError, MlsError } from "@copse/core/provider";

/**
 * A token refused, failed, or isn't there. Its code is `crypto`. The message names the PKCS#11 function and
 * its answer, and never holds a PIN.
 */
export class TokenError extends CryptoError {
  override name = "TokenError";
  /** The token's answer, as in `CKR_PIN_INCORRECT`; undefined if there was none. */
  readonly ckr: string | undefined;
  /** Whether the session or the token was lost: a later call tries to find it again. */
  readonly lost: boolean;
  /** Whether the token says that it has no room left (`CKR_DEVICE_MEMORY`). */
  readonly full: boolean;

  constructor(message: string, answer: { readonly ckr?: string | undefined; readonly lost?: boolean } = {}) {
    super(message);
    this.ckr = answer.ckr;
    this.lost = answer.lost ?? false;
    this.full = answer.ckr === "CKR_DEVICE_MEMORY";
  }
}

/** Answers after which the library may have been finalised, and initialised anew by somebody else. */
const RESTARTED: ReadonlySet<string | undefined> = new Set([
  "CKR_SESSION_CLOSED",
  "CKR_SESSION_HANDLE_INVALID",
  "CKR_USER_NOT_LOGGED_IN",
  "CKR_CRYPTOKI_NOT_INITIALIZED",
]);

/** Whether an error leaves it open who has initialised the library as it is now. */
export function mayBeRestarted({ lost, ckr }: TokenError): boolean {
  return lost && (ckr === undefined || RESTARTED.has(ckr));
}

const GONE: Readonly<Record<number, string>> = {
  3: "was removed",
  48: "no longer answers",
  50: "was removed",
  176: "lost its session",
  179: "lost its session",
  224: "was removed",
  225: "was removed",
  257: "lost its login",
  400: "lost its session",
};

const RESOURCES: Readonly<Record<string, string>> = {
  CKR_DEVICE_MEMORY:
    "is full (CKR_DEVICE_MEMORY): delete keys that nothing needs, with sweep() or destroyKey()",
};

export const CKR_CANT_LOCK = 0xa;
export const CKR_KEY_HANDLE_INVALID = 0x60;
export const CKR_OBJECT_HANDLE_INVALID = 0x82;
export const CKR_PIN_INCORRECT = 0xa0;
export const CKR_PIN_INVALID = 0xa1;
export const CKR_PIN_LEN_RANGE = 0xa2;
export const CKR_PIN_EXPIRED = 0xa3;
export const CKR_PIN_LOCKED = 0xa4;
export const CKR_SESSION_COUNT = 0xb1;
export const CKR_USER_ALREADY_LOGGED_IN = 0x100;
export const CKR_CRYPTOKI_NOT_INITIALIZED = 0x190;
export const CKR_CRYPTOKI_ALREADY_INITIALIZED = 0x191;

/** An answer of the library's other than CKR_OK, as pkcs11js throws it; undefined for other errors. */
export function answerOf(error: unknown): { readonly code: number; readonly ckr: string } | undefined {
  if (!(error instanceof Error)) return undefined;
  const [, ckr, digits] = /(CKR_\w+)(?::(\d+))?/.exec(error.message) ?? [];
  // Most of pkcs11js's functions give the number as the error's code, some leave it in the message.
  const code = (error as { code?: unknown }).code ?? Number(digits);
  return typeof code === "number" && ckr !== undefined ? { code, ckr } : undefined;
}

/**
 * The error for a failed call to the token. The library's own error isn't kept as the cause, because it may
 * contain secrets.
 */
export function tokenError(token: string, what: string, error: unknown): MlsError {
  if (error instanceof MlsError) return error;
  const answer = answerOf(error);
  if (answer === undefined) return new TokenError(`${what}: the PKCS#11 library failed`);
  const { code, ckr } = answer;
  const gone = GONE[code];
  return gone === undefined
    ? new TokenError(`${what}: the token "${token}" ${RESOURCES[ckr] ?? `refused (${ckr})`}`, { ckr })
    : new TokenError(`${what}: the token "${token}" ${gone} (${ckr}); a later call looks for it again`, {
        ckr,
        lost: true,
      });
}
