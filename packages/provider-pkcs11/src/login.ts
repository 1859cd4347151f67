// PKCS#11 v2.40 §5.6: logging in, so that no wrong PIN is ever tried twice and no token is locked by it.
import type { Awaitable } from "@copse/core/provider";
import { MlsError } from "@copse/core/provider";
import {
  CKF_USER_PIN_COUNT_LOW,
  CKF_USER_PIN_FINAL_TRY,
  CKF_USER_PIN_INITIALIZED,
  CKF_USER_PIN_LOCKED,
  CKS_RW_USER_FUNCTIONS,
  CKU_USER,
  type Cryptoki,
  type Handle,
  type TokenInfo,
} from "./cryptoki.js";
import {
  answerOf,
  CKR_PIN_EXPIRED,
  CKR_PIN_INCORRECT,
  CKR_PIN_INVALID,
  CKR_PIN_LEN_RANGE,
  CKR_PIN_LOCKED,
  CKR_USER_ALREADY_LOGGED_IN,
  TokenError,
} from "./errors.js";

/** How to log in. */
export interface LoginOptions {
  readonly pin: string | (() => Awaitable<string>);
  /** Whether to try even if one more wrong PIN would lock the token. */
  readonly allowFinalTry: boolean;
  /** A digest under a key of this process's own, by which a refused PIN is known again. */
  digest(text: string): Awaitable<Uint8Array>;
}

const REFUSALS: ReadonlySet<number | undefined> = new Set([
  CKR_PIN_INCORRECT,
  CKR_PIN_INVALID,
  CKR_PIN_LEN_RANGE,
  CKR_PIN_EXPIRED,
  CKR_PIN_LOCKED,
]);

/** Digests of the PINs that tokens refused in this process. */
const refused = new Set<string>();

/**
 * Logs in with at most one attempt. If the process is logged in to the token already, the PIN isn't needed,
 * and isn't asked for.
 * @param isUnique whether no other token says the same of itself: then a refusal counts in every slot, otherwise in this one
 * @throws TokenError if the token refuses, or the PIN must not be tried; MlsError `usage` if there is no PIN
 */
export async function login(
  cryptoki: Cryptoki,
  slot: Handle,
  session: Handle,
  options: LoginOptions,
  isUnique: boolean,
): Promise<void> {
  if (cryptoki.C_GetSessionInfo(session).state === CKS_RW_USER_FUNCTIONS) return;
  const info = cryptoki.C_GetTokenInfo(slot);
  const name = nameOf(info);
  expectTries(info, options);

  const pin = typeof options.pin === "string" ? options.pin : await options.pin();
  if (typeof pin !== "string" || pin === "") throw new MlsError("usage", `${name} needs a PIN`);
  // A token that is alone now may have been refused it beside a twin, in this slot, and one with a twin when it was alone.
  // What another slot's twin was refused doesn't count here. What says other things of itself, such as another serial
  // number, shares no trace, though it be in the same slot.
  const here = `slot ${slot.toString("hex")}`;
  const [inSlot, alone] = await Promise.all([
    traceOf(info, here, pin, options),
    traceOf(info, "", pin, options),
  ]);
  // From here to the memory of a refusal nothing is awaited, so that no other call tries the same PIN, or the last try.
  expectTries(cryptoki.C_GetTokenInfo(slot), options);
  if (refused.has(inSlot) || refused.has(alone)) {
    throw new TokenError(`${name} refused this PIN before, so it isn't tried again`, {
      ckr: "CKR_PIN_INCORRECT",
    });
  }
  const trace = isUnique ? alone : inSlot;
  try {
    cryptoki.C_Login(session, CKU_USER, pin);
  } catch (error) {
    const answer = answerOf(error);
    if (answer?.code === CKR_USER_ALREADY_LOGGED_IN) return;
    const outlook = outlookOf(cryptoki, slot);
    if (!REFUSALS.has(answer?.code)) {
      // Not the PIN's fault, unless the token has counted it.
      if (outlook !== "") refused.add(trace);
      throw error;
    }
    refused.add(trace);
    throw new TokenError(`${name} refused the PIN (${answer?.ckr})${outlook}; it isn't tried again`, {
      ckr: answer?.ckr,
    });
  }
}

const nameOf = ({ label }: TokenInfo): string => `the token "${label.trim()}"`;

/** @throws TokenError unless a PIN may be tried */
function expectTries(info: TokenInfo, { allowFinalTry }: LoginOptions): void {
  const { flags } = info;
  if ((flags & CKF_USER_PIN_INITIALIZED) === 0) {
    throw new TokenError(`${nameOf(info)} has no user PIN yet; set one first`);
  }
  if (flags & CKF_USER_PIN_LOCKED) {
    throw new TokenError(
      `the PIN of ${nameOf(info)} is locked; it must be unlocked with the security officer's`,
      { ckr: "CKR_PIN_LOCKED" },
    );
  }
  if (flags & CKF_USER_PIN_FINAL_TRY && !allowFinalTry) {
    throw new TokenError(
      `one more wrong PIN locks ${nameOf(info)}, so none is tried; log in once by other means, or allow the final try`,
    );
  }
}

async function traceOf(
  info: TokenInfo,
  place: string,
  pin: string,
  { digest }: LoginOptions,
): Promise<string> {
  const { manufacturerID, model, serialNumber, label } = info;
  const bytes = await digest(JSON.stringify([manufacturerID, model, serialNumber, label, place, pin]));
  return Buffer.from(bytes).toString("hex");
}

/** The attempts left, as the token reports them. */
function outlookOf(cryptoki: Cryptoki, slot: Handle): string {
  try {
    const { flags } = cryptoki.C_GetTokenInfo(slot);
    if (flags & CKF_USER_PIN_LOCKED) return " and is locked now";
    if (flags & CKF_USER_PIN_FINAL_TRY) return " and locks at the next wrong one";
    if (flags & CKF_USER_PIN_COUNT_LOW) return " and counts wrong ones";
  } catch {
    // The token doesn't report it.
  }
  return "";
}
