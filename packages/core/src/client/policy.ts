// RFC 9420 §7.2, §15: the policy of a client.
import { MlsError } from "../errors.js";
import { type AuthenticationService, DEFAULT_POLICY, type Policy } from "../group/index.js";

/** The policy with its defaults. @throws MlsError `usage` */
export function policyOf(chosen: Partial<Policy> = {}): Policy {
  const given = Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== undefined));
  const policy: Policy = { ...DEFAULT_POLICY, ...given };
  if (policy.handshake !== "private" && policy.handshake !== "public") {
    throw new MlsError("usage", 'policy.handshake must be "private" or "public"');
  }
  return policy;
}

/** @throws MlsError `usage` without an authentication service: JavaScript callers have no types to tell them */
export function needAuthentication(service: AuthenticationService | undefined): void {
  if (typeof service?.validate === "function") return;
  throw new MlsError("usage", "an authentication service is needed: it decides whose credentials are true");
}
