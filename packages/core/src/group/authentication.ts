// RFC 9420 §5.3.1, §12.2: the authentication service, which the application provides.
import { type Bytes, copied, type Owned } from "../bytes.js";
import { validateSignatureKey } from "../crypto/index.js";
import { MlsError } from "../errors.js";
import { type Awaitable, type CipherSuiteProvider, chain } from "../provider/index.js";
import { type Credential, type ExternalSender, isBasicCredential } from "../wire/index.js";
import { sameCredential, sameIdentity } from "./member.js";

/** Somebody: a member, a new member, or an external sender. */
export interface Identity {
  readonly credential: Owned<Credential>;
  /** `Npk` bytes */
  readonly signatureKey: Bytes;
}

/** The parts of a leaf node or an external sender that say whose it is. */
type Identified = Pick<ExternalSender, "credential" | "signatureKey">;

/** The argument of {@link AuthenticationService.validate}. */
export interface CredentialClaim extends Identity {
  /** `undefined` for a key package that is read ({@link Client.readKeyPackage}): it isn't for a group yet. */
  readonly groupId: Bytes | undefined;
  /** An `external-sender` (§12.1.8.1) may propose changes to the group, but isn't a member of it. */
  readonly role: "member" | "external-sender";
}

/** The argument of {@link AuthenticationService.isSuccessor}. */
export interface Succession {
  /** Whose leaf it is. */
  readonly old: Identity;
  /** Who is to have it. */
  readonly new: Identity;
  readonly groupId: Bytes;
  /**
   * How the leaf is replaced. For an `update` or a `commit`, the old signature key signed the message. For a `resync`
   * (an external commit that removes the leaf, §12.4.3.2), only the new one did.
   */
  readonly by: "update" | "commit" | "resync";
}

/**
 * The authentication service (§5.3.1): it decides who is who. Each answer must be `true` or `false`. A thrown error is
 * no answer: the operation fails with `try-again`.
 * @example
 * const authentication: AuthenticationService = {
 *   validate: ({ credential, signatureKey }) => directory.has(credential, signatureKey),
 * };
 */
export interface AuthenticationService {
  /**
   * Whether the signature key belongs to whom the credential names. Asked about each member that is added, joins,
   * changes its leaf or is in a group to join, and about each external sender that a group lists; and about the key
   * packages that this client reads. Members aren't asked
   * about again while nothing changes. All members must answer alike about a message, or the group splits: to revoke a
   * key, first remove the member from its groups, then take the key out of the directory.
   */
  validate(claim: CredentialClaim): Awaitable<boolean>;
  /**
   * Whether a new credential and key may take the leaf of old ones. Asked after {@link validate}, unless neither the
   * credential nor the key changes. If it said yes to all, any user could take the place of any other by an external
   * commit. Default: the credentials must be equal. For basic credentials this means the same identity. A credential
   * of another type may change, for example by renewal, only if the application gives this function.
   */
  isSuccessor?(succession: Succession): Awaitable<boolean>;
  /**
   * Whether two are the same client (§12.2), which can't be added to a group twice, nor if it is a member already.
   * Default: the signature keys are equal, so one user can have several devices in a group. Also asked when a group is
   * resumed (§11), about members of the old and the new group; there the default is that the credentials are equal. All
   * members of a group must decide alike, or the group splits.
   */
  sameClient?(a: Identity, b: Identity): boolean;
}

/**
 * Accepts everybody under any name, in the place of anybody. For tests and demonstrations only: without
 * authentication, the operator of the server can read and change everything.
 * @example
 * const client = await Client.create({ crypto, credential: "alice", authentication: insecureAcceptAll() });
 */
export function insecureAcceptAll(): AuthenticationService {
  return { validate: () => true, isSuccessor: () => true };
}

/** @throws MlsError `usage` without an authentication service: JavaScript callers have no type checker */
export function needAuthentication(service: AuthenticationService | undefined): void {
  const optional = [service?.isSuccessor, service?.sameClient];
  if (
    typeof service?.validate === "function" &&
    optional.every((one) => one === undefined || typeof one === "function")
  ) {
    return;
  }
  throw new MlsError(
    "usage",
    "expected an authentication service: a method `validate`, and perhaps `isSuccessor` and `sameClient`",
  );
}

/** Who is to enter a group, and the present holder of the leaf, if it has one. */
export interface Entrant {
  readonly identity: Identified;
  readonly role: CredentialClaim["role"];
  readonly replaces?: { readonly old: Identified; readonly by: Succession["by"] } | undefined;
}

interface Asking {
  readonly authentication: AuthenticationService;
}

/**
 * §5.3.1: asks the application about somebody who is to enter a group. A member's leaf is signed with its key, which is
 * validated with that signature; an external sender has signed nothing yet, so its key is validated here.
 * @throws MlsError `authentication`; ValidationError for an invalid key of an external sender
 */
export async function authenticate(
  { authentication, provider }: Asking & { readonly provider: CipherSuiteProvider },
  groupId: Uint8Array | undefined,
  { identity, role, replaces }: Entrant,
): Promise<void> {
  if (role === "external-sender") await validateSignatureKey(provider, identity.signatureKey);
  const valid = await ask(() =>
    authentication.validate({ groupId: copied(groupId), role, ...identityOf(identity) }),
  );
  if (!valid) throw new MlsError("authentication", "the authentication service refused a credential");
  if (replaces === undefined || groupId === undefined) return;
  const { old, by } = replaces;
  if (sameIdentity(old, identity)) return;
  const succession = { old: identityOf(old), new: identityOf(identity), groupId: copied(groupId), by };
  if (!(await isSuccessor(authentication, succession))) {
    throw new MlsError("authentication", "the credential isn't a successor of the one that it replaces");
  }
}

async function isSuccessor(service: AuthenticationService, succession: Succession): Promise<boolean> {
  const { old, new: next } = succession;
  const unchanged = sameCredential(old, next);
  if (service.isSuccessor !== undefined) {
    return ask(() => service.isSuccessor?.(succession) ?? false);
  }
  if (!unchanged && !(isBasicCredential(old.credential) && isBasicCredential(next.credential))) {
    const types = `${old.credential.credentialType} by one of type ${next.credential.credentialType}`;
    throw new MlsError("authentication", `only \`isSuccessor\` can replace a credential of type ${types}`);
  }
  return unchanged;
}

/** Whether the answer is yes. Nothing else counts as one. */
function ask(question: () => Awaitable<boolean>): Awaitable<boolean> {
  return chain(question(), (answer) => answer === true);
}

/** The application's answer; `undefined` if it leaves the matter to the default. @throws MlsError `usage` */
export function sameClient({ authentication }: Asking, a: Identified, b: Identified): boolean | undefined {
  if (authentication.sameClient === undefined) return undefined;
  const answer = authentication.sameClient(identityOf(a), identityOf(b));
  if (typeof answer === "boolean") return answer;
  throw new MlsError("usage", `expected true or false of \`sameClient\`, got a ${typeof answer}`);
}

/** What an application learns of a leaf node: a copy, which it may change. */
function identityOf({ credential, signatureKey }: Identified): Identity {
  return copied({ credential, signatureKey });
}
