// RFC 9420 §5.3.1: the authentication service, which the application provides.
import { MlsError } from "../errors.js";
import type { Awaitable } from "../provider/index.js";
import type { Credential, LeafNode } from "../wire/index.js";

/** The argument of {@link AuthenticationService.validate}. */
export interface CredentialClaim {
  readonly credential: Credential;
  /** `Npk` bytes */
  readonly signatureKey: Uint8Array;
  readonly groupId?: Uint8Array | undefined;
  /** The credential that this one replaces. It must be a valid successor (§5.3.1). */
  readonly replaces?: Credential | undefined;
}

/** The authentication service (§5.3.1): it decides whether a credential belongs to the holder of a signature key. */
export interface AuthenticationService {
  /** Returns whether the claim is true. A thrown error refuses it too. */
  validate(claim: CredentialClaim): Awaitable<boolean>;
  /** Returns whether two credentials belong to one client, when a group is resumed (§11). Default: equal bytes. */
  sameClient?(a: Credential, b: Credential): boolean;
}

/**
 * Accepts every claim, so anybody can use any name. For tests and demonstrations only: without authentication, the
 * operator of the server can read and change everything.
 * @example
 * const client = await Client.create({ crypto, credential: "alice", authentication: insecureAcceptAll() });
 */
export function insecureAcceptAll(): AuthenticationService {
  return { validate: () => true };
}

/** @throws MlsError `usage` without an authentication service: JavaScript callers have no type checker */
export function needAuthentication(service: AuthenticationService | undefined): void {
  if (typeof service?.validate === "function") return;
  throw new MlsError("usage", "expected an authentication service with a method `validate`");
}

/** §5.3.1: asks the application to validate a leaf node's credential. @throws MlsError `authentication` */
export async function authenticate(
  { authentication }: { readonly authentication: AuthenticationService },
  groupId: Uint8Array | undefined,
  { credential, signatureKey }: Pick<LeafNode, "credential" | "signatureKey">,
  replaces?: Credential,
): Promise<void> {
  let valid: boolean;
  try {
    const answer = authentication.validate({ credential, signatureKey, groupId, replaces });
    valid = typeof answer === "boolean" ? answer : await answer;
  } catch (cause) {
    throw new MlsError("authentication", "the authentication service refused a credential", { cause });
  }
  if (valid !== true) throw new MlsError("authentication", "the authentication service refused a credential");
}
