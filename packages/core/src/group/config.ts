// RFC 9420 §5.3.1, §8.4, §15: what the application decides, and what every step of a group is computed with.
import type { Awaitable, CipherSuiteProvider } from "../provider/index.js";
import type { RatchetLimits } from "../schedule/index.js";
import type { LifetimeRule } from "../tree/index.js";
import { type Credential, type PreSharedKeyID, type Proposal, WireFormat } from "../wire/index.js";
import type { Registry } from "./extensions/index.js";
import type { Member } from "./member.js";

/** What an authentication service is asked. */
export interface CredentialClaim {
  readonly credential: Credential;
  /** `Npk` bytes */
  readonly signatureKey: Uint8Array;
  readonly groupId?: Uint8Array | undefined;
  /** The credential that this one takes the place of, of which it must be a valid successor (§5.3.1). */
  readonly replaces?: Credential | undefined;
}

/**
 * The application's Authentication Service (§5.3.1): it alone knows whether a credential speaks for the one
 * who holds a signature key.
 */
export interface AuthenticationService {
  /** Whether the claim is true. An error thrown here refuses it too. */
  validate(claim: CredentialClaim): Awaitable<boolean>;
  /**
   * Whether two credentials stand for one client, when a group follows another one (§11.2, §11.3). Without it
   * they do if they are the same bytes.
   */
  sameClient?(a: Credential, b: Credential): boolean;
}

/**
 * Believes every claim: anybody may take any name. For tests and demonstrations, and never for users, since
 * without authentication end-to-end encryption protects nobody against whoever runs the server.
 */
export function insecureAcceptAll(): AuthenticationService {
  return { validate: () => true };
}

/** What an application may choose. */
export interface Policy {
  /** Whether proposals and commits are sent encrypted (§6.3) or only authenticated (§6.2). Both are received. */
  readonly handshake: "private" | "public";
  /** Whether a Welcome carries the ratchet tree, or the application brings it to those who join. */
  readonly ratchetTreeInWelcome: boolean;
  /** The length to which a private message's content of this length is padded with zeros, in bytes (§15.1). */
  readonly padding: (length: number) => number;
  /** For how many seconds own key packages are valid. */
  readonly lifetime: number;
  /** The longest lifetime of others' key packages that is accepted, in seconds (§7.2). */
  readonly maxLifetime: number;
  /** The time in milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** From how many past epochs messages that come late can still be read. */
  readonly maxPastEpochs: number;
  /** Bounds on messages skipped or out of order within an epoch (§9). */
  readonly ratchets: RatchetLimits;
  /** The most members that a group may have. */
  readonly maxMembers: number;
  /** The largest message that is looked at, in bytes. */
  readonly maxMessageSize: number;
  /**
   * Roles (§12.2): whether a proposal may be made by its sender, and committed by the committer. All members of a
   * group must decide alike, or they come apart: what one refuses another one accepts. Everything is permitted if
   * left out.
   */
  readonly authorize?: ((action: ProposedAction) => boolean) | undefined;
}

/** Who sent something: a member, an external sender (§12.1.8), or one who is about to become a member. */
export type Party =
  | { readonly kind: "member"; readonly member: Member }
  | {
      readonly kind: "external";
      readonly senderIndex: number;
      readonly credential: Credential;
      readonly signatureKey: Uint8Array;
    }
  | { readonly kind: "new-member" };

/** What {@link Policy.authorize} is asked. */
export interface ProposedAction {
  readonly proposal: Proposal;
  readonly proposer: Party;
  /** Who commits it; `undefined` while the proposal stands by itself. */
  readonly committer: Party | undefined;
}

/** All that a step of a group is computed with, besides its state. */
export interface GroupConfig {
  readonly provider: CipherSuiteProvider;
  readonly authentication: AuthenticationService;
  readonly policy: Policy;
  /** The pre-shared key of a name, if it is known here. */
  readonly psk: (id: PreSharedKeyID) => Awaitable<Uint8Array | undefined>;
  /** The extensions of the protocol. */
  readonly registry: Registry;
  /** The extension types that this client supports, if it is to be in the group: RFC 9420's own are left out. */
  readonly ownExtensions?: ReadonlySet<number> | undefined;
}

/** The time in seconds since the Unix epoch. */
export function secondsNow(policy: Policy): bigint {
  return BigInt(Math.floor(policy.now() / 1000));
}

/** The rules of a lifetime (§7.2) as the policy has them; without a look at the clock for members of long standing. */
export function lifetimeRule(policy: Policy, clock: "now" | "any"): LifetimeRule {
  const { maxLifetime } = policy;
  return {
    now: clock === "now" ? secondsNow(policy) : undefined,
    maxLifetime: maxLifetime < 2 ** 64 ? BigInt(Math.floor(maxLifetime)) : 2n ** 64n,
  };
}

/** The wire format in which handshake messages are sent. */
export function handshakeFormat({ policy }: GroupConfig): 1 | 2 {
  return policy.handshake === "public" ? WireFormat.publicMessage : WireFormat.privateMessage;
}
