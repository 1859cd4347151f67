// RFC 9420 §5.3.1: the Authentication Service, which the application provides.
import { MlsError } from "../errors.js";
import type { Awaitable } from "../provider/index.js";
import type { Credential, LeafNode } from "../wire/index.js";

/** What an authentication service is asked. */
export interface CredentialClaim {
  readonly credential: Credential;
  /** `Npk` bytes */
  readonly signatureKey: Uint8Array;
  readonly groupId?: Uint8Array | undefined;
  /** The credential that this one replaces, of which it must be a valid successor (§5.3.1). */
  readonly replaces?: Credential | undefined;
}

/**
 * The application's Authentication Service (§5.3.1). It alone knows whether a credential belongs to the holder of
 * a signature key.
 */
export interface AuthenticationService {
  /** Whether the claim is true. An error thrown here refuses it too. */
  validate(claim: CredentialClaim): Awaitable<boolean>;
  /**
   * Whether two credentials belong to one client, when a group is resumed (§11.2, §11.3). Default: equal bytes.
   */
  sameClient?(a: Credential, b: Credential): boolean;
}

/**
 * Accepts every claim: anybody may take any name. For tests and demonstrations only. Without authentication,
 * end-to-end encryption protects nobody against whoever runs the server.
 *
 * @example
 * const client = await Client.create({ crypto, credential: "alice", authentication: insecureAcceptAll() });
 */
export function insecureAcceptAll(): AuthenticationService {
  return { validate: () => true };
}

/** @throws MlsError `usage` without an authentication service: JavaScript callers have no type checker */
export function needAuthentication(service: AuthenticationService | undefined): void {
  if (typeof service?.validate === "function") return;
  throw new MlsError("usage", "an authentication service is needed: it decides which credentials are valid");
}

/** §5.3.1: asks the application whether a leaf node's credential is true. @throws MlsError `authentication` */
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
